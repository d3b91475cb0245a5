"""NDJSON and JSON as rows, object by object, in constant memory."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from powerbi_push import _core
from powerbi_push.cli.decoders import TwiceError, decoders_of
from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.lines import packed
from powerbi_push.cli.readings import Broken, Chunk
from powerbi_push.cli.texts import text_of, undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import TextIOWrapper

    from powerbi_push.cli.decoders import Decoders
    from powerbi_push.cli.files import Opened

_CHUNK = 1_000
#: Characters that are read at once, and those of one object at most.
_PIECE, _LONGEST = 1 << 16, 16_000_000
#: Characters of a broken line that are kept.
_SHOWN = 10_000
_TOO_LONG = "is longer than 16 MB"
_ENDS = ("\n", "\r")
_WHITE = re.compile(r"[ \t\r\n]*")
#: What opens or closes an array or object, apart from what stands in texts; a text that has no end goes on to the end.
_BRACKET = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)
_START = re.compile(r'[ \t\r\n]*(?:\{[ \t\r\n]*"rows"[ \t\r\n]*:[ \t\r\n]*)?\[')


def ndjson_chunks(opened: Opened, on_broken: Callable[[Broken], None]) -> Iterator[Chunk]:
    """Read one object a line."""
    if opened.head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        msg = "is a JSON array, not one object a line"
        raise BrokenFileError(msg, hint="--format json")
    lines, line, failure = _read(text_of(opened)), 0, None
    decoders = decoders_of(opened.asked)
    while failure is None:
        taken: list[str] = []
        try:
            taken.extend(islice(lines, _CHUNK))
        except BrokenFileError as error:
            failure = BrokenFileError(str(error), hint=error.hint)
        except UnicodeError as error:
            failure = undecodable(line + len(taken), error)
        if not taken:
            break
        yield from ndjson_rows(taken, line + 1, on_broken, decoders)
        line += len(taken)
    if failure is not None:
        raise failure


class Long(str):
    """The first characters of a line that is too long, which are no JSON, whatever they are."""

    __slots__ = ()

    @classmethod
    def of(cls, start: str) -> Long:
        """Keep as much of it as is shown."""
        return cls(start[:_SHOWN] + "\0")


def _read(stream: TextIOWrapper) -> Iterator[str]:
    while line := stream.readline(_LONGEST + 1):
        if len(line) <= _LONGEST or line.endswith(_ENDS):
            yield line
            continue
        while (rest := stream.readline(_PIECE)) and not rest.endswith(_ENDS):
            pass
        yield Long.of(line)


def ndjson_rows(
    taken: list[str], first: int, on_broken: Callable[[Broken], None], decoders: Decoders
) -> Iterator[Chunk]:
    """Parse lines of which the first has the number `first`; what is in front of a broken one goes first."""
    try:
        # Nearly always all are well; blank lines are broken here and looked at below.
        rows = [*map(decoders.plain.decode, taken)]
    except (ValueError, RecursionError):
        pass
    else:
        if _has_all_keys("".join(taken), rows):
            yield Chunk(range(first, first + len(taken)), rows)
            return
    yield from _one_by_one(taken, first, on_broken, decoders)


def _one_by_one(
    taken: list[str], first: int, on_broken: Callable[[Broken], None], decoders: Decoders
) -> Iterator[Chunk]:
    rows: list[Any] = []
    places: list[int] = []
    for line, ended in enumerate(taken, first):
        text = ended.rstrip("\r\n")
        if not text.strip():
            continue
        try:
            row = _object_of(text, decoders)
        except (ValueError, RecursionError) as error:
            yield Chunk(packed(places), rows)
            rows, places = [], []
            reason = _TOO_LONG if isinstance(ended, Long) else _told(error)
            on_broken(Broken(line, reason, text[:_SHOWN]))
        else:
            rows.append(row)
            places.append(line)
    yield Chunk(packed(places), rows)


def _has_all_keys(text: str, rows: list[Any]) -> bool:
    """Whether objects have all keys of their text. That `json` asks a hook for each object takes a third more time."""
    if set(map(type, rows)) != {dict}:
        return False
    count = sum(map(len, rows))
    # Where there are no other colons, to count those is enough.
    return text.count(":") == count or _core.json_keys(text) == count


def _object_of(text: str, decoders: Decoders) -> Any:
    row = decoders.plain.decode(text)
    return row if _has_all_keys(text, [row]) else decoders.careful.decode(text)


def _told(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, TwiceError):
        return str(error)
    place = f"{error.msg} at character {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return f"is not JSON: {place}"


def json_chunks(opened: Opened, on_broken: Callable[[Broken], None]) -> Iterator[Chunk]:
    """Read an array of objects, or ``{"rows": [...]}``; what is in front of a broken one goes first."""
    objects, failure = _Text(text_of(opened), decoders_of(opened.asked)).objects(), None
    while failure is None:
        taken: list[Any] = []
        try:
            taken.extend(islice(objects, _CHUNK))
        except BrokenFileError as error:
            failure = error
        if not taken:
            break
        yield from _of_elements(taken, on_broken)
    if failure is not None:
        raise failure


def _of_elements(taken: list[Any], on_broken: Callable[[Broken], None]) -> Iterator[Chunk]:
    rows: list[Any] = []
    places: list[int] = []
    for line, row in taken:
        if isinstance(row, Broken):
            yield Chunk(packed(places), rows)
            rows, places = [], []
            on_broken(row)
        else:
            rows.append(row)
            places.append(line)
    yield Chunk(packed(places), rows)


def _end_of(text: str, start: int) -> int | None:
    """Where an array or object ends; None where it is not whole. It may be nested as deeply as it likes."""
    depth = 0
    for found in _BRACKET.finditer(text, start):
        mark = found[0]
        depth += 1 if mark in "[{" else -1 if mark in "]}" else 0
        if depth == 0:
            return found.end()
    return None


class _Text:
    """A window that moves over a long text."""

    def __init__(self, stream: TextIOWrapper, decoders: Decoders) -> None:
        self._stream, self._decoders = stream, decoders
        self._held, self._at, self._line = "", 0, 1
        self._ended = False

    def objects(self) -> Iterator[tuple[int, Any]]:
        """Give what is in the array, each with its line; what is no row is `Broken`."""
        self._begin()
        while (mark := self._next()) != "]":
            yield self._line, self._object()
            if (mark := self._next()) == ",":
                self._move(self._at + 1)
                if self._next() == "]":
                    raise self._broken("is not JSON: the array ends behind a comma")
                continue
            if mark != "]":
                raise self._broken("`,` or `]` is missing" if mark else "the array has no end")
        self._end()

    def _begin(self) -> None:
        while not (found := _START.match(self._held)):
            if self._ended or len(self._held) > _PIECE:
                raise self._no_array()
            self._more()
        self._move(found.end())

    def _end(self) -> None:
        """Nothing may follow but the end of ``{"rows": [...]}``."""
        self._move(self._at + 1)
        while not self._ended:
            self._more()
        if self._held[self._at :].strip() not in {"", "}"}:
            self._next()
            raise self._broken("something follows behind the array")

    def _no_array(self) -> BrokenFileError:
        if self._held.lstrip().startswith("{"):
            msg = "is no array of objects"
            return BrokenFileError(msg, hint="one object a line is --format ndjson; a single row needs [ ] around it")
        if not self._held.strip():
            return BrokenFileError("is empty: there is no array")
        return BrokenFileError("is no JSON array of objects", hint="--format csv, if that is what it holds")

    def _next(self) -> str:
        """Go to the next character that is not white; empty at the end."""
        while True:
            self._move(_WHITE.match(self._held, self._at).end())  # type: ignore[union-attr]  # it matches nothing too
            if self._at < len(self._held) or self._ended:
                return self._held[self._at : self._at + 1]
            self._more()

    def _object(self) -> Any:
        while True:
            failure = None
            try:
                value, end = self._decoders.plain.raw_decode(self._held, self._at)
            except (ValueError, RecursionError) as error:
                failure = error
            else:
                # What ends with the window may go on behind it.
                if end < len(self._held) or self._ended:
                    value = self._careful(end, value)
                    self._move(end)
                    return value
            if isinstance(failure, RecursionError) and (behind := _end_of(self._held, self._at)):
                broken = Broken(self._line, _told(failure), self._held[self._at : min(behind, self._at + _SHOWN)])
                self._move(behind)
                return broken
            if self._ended:
                raise self._broken(_told(failure) if failure else "the array has no end")
            if len(self._held) - self._at > _LONGEST:
                raise self._broken("an object has no end within 16 MB")
            self._more()

    def _careful(self, end: int, value: Any) -> Any:
        """The value, unless it has a key twice."""
        text = self._held[self._at : end]
        try:
            _has_all_keys(text, [value]) or self._decoders.careful.decode(text)
        except TwiceError as error:
            return Broken(self._line, str(error), text[:_SHOWN])
        return value

    def _move(self, end: int) -> None:
        self._line += self._held.count("\n", self._at, end)
        self._at = end

    def _more(self) -> None:
        """Forget what was read, and read as much again as is held."""
        rest = self._held[self._at :]
        try:
            piece = self._stream.read(max(_PIECE, len(rest)))
        except BrokenFileError as error:
            raise BrokenFileError(str(error), line=self._line, hint=error.hint) from None
        self._held, self._at, self._ended = rest + piece, 0, not piece

    def _broken(self, reason: str) -> BrokenFileError:
        return BrokenFileError(reason, line=self._line)
