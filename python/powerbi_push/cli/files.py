"""Files and stdin as bytes: what they hold, by their ending and by their first bytes, and what is packed unpacked."""

from __future__ import annotations

import io
import os
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from powerbi_push.cli.judge import Judge

Format = Literal["csv", "ndjson", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "ndjson", "json", "parquet")
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
#: How files begin that are no text.
_MAGIC = {
    b"PAR1": "Parquet",
    b"PK\x03\x04": "a zip archive, such as a workbook of Excel",
    b"\x1f\x8b": "gzip inside gzip",
    b"SQLite format": "an SQLite database",
    b"%PDF": "PDF",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_GZIP = b"\x1f\x8b"
_LOOK = 4_096


class BrokenFileError(Exception):
    """A file cannot be read on, or is not what it says.

    Attributes:
        line: Where, from 1; None where it is about the file as a whole.
        hint: What to do next.
    """

    def __init__(self, reason: str, *, line: int | None = None, hint: str | None = None) -> None:
        """Make it from what is wrong."""
        super().__init__(reason)
        self.line = line
        self.hint = hint


@dataclass(slots=True, kw_only=True)
class Asked:
    """Which file, and what is in it.

    Attributes:
        judge: What its rows are to be, where a file of types says so.
    """

    path: str
    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    judge: Judge | None = None

    @property
    def is_stdin(self) -> bool:
        """Whether rows come on stdin."""
        return self.path == "-"

    @property
    def name(self) -> str:
        """What messages call it."""
        return "stdin" if self.is_stdin else self.path

    @property
    def stem(self) -> str:
        """What a table is called that is made of it."""
        return "stdin" if self.is_stdin else Path(self.path).name.split(".")[0] or "rows"

    def ending(self) -> str:
        """The ending of its name, that of a packed file apart."""
        name = self.path.lower().removesuffix(".gz")
        return Path(name).suffix


class Opened:
    """A file that is read: its bytes unpacked, and how far that has come."""

    def __init__(self, asked: Asked) -> None:
        """Open it, and look at its first bytes."""
        self.asked = asked
        if asked.is_stdin and sys.stdin is None:
            msg = "is closed"
            raise BrokenFileError(msg)
        raw = sys.stdin.buffer if asked.is_stdin else Path(asked.path).open("rb")  # noqa: SIM115 - closed by `close`
        self._raw: Any = raw
        self._text: io.TextIOWrapper | None = None
        self.size = None if asked.is_stdin else os.fstat(raw.fileno()).st_size
        head = _peek(raw)
        if not head.startswith(_GZIP) and asked.path.lower().endswith(".gz"):
            msg = "is not gzip, though its name says so"
            raise BrokenFileError(msg, hint="name it without .gz if it is not packed")
        self.bytes: IO[bytes] = raw
        if head.startswith(_GZIP):
            self.bytes = io.BufferedReader(_Unpacked(raw), 1 << 17)
            head = self._first()
        self.format: Format = asked.format or _ENDINGS.get(asked.ending()) or _guess(asked, head)
        if self.format != "parquet":
            _refuse_binary(head, self.format, is_other=asked.encoding is not None)

    def _first(self) -> bytes:
        return _peek(self.bytes)

    @property
    def head(self) -> bytes:
        """The first bytes of what is not read yet."""
        return self._first()

    @property
    def is_packed(self) -> bool:
        """Whether it is gzip."""
        return self.bytes is not self._raw

    def share(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None of a stream."""
        if not self.size:
            return None
        return min(1.0, float(self._raw.tell()) / self.size)

    def decoded(self, encoding: str, errors: str) -> io.TextIOWrapper:
        """The file as text. It stays here: who forgets a text closes its file."""
        self._text = io.TextIOWrapper(self.bytes, encoding=encoding, errors=errors, newline="")
        return self._text

    def close(self) -> None:
        """Let go of it; stdin stays open."""
        if self._text is not None:
            self._text.detach()
        if not self.asked.is_stdin:
            self._raw.close()


class _Unpacked(io.RawIOBase):
    """What is in a gzip file; one that ends too early says so."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__()
        from gzip import BadGzipFile, GzipFile  # noqa: PLC0415 - few files are packed

        self._file = GzipFile(fileobj=packed)
        self._damages = (BadGzipFile, zlib.error)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        try:
            # No more than is at hand: what is read in front of a damage would be lost with it.
            piece = self._file.read1(len(room))
        except EOFError:
            msg = "the gzip file ends in the middle: it is cut off"
            raise BrokenFileError(msg, hint="fetch it again") from None
        except self._damages as error:
            msg = f"the gzip file is damaged: {error}"
            raise BrokenFileError(msg, hint="fetch it again") from None
        room[: len(piece)] = piece
        return len(piece)


def _peek(stream: Any) -> bytes:
    head: bytes = stream.peek(_LOOK)[:_LOOK]
    return head


def _guess(asked: Asked, head: bytes) -> Format:
    if not asked.is_stdin:
        msg = f"`{asked.path}` does not end in one of {', '.join(_ENDINGS)}: say what it holds with --format"
        raise click.UsageError(msg)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"{"):
        return "ndjson"
    return "json" if start.startswith(b"[") else "csv"


def _refuse_binary(head: bytes, kind: str, *, is_other: bool) -> None:
    """Say what a file is instead of text; texts in other encodings may hold zero bytes."""
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            msg = f"is {what}, not {kind.upper()}"
            raise BrokenFileError(msg, hint="--format parquet" if magic == b"PAR1" else None)
    if b"\0" in head and not is_other and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        msg = f"holds zero bytes and is no text, not {kind.upper()}"
        # The first character of a text in UTF-16 is hardly ever beyond the first 256.
        encoding = "utf-16-be" if head.startswith(b"\0") else "utf-16-le"
        raise BrokenFileError(msg, hint=f"a text in UTF-16 without a mark at its start needs --encoding {encoding}")
