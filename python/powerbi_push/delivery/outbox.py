"""Looking into the outbox of a sender, and clearing it up."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NoReturn

from powerbi_push import _core
from powerbi_push.calls.arguments import keyless, look_at, refuse, shown
from powerbi_push.delivery.sender import open_senders
from powerbi_push.exceptions import ConfigurationError, OutboxError
from powerbi_push.tracebacks import Hidden, frameless, shown_unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.exceptions import PowerBIPushError

#: How the names of the files go on that lie beside an outbox and belong to it.
_OURS = re.compile(
    r"(?:-(?:wal|shm|lock|journal|mark(?:-[12])?)"
    r"|\.(?:corrupt-\d+|draft(?:-[0-9a-f]{16}(?:-copy)?)?|new)(?:-(?:wal|shm|journal))?)?"
)


@shown_unfinished
@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that a sender could not deliver for good.

    Attributes:
        row: Its cells, as they were sent.
        error: What the service said of the request that it was in.
        in_doubt: Whether it was sent and never answered for; otherwise the service refused it.
        at: When it was set aside, in UTC.
    """

    row: dict[str, Any]
    error: PowerBIPushError
    in_doubt: bool
    at: datetime


@shown_unfinished
class Outbox:
    """The file in which a sender keeps its rows (``table.sender(outbox="rows.db")``), to look into and to clear up.

    Reading is always possible. `retry` and `drop` write: a sender in another process must be closed first.

    This is the way to look: it keeps out of the sender's way. The file is an SQLite database, and other programs may
    read it, too; on Linux also Python's own `sqlite3` in the sender's process. On other systems that takes the sender's
    locks away: look from another process there. Whoever cuts or writes over the files while they are open may end the
    process, and lose rows. A child that was forked without Python's knowledge, by C code, keeps the outbox locked for
    as long as it lives.

    >>> from powerbi_push import DatasetSchema, Outbox, TableSchema
    >>> from powerbi_push.emulator import Emulator
    >>> with Emulator() as emulator:
    ...     schema = DatasetSchema("Plant", [TableSchema("Boiler", {"celsius": float})])
    ...     table = emulator.client().create_dataset(schema).table()
    ...     with table.sender(outbox="rows.db") as sender:
    ...         sender.send({"celsius": 81.5})
    >>> outbox = Outbox("rows.db")
    >>> outbox.pending, outbox.rejected()
    (0, [])
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Look at the outbox at `path`.

        Raises:
            OutboxError: There is none, or it cannot be read.
        """
        # From here on no traceback that shows local variables shows a key that stands here by mistake.
        asked, path = Hidden(path), ""
        self.path = Path(_core.check_path("path", asked.value))
        # It stays the same one wherever the program goes.
        self._path = self.path.absolute()
        self._core = _core.Outbox(self._path)

    @property
    def pending(self) -> int:
        """Rows that wait to be delivered, and those that were sent and not answered yet.

        Raises:
            OutboxError: Not all of them are there: the file is damaged.
        """
        return self._core.pending()

    def rejected(self) -> list[RejectedRow]:
        """Rows that the service refused, or never answered for where that was the end (``on_doubt="raise"``).

        Returns:
            One for each row, oldest first.

        Raises:
            OutboxError: Not all of them are there, or one is damaged: `export` writes the others, `retry` and `drop` do
                without it.
        """
        return [
            RejectedRow(
                json.loads(told["row"]), told["error"], told["in_doubt"], datetime.fromtimestamp(told["at"], UTC)
            )
            for told in self._core.rejected()
        ]

    def retry(self) -> int:
        """Put the rejected rows behind those that wait; the next sender delivers them, or the one that is open here.

        Returns:
            How many rows that were.

        Raises:
            OutboxError: Another process has the outbox open for writing.
        """
        return self._writer().retry()

    def drop(self) -> int:
        """Delete the rejected rows for good.

        Returns:
            How many rows that were.

        Raises:
            OutboxError: Another process has the outbox open for writing.
        """
        return self._writer().drop()

    def export(
        self, file: str | os.PathLike[str] | IO[str] | IO[bytes], *, rows: Literal["all", "pending", "rejected"] = "all"
    ) -> int:
        """Write rows as JSON Lines: one object a line, in the order they were accepted. They stay in the outbox.

        Args:
            file: A path (an existing file is overwritten, and closed to others), or an open file of text or bytes.
            rows: Which ones; "all" is those that wait, then the rejected ones.

        Returns:
            How many rows that were.

        Raises:
            ConfigurationError: `file` is the outbox itself, or a file that belongs to it, or would once it is there.
            BlockingIOError: The file took only a part, and would have to wait for the rest.
            OutboxError: The file cannot be written. Or not all rows are there, since the outbox is damaged: all that
                can be read is written, and the error says how many rows that are and how many are missing.
        """
        _core.check_word("rows", rows, ["all", "pending", "rejected"])
        look_at("file", file)
        if isinstance(file, (str, os.PathLike)):
            file = _core.check_path("file", file)
            self._refuse_own(file)
            return self._export_to(file, rows)
        write: Any = (
            _as_text(file)
            if isinstance(file, io.TextIOBase)
            else _whole(_write_of(file), raw=isinstance(file, io.RawIOBase))
        )
        return self._core.export(rows != "rejected", rows != "pending", write)

    def _export_to(self, path: str | os.PathLike[str], rows: Literal["all", "pending", "rejected"]) -> int:
        try:
            with os.fdopen(_opened(path), "wb") as opened:
                if stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                    _empty(opened)
                return self.export(opened, rows=rows)
        except OutboxError:
            raise
        except OSError as error:
            msg, cause = f"{_unwritable(path, error)}: not all rows are there", keyless(error)
        raise OutboxError(msg) from cause

    def _refuse_own(self, file: str | os.PathLike[str]) -> None:
        """Refuse to write over the outbox; it is not even opened besides."""
        if self._is_own_name(Path(os.path.realpath(file))):
            self._refuse(file)
        for own in self._files():
            # Some come and go; a file that is not there is made.
            with suppress(OSError):
                if own.samefile(file):
                    self._refuse(file)

    @staticmethod
    def _refuse(file: str | os.PathLike[str]) -> NoReturn:
        msg = f"`{os.fspath(file)}` belongs to the outbox: rows are exported to a file of their own"
        raise ConfigurationError(msg)

    def _is_own_name(self, file: Path) -> bool:
        """Whether an outbox would take a file of this name for its own, though it is not there yet."""
        outbox = self._path.resolve()
        is_beside = file.parent == outbox.parent and file.name.startswith(outbox.name)
        return is_beside and _OURS.fullmatch(file.name, len(outbox.name)) is not None

    def _files(self) -> Iterator[Path]:
        """The outbox and the files beside it that are its own."""
        outbox = self._path.resolve()
        yield from filter(self._is_own_name, outbox.parent.iterdir())

    def _writer(self) -> _core.Outbox | _core.Sender:
        for sender in open_senders():
            held = sender._core.outbox_path()  # noqa: SLF001 - the same package
            if held is not None and self._path.samefile(held):
                return sender._core  # noqa: SLF001 - the same package
        return self._core

    def __repr__(self) -> str:
        """Show where it is."""
        return f"Outbox({_core.without_keys(repr(str(self.path)))})"


@frameless
def _opened(file: str | os.PathLike[str]) -> int:
    try:
        return os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError as error:
        msg, cause = _unwritable(file, error), keyless(error)
    raise OutboxError(msg) from cause


def _unwritable(file: str | os.PathLike[str], error: OSError) -> str:
    return f"`file` cannot be written: {shown(os.fspath(file))}: {error.strerror}"


def _empty(opened: IO[bytes]) -> None:
    # Nobody else may read what comes, and only then does anything come.
    if os.name == "posix" and stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
        os.fchmod(opened.fileno(), 0o600)
    opened.truncate(0)


def _write_of(file: object) -> Any:
    write = None
    with suppress(Exception):  # whatever a stranger raises, it is no file
        write = getattr(file, "write", None)
    if not callable(write):
        refuse("file", "the path of a file or an open file", file)
    return write


def _whole(write: Any, *, raw: bool) -> Any:
    """Write pieces whole: a file without a buffer takes a part of one, or nothing where it would have to wait."""

    def written(piece: bytes) -> None:
        while piece:
            count = write(piece)
            if count is None and raw:
                count = 0
            if not isinstance(count, int) or isinstance(count, bool):
                return
            if count <= 0:
                raise BlockingIOError(errno.EAGAIN, "the file does not take all rows: give it a buffer, or let it wait")
            piece = piece[count:]

    return written


def _as_text(file: IO[str]) -> Any:
    # Pieces may end within a character.
    decoder = codecs.getincrementaldecoder("utf-8")()
    return lambda piece: file.write(decoder.decode(piece))
