"""Which line of a file a row stands on, in constant memory however long the file is."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Pieces that are kept, and rows of uneven ones. Lines at even distances are one piece however many there are.
_PIECES, _ROWS = 2_000, 2_000_000


@dataclass(slots=True)
class _Piece:
    first_row: int
    lines: Sequence[int]

    def joins(self, lines: Sequence[int]) -> bool:
        """Whether lines go on where this piece ends, at the same distance."""
        return (
            isinstance(self.lines, range)
            and isinstance(lines, range)
            and len(lines) > 0
            and lines.step == self.lines.step
            and lines.start == self.lines.stop
        )


class Lines:
    """The lines of the rows that were read so far."""

    def __init__(self) -> None:
        """No row was read yet."""
        self.rows = 0
        self._pieces: deque[_Piece] = deque()
        self._uneven = 0

    def add(self, lines: Sequence[int]) -> None:
        """Say where the next rows stand."""
        if self._pieces and self._pieces[-1].joins(lines):
            last = self._pieces[-1].lines
            self._pieces[-1].lines = range(last[0], lines[-1] + 1)
        elif lines:
            self._pieces.append(_Piece(self.rows, lines))
            self._uneven += _uneven(lines)
            while len(self._pieces) > _PIECES or self._uneven > _ROWS:
                self._uneven -= _uneven(self._pieces.popleft().lines)
        self.rows += len(lines)

    def of(self, row: int) -> int | None:
        """The line of a row; None where that was too long ago to be remembered."""
        for piece in reversed(self._pieces):
            if piece.first_row <= row < piece.first_row + len(piece.lines):
                return piece.lines[row - piece.first_row]
        return None


def _uneven(lines: Sequence[int]) -> int:
    return 0 if isinstance(lines, range) else len(lines)


def packed(lines: Iterable[int]) -> Sequence[int]:
    """Keep lines in few bytes."""
    kept = array("Q", lines)
    even = range(kept[0], kept[0] + len(kept)) if kept else range(0)
    return even if len(kept) > 0 and kept[-1] == even[-1] else kept
