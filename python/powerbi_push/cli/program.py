"""The commands and what stands before them; a command's module is loaded when the command is called."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from powerbi_push import __version__
from powerbi_push.cli.session import Session, end_streams, listen

#: Each command: its module, and what the list of commands says of it.
COMMANDS = {
    "push": ("push", "Push a file, or what comes on stdin, to a table."),
    "schema": ("check", "Read the columns off a file, as JSON for --schema."),
    "validate": ("check", "Check each row of a file; nothing is sent."),
    "plan": ("planning", "Say how many requests and how long a push takes."),
    "workspaces": ("catalog", "List the workspaces that you may see."),
    "datasets": ("catalog", "List the datasets of a workspace."),
    "tables": ("catalog", "List the tables of a dataset."),
    "doctor": ("doctor", "Find out what keeps rows from arriving."),
    "login": ("login", "Sign in, once for all commands of this user."),
    "logout": ("login", "Forget who has signed in with login."),
    "outbox": ("outbox", "Look into the outbox of a sender, deliver or clear it."),
    "emulator": ("emulator", "Run a local Power BI to try things on."),
    "demo": ("demo", "Watch real flights and weather arrive in a local Power BI."),
    "completion": ("completion", "Print what completes commands in your shell."),
}
_FAILED, _WRONGLY_CALLED = 1, 2


class Commands(click.Group):
    """The list of commands, none of which is loaded before it is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Name them in their order."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Load a command."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"powerbi_push.cli.{COMMANDS[name][0]}"), name)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])
        del context


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="powerbi-push")
@click.option("--cloud", default="public", show_default=True, help="public, usgov, usgovhigh, usgovdod or china.")
@click.option("--base-url", metavar="URL", help="Scheme and host of the service; default is the cloud's.")
@click.option(
    "--quotas",
    type=click.Choice(["pro", "free", "none"]),
    default="pro",
    show_default=True,
    help="Which limits are kept before the service has to refuse.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on stderr but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Also what is only worth a note.")
@click.option("--traceback", is_flag=True, help="Where in the code an error came from.")
@click.pass_context
def program(context: click.Context, /, **given: Any) -> None:
    """Push rows into Power BI: every row checked, an honest answer about each.

    The sign-in comes from the environment (POWERBI_PUSH_TOKEN, or AZURE_TENANT_ID, AZURE_CLIENT_ID and
    AZURE_CLIENT_SECRET) or from `login`, never from arguments, which every user of a machine can read.
    """
    context.obj = Session(**given)
    listen(context.obj)


def run(arguments: list[str]) -> int:
    """Run the command.

    Args:
        arguments: What stands behind its name.

    Returns:
        The exit code: 0 where all went well, 1 where something failed, 2 where it was called wrongly.
    """
    as_json, traceback = ("--json" in arguments, "--traceback" in arguments)
    try:
        answer = program.main(arguments, prog_name="powerbi-push", standalone_mode=False)
        code = answer if isinstance(answer, int) else 0
    except BrokenPipeError:
        code = _FAILED
    except (Exception, KeyboardInterrupt) as error:
        code = _WRONGLY_CALLED if isinstance(error, click.UsageError) else _FAILED
        if traceback and not isinstance(error, click.UsageError | click.Abort):
            raise
        from powerbi_push.cli.failures import tell_any  # noqa: PLC0415 - where all is well nobody pays for it

        with suppress(OSError):  # where nobody reads on, the exit code has to say it
            tell_any(error, as_json=as_json)
    return code if end_streams() else code or _FAILED
