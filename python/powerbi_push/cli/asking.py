"""Options that several commands have: which file, what is in it, and how its rows are judged."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

from powerbi_push import _core
from powerbi_push.cli.files import FORMATS, Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.cli.files import Format

#: The name of a file, which shells complete; whether it can be read is seen when it is.
FILE = click.Path(readable=False, allow_dash=True)
Command = TypeVar("Command", bound="Callable[..., Any]")
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]*://")
_NO_DELIMITERS = '"\r\n'
_UNFIT = re.compile(r"[^\w -]+")

_TABLE = click.option("--table", metavar="NAME", help="The table's name, also in --schema; default is FILE's.")
_TABLE_OF_TARGET = click.option("--table", metavar="NAME", help="The table; TARGET is the dataset alone then.")
_FILE = [
    click.option("--schema", type=FILE, metavar="FILE", help="Types of the columns, as `powerbi-push schema` writes."),
    click.option(
        "--format", "kind", type=click.Choice(FORMATS), help="What FILE holds; default is what its name says."
    ),
    click.option("--encoding", metavar="NAME", help="Of CSV and JSON; default is UTF-8, or UTF-16 with a mark."),
    click.option("--delimiter", metavar="CHARACTER", help="Between cells of CSV; default is a comma, in .tsv a tab."),
]
_ROWS = [
    click.option("--convert/--no-convert", default=None, help="Take text for what it means; default for CSV."),
    click.option("--unknown-columns", type=click.Choice(["error", "ignore"]), help="Columns that the schema lacks."),
    click.option("--too-long", type=click.Choice(["error", "truncate"]), help="Text of more than 4,000 characters."),
    click.option("--nan", type=click.Choice(["null", "error"]), help="What NaN becomes."),
    click.option("--decimals", type=click.Choice(["error", "round"]), help="More than 4 decimal places."),
    click.option(
        "--naive-datetimes",
        type=click.Choice(["keep", "utc", "local", "error"]),
        help="Dates and times without a zone.",
    ),
]
_ROW_NAMES = ("unknown_columns", "too_long", "nan", "decimals", "naive_datetimes")


def seconds(text: str) -> float:
    """Take a length of time."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        msg = f"{text!r} is no number of seconds from 0"
        raise click.BadParameter(msg)
    return number


def reads_file(command: Command) -> Command:
    """Give a command the options of a file and of its rows."""
    return _with([_TABLE, *_FILE, *_ROWS], command)


def reads_file_for_target(command: Command) -> Command:
    """The same where a TARGET is given, too."""
    return _with([_TABLE_OF_TARGET, *_FILE, *_ROWS], command)


def _with(options: list[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def asked_of(file: str, given: dict[str, Any]) -> Asked:
    """Take the options that say which file it is."""
    if _ADDRESS.match(file):
        msg = f"FILE is a file on this machine, or - for stdin, and no address: {_core.without_keys(file)}"
        raise click.UsageError(msg)
    delimiter = given["delimiter"]
    if delimiter is not None:
        delimiter = delimiter.replace("\\t", "\t")
        if len(delimiter) != 1:
            msg = "--delimiter is one character"
            raise click.UsageError(msg)
        if delimiter in _NO_DELIMITERS:
            msg = "--delimiter is neither a quote nor the end of a line"
            raise click.UsageError(msg)
    kind: Format | None = given["kind"]
    return Asked(path=file, format=kind, encoding=given["encoding"], delimiter=delimiter)


def row_options(given: dict[str, Any], kind: str) -> dict[str, Any]:
    """Take the options that say how rows are judged; CSV is converted unless somebody says no."""
    told = {name: given[name] for name in _ROW_NAMES if given[name] is not None}
    convert = kind == "csv" if given["convert"] is None else given["convert"]
    return {**told, "convert": convert}


def name_of(asked: Asked, given: dict[str, Any]) -> str:
    """What the table of a file is called where nothing says so."""
    return given["table"] or _UNFIT.sub("_", asked.stem)
