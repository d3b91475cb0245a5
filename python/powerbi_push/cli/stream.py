"""What comes on a pipe: bytes as they come until a signal, and the rows in them."""

from __future__ import annotations

import os
import platform
import select
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from powerbi_push.cli.csv_rows import CsvTable
from powerbi_push.cli.decoders import decoders_of
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.json_rows import Long, ndjson_rows
from powerbi_push.cli.readings import Chunk, dicts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from powerbi_push.cli.files import Asked
    from powerbi_push.cli.readings import Broken

#: Bytes that are taken at once: what a pipe holds.
_PIECE = 1 << 16
#: Bytes of one line at most: no request is longer.
_LONGEST = 16_000_000
#: Windows waits for sockets only.
_SELECTS = platform.system() != "Windows"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Input:
    """A pipe or a file that is read until it ends, or until SIGTERM or Ctrl-C.

    A signal interrupts nothing that is being done with rows: it wakes the waiting for more. What is done within
    `raising`, before there are any, it interrupts.
    """

    def __init__(self, asked: Asked) -> None:
        """Nothing is opened yet."""
        self.asked = asked
        self.ended_by_signal = False
        self._file = -1
        self._raises = False

    def __enter__(self) -> Self:
        """Open it, and listen to signals."""
        if self.asked.is_stdin and sys.stdin is None:
            msg = "is closed"
            raise BrokenFileError(msg)
        self._file = sys.stdin.fileno() if self.asked.is_stdin else os.open(self.asked.path, os.O_RDONLY)
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._before = [signal.signal(number, self._stop) for number in _SIGNALS]
        self._wakeup = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        return self

    def _stop(self, *_: object) -> None:
        self.ended_by_signal = True
        if self._raises:
            raise KeyboardInterrupt

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Have a signal raise `KeyboardInterrupt`, also one that came before."""
        self._raises = True
        try:
            if self.ended_by_signal:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Listen no more."""
        signal.set_wakeup_fd(self._wakeup)
        for number, before in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, before)
        for file in (self._woken, self._wake):
            os.close(file)
        if not self.asked.is_stdin:
            os.close(self._file)

    def read(self) -> bytes:
        """Wait for bytes; none are the end."""
        while not self.ended_by_signal:
            if self._comes():
                return self._taken()
        return b""

    def _comes(self) -> bool:
        """Wait until there is something, or a signal."""
        if _SELECTS and self._file not in select.select([self._file, self._woken], [], [])[0]:
            os.read(self._woken, _PIECE)
            return False
        return True

    def _taken(self) -> bytes:
        return b"" if self.ended_by_signal else os.read(self._file, _PIECE)


class Parser:
    """Makes rows of bytes: NDJSON, or CSV with a header."""

    def __init__(self, source: Input, on_broken: Callable[[Broken], None]) -> None:
        """Wait for the first bytes, to see what they are."""
        self._source, self._on_broken = source, on_broken
        self._held: bytes | bytearray = b""
        while not self._held.strip() and (piece := source.read()):
            self._held += piece
        self._held = self._held.removeprefix(b"\xef\xbb\xbf")
        self.format: Literal["csv", "ndjson"] = self._kind()
        self._line = 0
        self._table: CsvTable | None = None

    @property
    def is_cut_off(self) -> bool:
        """Whether a signal came in the middle of a line."""
        held = self._table.held if self._table else len(self._held.strip())
        return self._source.ended_by_signal and held > 0

    def _kind(self) -> Literal["csv", "ndjson"]:
        if self._held.startswith((b"\x1f\x8b", b"PAR1")):
            msg = "is packed or binary: --follow reads lines of text"
            raise BrokenFileError(msg)
        if self._source.asked.format == "csv":
            return "csv"
        is_json = self._source.asked.format == "ndjson" or self._held.lstrip()[:1] in {b"{", b"[", b""}
        return "ndjson" if is_json else "csv"

    def chunks(self) -> Iterator[Chunk]:
        """Give rows as they come."""
        yield from self._csv() if self.format == "csv" else self._ndjson()

    def _ndjson(self) -> Iterator[Chunk]:
        decoders = decoders_of(self._source.asked)
        for lines in self._lines():
            for chunk in ndjson_rows(lines, self._line + 1, self._on_broken, decoders):
                yield _spread(chunk)
            self._line += len(lines)

    def _csv(self) -> Iterator[Chunk]:
        self._table = table = CsvTable(self._source.asked, self._on_broken)
        piece, self._held = bytes(self._held), b""
        while piece:
            yield from map(_of_dicts, table.read(piece))
            piece = self._source.read()
        # A signal cuts the last line off.
        if not self._source.ended_by_signal:
            yield from map(_of_dicts, table.end())

    def _lines(self) -> Iterator[list[str]]:
        """Give whole lines; the last one need not end with a line feed, unless a signal cut it."""
        held = self._held = bytearray(self._held)
        looked_at = 0
        while True:
            if (end := held.rfind(b"\n", looked_at) + 1) > 0:
                lines = bytes(held[: end - 1]).split(b"\n")
                del held[:end]
                yield [_text(line + b"\n") for line in lines]
            if len(held) > _LONGEST:
                yield [_text(bytes(held))]
                held[:] = self._behind_line()
                looked_at = 0
                continue
            looked_at = len(held)
            piece = self._source.read()
            if not piece:
                break
            held += piece
        if self._held and not self._source.ended_by_signal:
            last, self._held = bytes(held), b""
            yield [_text(last)]

    def _behind_line(self) -> bytes:
        """Pass over the rest of a line; give what has come behind it."""
        while piece := self._source.read():
            _, ended, rest = piece.partition(b"\n")
            if ended:
                return rest
        return b""


def _text(line: bytes) -> str:
    if len(line) > _LONGEST:
        return Long.of(_text(line[:_PIECE]))
    return line.decode("utf-8", "surrogateescape")


def _of_dicts(chunk: Chunk) -> Chunk:
    """A sender may take some of the rows, and the others later."""
    return Chunk(chunk.lines, dicts_of(chunk.rows))


def _spread(chunk: Chunk) -> Chunk:
    """A line may hold an array of objects."""
    if not any(type(row) is list for row in chunk.rows):
        return chunk
    spread: list[tuple[int, Any]] = []
    for line, row in zip(chunk.lines, chunk.rows, strict=True):
        spread += [(line, one) for one in row] if type(row) is list else [(line, row)]
    return Chunk([line for line, _ in spread], [row for _, row in spread])
