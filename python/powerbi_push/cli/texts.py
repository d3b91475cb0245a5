"""Files of text: which encoding they are in, and their characters."""

from __future__ import annotations

from codecs import getincrementaldecoder, lookup
from itertools import chain
from typing import TYPE_CHECKING

from powerbi_push.cli.files import BrokenFileError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from powerbi_push.cli.files import Opened

#: How texts begin that say their encoding; the mark of UTF-32 begins as that of UTF-16 does.
_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ENCODINGS = "such as utf-8, cp1252, latin-1 or utf-16"
#: What mends a text that is no UTF-8.
WINDOWS = "--encoding cp1252 reads what Windows writes in the West"
#: Bytes that are read at once: some 5,000 rows.
_PIECE = 1 << 18


def text_of(opened: Opened) -> io.TextIOWrapper:
    """Decode a file; bytes that are no UTF-8 get to the check of their row, which refuses them."""
    other = _other_encoding(opened)
    return opened.decoded(other or "utf-8-sig", "strict" if other else "surrogateescape")


def in_utf8(opened: Opened) -> Iterator[bytes]:
    """Read a file piece by piece, as it is where it is UTF-8, with or without a mark, and else encoded anew.

    Raises:
        UnicodeError: What follows cannot be decoded.
    """
    read: Callable[[int], bytes] = opened.bytes.read1  # type: ignore[attr-defined]  # all kinds of files here have it
    pieces = iter(lambda: read(_PIECE), b"")
    other = _other_encoding(opened)
    return pieces if other is None else _encoded_anew(pieces, other)


def _encoded_anew(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decode = getincrementaldecoder(encoding)().decode
    for piece in chain(pieces, [b""]):
        try:
            text = decode(piece, not piece)
        except UnicodeDecodeError as error:
            # What stands in front of that is read, and its lines are counted.
            before = error.start - (len(error.object) - len(piece))
            yield _encoded(decode(piece[: max(before, 0)]))
            raise
        yield _encoded(text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _other_encoding(opened: Opened) -> str | None:
    """The encoding, unless it is UTF-8."""
    encoding = opened.asked.encoding or marked(opened.head) or "utf-8"
    try:
        found = lookup(encoding)
    except LookupError:
        msg = f"there is no encoding `{encoding}`"
        raise BrokenFileError(msg, hint=_ENCODINGS) from None
    if not found._is_text_encoding or found.incrementaldecoder is None:  # noqa: SLF001 - Python says it nowhere else
        msg = f"`{encoding}` is no encoding of text"
        raise BrokenFileError(msg, hint=_ENCODINGS)
    return None if found.name in {"utf-8", "utf-8-sig"} else encoding


def marked(head: bytes) -> str | None:
    """The encoding that a mark at the start of a text says."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def not_utf8(line: int | None) -> BrokenFileError:
    """Say that a text is in another encoding."""
    return BrokenFileError("is no UTF-8", line=line, hint=WINDOWS)


def undecodable(line: int, error: UnicodeError) -> BrokenFileError:
    """Say that a text is not in the encoding that was named."""
    return BrokenFileError(f"cannot be decoded after line {line}: {error}", hint="say its encoding with --encoding")
