"""Where rows go: names on the command line, a push URL only from a file or the environment."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from powerbi_push import _core
from powerbi_push.calls.arguments import is_address
from powerbi_push.cli.failures import CommandError
from powerbi_push.exceptions import ConfigurationError
from powerbi_push.powerbi.streaming import TABLE_NAME
from powerbi_push.tracebacks import Hidden

VARIABLE = "POWERBI_PUSH_URL"


def read_target(target: str | None, table: str | None, *, url_in_arguments: bool) -> Hidden[str]:
    """Say what is meant by TARGET.

    Args:
        target: What stands on the command line.
        table: What ``--table`` says: TARGET is the dataset then.
        url_in_arguments: Whether ``--allow-url-in-argv`` was said.
    """
    if target is None:
        found = Hidden(os.environ.get(VARIABLE, ""))
        if not found.value:
            msg = f'TARGET is missing: "Dataset/Table", "Workspace/Dataset/Table", @FILE with a push URL, or {VARIABLE}'
            raise click.UsageError(msg)
    elif target.startswith("@"):
        found = _from_file(target[1:])
    else:
        found = Hidden(target)
        if not url_in_arguments and _is_secret(found):
            msg = "a push URL is a secret, and every user of this machine can read arguments"
            hint = f"put it into a file and say @FILE, or into {VARIABLE}; --allow-url-in-argv takes it all the same"
            raise click.UsageError(f"{msg}: {hint}")
    if table is not None and "/" in table:
        msg = f"--table is the name of one table, without a slash: {_core.without_keys(repr(table))}"
        raise click.UsageError(msg)
    if table is not None and not is_address(found):
        return Hidden(f"{found.value}/{table}")
    return found


def is_push_url(target: Hidden[str]) -> bool:
    """Whether it is the address of a streaming dataset, and not that of a table."""
    return is_address(target) and "/tables/" not in target.value


def _is_secret(target: Hidden[str]) -> bool:
    """A push URL, or what has a key in it; the rows address of a table has none."""
    if not is_address(target):
        return _core.holds_key(target.value)
    try:
        url = urlsplit(target.value.strip())
    except ValueError:
        return True
    return bool(url.query or url.fragment or url.username) or not url.path.startswith("/v1.0/myorg/")


def _from_file(path: str) -> Hidden[str]:
    found = Hidden(Path(path).read_text(encoding="utf-8-sig").strip())
    if not found.value or "\n" in found.value:
        msg = f"{path}: is no file with one push URL"
        raise CommandError(msg, hint='put the push URL into it, from "API info" in Power BI, and nothing else')
    return found


def table_of(target: Hidden[str]) -> str:
    """The name of the table that rows go into."""
    if not is_address(target):
        return target.value.rpartition("/")[2] or TABLE_NAME
    parts = urlsplit(target.value.strip()).path.split("/")
    if "tables" in parts[:-1]:
        return parts[parts.index("tables") + 1]
    return TABLE_NAME


def check_names(target: Hidden[str]) -> None:
    """Refuse what is no target before a long file is read for it."""
    from powerbi_push.powerbi.targets import place  # noqa: PLC0415 - beside its one use

    if is_address(target):
        return
    try:
        place(target, "")
    except ConfigurationError as error:
        raise click.UsageError(str(error.message) + (f"; {error.hint}" if error.hint else "")) from None
