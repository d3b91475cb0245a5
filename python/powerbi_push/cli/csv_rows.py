"""CSV as rows: thousands at a time, so that no code of Python runs for a row that is well."""

from __future__ import annotations

import csv
from codecs import lookup
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from powerbi_push.cli.files import BrokenFileError
from powerbi_push.cli.lines import packed
from powerbi_push.cli.readings import Broken, Chunk

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from powerbi_push.cli.files import Asked, Opened

#: Rows that are looked at together.
_CHUNK = 1_000
#: Characters of one cell; the service takes 4,000 of a text. A quote that is never closed ends here.
_LONGEST = 1_000_000
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_OTHERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def csv_chunks(opened: Opened, on_broken: Callable[[Broken], None]) -> Iterator[Chunk]:
    """Read CSV with a header."""
    csv.field_size_limit(_LONGEST)
    reader = _reader(opened)
    header = _header(reader, opened.asked.delimiter)
    while True:
        before = reader.line_num
        records, lines, failure = _records(reader)
        if records and failure is None and lines is None and set(map(len, records)) == {len(header)}:
            yield Chunk(range(before + 1, reader.line_num + 1), list(map(dict, map(zip, repeat(header), records))))
        else:
            yield from careful(header, records, lines or range(before + 1, before + 1 + len(records)), on_broken)
        if failure is not None:
            raise failure
        if len(records) < _CHUNK:
            return


def csv_header(opened: Opened) -> list[str]:
    """Read the header alone."""
    header = _header(_reader(opened), opened.asked.delimiter)
    opened.close()
    return header


def delimiter_of(asked: Asked) -> str:
    """What stands between two cells."""
    return asked.delimiter or ("\t" if asked.ending() in {".tsv", ".tab"} else ",")


def _reader(opened: Opened) -> Any:
    return csv.reader(text_of(opened), delimiter=delimiter_of(opened.asked), strict=True)


def text_of(opened: Opened) -> io.TextIOWrapper:
    """Decode a file; bytes that are no UTF-8 get to the check of their row, which refuses them."""
    encoding = opened.asked.encoding or _MARKS.get(opened.head[:2], "utf-8-sig")
    try:
        is_utf8 = lookup(encoding).name in {"utf-8", "utf-8-sig"}
    except LookupError:
        msg = f"there is no encoding `{encoding}`"
        raise BrokenFileError(msg, hint="such as utf-8, cp1252, latin-1 or utf-16") from None
    errors = "surrogateescape" if is_utf8 else "strict"
    return opened.decoded("utf-8-sig" if is_utf8 else encoding, errors)


def header_of(names: list[str], delimiter: str | None) -> list[str]:
    """Judge the names of the columns."""
    if any(not name.strip() for name in names):
        msg = f"column {next(i for i, name in enumerate(names, 1) if not name.strip())} of the header has no name"
        raise BrokenFileError(msg, line=1, hint="the first line has to name every column")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"the header has `{twice[0]}` twice"
        raise BrokenFileError(msg, line=1, hint="give each column a name of its own")
    if len(names) == 1 and delimiter is None:
        for mark, word in _OTHERS.items():
            if mark in names[0]:
                msg = f"the header is one single name that holds {word}"
                raise BrokenFileError(msg, line=1, hint=f"--delimiter '{mark}' splits there")
    if names[0].lstrip().startswith(("{", "[{")):
        msg = "is JSON, not CSV"
        raise BrokenFileError(msg, hint="--format ndjson or --format json")
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        raise not_utf8(1) from None
    return names


def not_utf8(line: int | None) -> BrokenFileError:
    """Say that a text is in another encoding."""
    return BrokenFileError("is no UTF-8", line=line, hint="--encoding cp1252 reads what Windows writes in the West")


def _header(reader: Any, delimiter: str | None) -> list[str]:
    try:
        names = next((record for record in reader if record), None)
    except (csv.Error, UnicodeError) as error:
        raise _failure(error, reader.line_num) from None
    if names is None:
        msg = "is empty: there is no header"
        raise BrokenFileError(msg)
    return header_of(names, delimiter)


def _records(reader: Any) -> tuple[list[list[str]], list[int] | None, BrokenFileError | None]:
    """Take the next records; their lines only where some has several."""
    before = reader.line_num
    records: list[list[str]] = []
    failure = None
    try:
        # What was taken before an error stays: `extend` would lose nothing of it.
        records.extend(islice(reader, _CHUNK))
    except (csv.Error, UnicodeError) as error:
        failure = _failure(error, reader.line_num)
    except BrokenFileError as error:
        failure = BrokenFileError(str(error), line=reader.line_num + 1, hint=error.hint)
    if reader.line_num - before == len(records):
        return records, None, failure
    lines, line = [], before + 1
    for record in records:
        lines.append(line)
        line += 1 + sum(cell.count("\n") + cell.count("\r") - cell.count("\r\n") for cell in record)
    return records, lines, failure


def _failure(error: Exception, line: int) -> BrokenFileError:
    if isinstance(error, UnicodeError):
        msg = f"cannot be decoded after line {line}: {error}"
        return BrokenFileError(msg, hint="say its encoding with --encoding")
    msg = str(error)
    if "field larger" in msg or "unexpected end" in msg:
        return BrokenFileError("a quote is opened that is never closed", line=line, hint="it may begin far above")
    return BrokenFileError(f"a quote stands where none may: {msg}", line=line)


def careful(
    header: list[str], records: list[list[str]], lines: Any, on_broken: Callable[[Broken], None]
) -> Iterator[Chunk]:
    """Go through records of which some may be ragged or empty; what is in front of a broken one goes first."""
    rows: list[dict[str, str]] = []
    places: list[int] = []
    for record, line in zip(records, lines, strict=True):
        if len(record) == len(header):
            rows.append(dict(zip(header, record, strict=True)))
            places.append(line)
        elif record:
            yield Chunk(packed(places), rows)
            rows, places = [], []
            cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
            on_broken(Broken(line, f"{cells} where the header has {len(header)}", record))
    yield Chunk(packed(places), rows)
