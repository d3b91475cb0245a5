"""Bad rows, set aside in a file with their line and what is wrong with them, so that the others can go on."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from powerbi_push import _core
from powerbi_push.cli.failures import in_flags
from powerbi_push.cli.readings import Chunk, dicts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from powerbi_push.cli.readings import Broken
    from powerbi_push.delivery.results import PushResult, RowError, ValidationReport

#: Problems of one row at most: a table has no more columns, and a row may name others.
_PROBLEMS = 200
#: A backslash, a pair of surrogates, or one alone, as JSON in ASCII has them.
_SURROGATE = re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|\\u(?P<alone>d[89a-f]..)")
#: Characters that are held until it is known that the push takes rows.
_HELD = 16_000_000
#: How each entry begins, by which a file is known whose first one is long, or was cut off.
_START, _LOOK = b'{"line": ', 1 << 16
#: Why, where the service has said it of too many rows for all of it to be kept.
_REFUSED = "the service refused these rows"
_TOO_DEEP = "(nested too deeply to be written)"


def check_path(path: str, others: Mapping[str, str | None]) -> None:
    """Refuse a file that is another one's, before anything is opened; `others` are named by what gives them."""
    for name, other in others.items():
        if other is not None and other != "-" and _is_same(path, other):
            msg = f"--rejects names the file {name}"
            raise click.UsageError(msg)
    with suppress(OSError):  # what cannot be read is told by who opens it
        if stat.S_ISREG(Path(path).stat().st_mode):
            with Path(path).open("rb") as file:
                first = file.readline(_LOOK)
            if not _is_entry(first):
                msg = f"--rejects names a file that is none of rejected rows: {_core.without_keys(path)}"
                hint = "name a new one, or remove it if nobody needs it"
                raise click.UsageError(f"{msg}; {hint}")


def _is_entry(line: bytes) -> bool:
    """Whether a file that begins so is empty, or one of rejected rows."""
    if not line.endswith(b"\n"):
        return _START.startswith(line[: len(_START)])
    with suppress(ValueError, RecursionError):
        entry = json.loads(line)
        return isinstance(entry, dict) and entry.keys() >= {"line", "reason"}
    return False


def _is_same(path: str, other: str) -> bool:
    try:
        return Path(path).samefile(other)
    except OSError:
        return os.path.realpath(path) == os.path.realpath(other)


class Rejects:
    """A file of NDJSON: ``{"line": 3, "reason": ..., "row": ...}``, one object for each bad row."""

    def __init__(self, path: str, *, goes_on: bool = False) -> None:
        """Open the file, or make one that nobody else may read.

        Args:
            path: The file, which `check_path` has looked at.
            goes_on: Whether what earlier runs have written stays. Else it stays until the push takes rows.
        """
        self.path = path
        self.count = 0
        self._is_full = False
        self._held: list[str] = []
        self._size = 0
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8")
        is_regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        self._begun = goes_on or not is_regular
        if goes_on and is_regular and _is_cut_off(path):
            self._file.write("\n")

    def begin(self) -> None:
        """The push takes rows: what is in the file is of an earlier run, and goes for what is held."""
        if self._begun:
            return
        self._begun = True
        held, self._held = self._held, []
        os.ftruncate(self._file.fileno(), 0)
        try:
            self._put(held)
        except OSError:
            self.count = 0
            raise

    def drop(self) -> None:
        """The push has ended before it took rows: nothing was set aside, and the file stays as it is."""
        if not self._begun:
            self._held, self.count = [], 0

    def broken(self, broken: Broken) -> None:
        """Set a line aside that is no row at all."""
        self.write([{"line": broken.line, "reason": broken.reason, "text": broken.text}])

    def sift(self, chunks: Iterable[Chunk], judge: Callable[[Any, int], ValidationReport]) -> Iterator[Chunk]:
        """Take out the rows that do not fit."""
        for chunk in chunks:
            report = judge(chunk.rows, _PROBLEMS * max(len(chunk.lines), 1))
            if report.ok:
                yield chunk
                continue
            bad = {error.row for error in report.errors}
            self.write(map(self._entry, report.errors, *_places(chunk, report.errors)), rows=len(bad))
            yield _without(chunk, bad)

    def set_aside(self, errors: Iterable[RowError], lines: list[int], rows: list[Any], count: int) -> None:
        """Set rows aside that do not fit; `count` is how many rows the errors are about."""
        self.write([self._entry(error, lines[error.row], rows[error.row]) for error in errors], rows=count)

    def _entry(self, error: RowError, line: int | None, row: Any = None) -> dict[str, Any]:
        entry = {"line": line, "column": error.column, "code": error.code, "reason": in_flags(error.message)}
        return entry if row is None else {**entry, "row": row}

    def refused(self, result: PushResult, line_of: Callable[[int], int | None], reason: str = _REFUSED) -> None:
        """Note rows that the push or the service refused; they are counted elsewhere.

        Args:
            result: What became of the rows.
            line_of: Says where a row stands.
            reason: Why the service refused rows of which it said nothing one by one; neighbours are one entry.
        """
        entries = [self._entry(error, line_of(error.row)) for error in result.errors]
        for first, last in _unexplained(result):
            lines = [line_of(first), line_of(last)]
            entries.append({"line": lines[0], "lines": lines, "code": "refused", "reason": reason})
        self.write(entries, rows=0)

    def write(self, entries: Iterable[dict[str, Any]], rows: int | None = None) -> None:
        """Write entries, so that they are in the file when this returns, or hold them until the push takes rows.

        Args:
            entries: One for each problem.
            rows: How many rows that are; default is one each.
        """
        lines = [_json(entry) + "\n" for entry in entries]
        if self._begun:
            self._put(lines)
        else:
            self._held += lines
            self._size += sum(map(len, lines))
        self.count += len(lines) if rows is None else rows
        if self._size > _HELD:
            self.begin()

    def _put(self, lines: list[str]) -> None:
        try:
            self._file.writelines(lines)
            self._file.flush()
        except OSError as error:
            self._is_full = True
            raise OSError(error.errno, error.strerror, self.path) from None

    def close(self) -> None:
        """Let go of the file."""
        # What could not be written has been said already.
        with suppress(OSError) if self._is_full else nullcontext():
            self._file.close()


def _unexplained(result: PushResult) -> Iterator[tuple[int, int]]:
    """The first and the last of neighbouring rows that were rejected and have no error of their own."""
    explained = {error.row for error in result.errors}
    for start, stop, state in result.ranges:
        if state == "rejected":
            first = start
            for row in [*sorted(row for row in explained if start <= row < stop), stop]:
                if first < row:
                    yield first, row - 1
                first = row + 1


def _is_cut_off(path: str) -> bool:
    """Whether the last line of a file has no end, as a kill leaves it."""
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return file.read(1) not in {b"", b"\n"}


def _json(entry: dict[str, Any]) -> str:
    """Write strict JSON, whatever is in a row."""
    try:
        try:
            text = json.dumps(entry, allow_nan=False, default=str)
        except ValueError:
            text = json.dumps(_finite(entry), allow_nan=False, default=str)
    except RecursionError:
        text = json.dumps({**entry, "row": _TOO_DEEP}, default=str)
    return _SURROGATE.sub(_escaped, text) if "\\ud" in text else text


def _escaped(found: re.Match[str]) -> str:
    """A pair as it is; one alone as the byte that was read, or as what stood there."""
    alone = found["alone"]
    if alone is None:
        return found[0]
    return f"\\\\x{alone[2:]}" if alone.startswith("dc") and alone >= "dc80" else f"\\\\u{alone}"


def _finite(value: Any) -> Any:
    """The same without numbers that JSON lacks: NaN is null, and what is infinite a text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def _places(chunk: Chunk, errors: Iterable[RowError]) -> tuple[list[int], list[Any]]:
    rows = dicts_of(chunk.rows)
    return [chunk.lines[error.row] for error in errors], [rows[error.row] for error in errors]


def _without(chunk: Chunk, bad: set[int]) -> Chunk:
    from powerbi_push.cli.lines import packed  # noqa: PLC0415 - only where something is wrong

    good = [row not in bad for row in range(len(chunk.lines))]
    lines = packed(line for line, kept in zip(chunk.lines, good, strict=True) if kept)
    if isinstance(chunk.rows, list):
        return Chunk(lines, [row for row, kept in zip(chunk.rows, good, strict=True) if kept])
    if isinstance(chunk.rows, _core.CsvBatch):
        return Chunk(lines, chunk.rows.without(list(bad)))
    if hasattr(chunk.rows, "to_pylist"):
        from pyarrow import array  # noqa: PLC0415 - the batch is one of its own

        return Chunk(lines, chunk.rows.filter(array(good)))
    return Chunk(lines, chunk.rows.filter(good))
