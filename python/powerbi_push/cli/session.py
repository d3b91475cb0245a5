"""One call of the command: what was said before the verb, and the two streams that it writes to."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from powerbi_push.powerbi.client import Client

#: Holds a token, for who has one.
_TOKEN = "POWERBI_PUSH_TOKEN"  # noqa: S105 - the name of a variable
#: Between two columns of a table.
_GAP = "  "


@dataclass(slots=True, kw_only=True)
class Session:
    """What was said before the verb. Data go to stdout, everything else to stderr."""

    cloud: str = "public"
    base_url: str | None = None
    as_json: bool = False
    quotas: str = "pro"
    quiet: bool = False
    verbose: bool = False
    traceback: bool = False

    @property
    def place(self) -> dict[str, Any]:
        """Which Power BI it is about and who asks, as the verbs of the package take it."""
        return {"cloud": self.cloud, "base_url": self.base_url, "credential": os.environ.get(_TOKEN) or None}

    def client(self) -> Client:
        """A client that signs in as the environment says."""
        from powerbi_push.powerbi.client import Client  # noqa: PLC0415 - not every command needs one

        quotas: Any = None if self.quotas == "none" else self.quotas
        return Client(quotas=quotas, **self.place)

    def say(self, text: str) -> None:
        """Tell a person something, unless nobody wants to hear."""
        if not self.quiet:
            tell(text)

    def give(self, document: Any, text: str | None = None) -> None:
        """Write data: the document with ``--json``, else the text; a document without a text is always written."""
        if self.as_json or text is None:
            write(json.dumps(document, indent=None if self.as_json else 2, ensure_ascii=False, default=str))
        elif text:
            write(text)

    def give_table(self, rows: Sequence[Mapping[str, Any]], columns: Iterable[str]) -> None:
        """Write a list: an array of objects with ``--json``, else columns side by side."""
        if self.as_json:
            self.give(list(rows))
            return
        self.give(None, "\n".join(table_lines([[_cell(row[column]) for column in columns] for row in rows])))


def _cell(value: Any) -> str:
    return (
        {None: "", True: "yes", False: "no"}.get(value, str(value))
        if not isinstance(value, int | float) or (isinstance(value, bool))
        else f"{value:,}"
    )


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay cells out in columns, side by side."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [_GAP.join(row).rstrip() for row in padded]


def write(text: str) -> None:
    """Write to stdout, so that it is there when this returns; what goes wrong is said of stdout."""
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # noqa: TRY301 - as the system itself would say it
        click.echo(text)
        sys.stdout.flush()
    except OSError as error:
        raise OSError(error.errno, error.strerror, "stdout") from None


def end_streams() -> bool:
    """Write what is still buffered, which would raise when Python ends; say whether all data have got out."""
    well = True
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            well = well and number != 1
    return well


def tell(text: str) -> None:
    """Write a line to stderr; a line that a bar rewrites there is cleared first.

    A log on a disk that is full ends no push: its exit code says what became of it.
    """
    try:
        if sys.stderr is not None and sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)
        click.echo(text, err=True)
    except BrokenPipeError:
        raise
    except OSError:
        pass


def coloured(text: str, colour: str) -> str:
    """Colour a word for a terminal, unless ``NO_COLOR`` is set."""
    wanted = sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return click.style(text, fg=colour, bold=True) if wanted else text


class _Lines(logging.Handler):
    """Writes what the logger says as lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        from powerbi_push.cli.failures import in_flags  # noqa: PLC0415 - it writes by this module

        word = coloured("warning", "yellow") if record.levelno >= logging.WARNING else "note"
        tell(f"{word}: {in_flags(record.getMessage())}")


def listen(session: Session) -> None:
    """Have warnings and the package's logger write lines on stderr."""
    logger = logging.getLogger("powerbi_push")
    level = logging.DEBUG if session.verbose else logging.ERROR if session.quiet else logging.WARNING
    logger.handlers = [_Lines()]
    logger.setLevel(level)
    logger.propagate = False

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        session.say(f"{coloured('warning', 'yellow')}: {message}")

    warnings.showwarning = show
