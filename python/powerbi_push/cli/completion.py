"""`powerbi-push completion`: what makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what your shell reads, such as: powerbi-push completion bash >> ~/.bashrc."""
    from powerbi_push.cli.program import program  # noqa: PLC0415 - it loads this

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(shell)
    click.echo(kind(program, {}, "powerbi-push", "_POWERBI_PUSH_COMPLETE").source())
