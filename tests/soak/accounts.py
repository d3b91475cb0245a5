"""Who delivers rows in a soak, and how each holds its own account against what is there."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from powerbi_push import DeadlineError, PowerBIPushError

if TYPE_CHECKING:
    import random

    from far import Far
    from powerbi_push import Table

PATIENCE = 120.0


class Lane(Protocol):
    """Somebody who delivers."""

    def feed(self, dice: random.Random) -> None:
        """Give it some rows."""

    def settle(self) -> None:
        """Have all of them delivered, and hold the account against what is there."""

    def close(self) -> int:
        """End it; answers how many rows that were."""


class Sends:
    """A sender."""

    def __init__(self, far: Far, table: Table, options: dict[str, Any], *, exact: bool = False) -> None:
        """Open it; with `exact` no row may be there twice."""
        self._far, self._dataset, self._exact = far, table.dataset.id, exact
        table.delete_rows()
        self._sender = table.sender(**options)
        self._accepted = 0

    def feed(self, dice: random.Random) -> None:
        """Send one row, or some."""
        size = dice.choice([1, 1, 1, 50, 200])
        rows = [{"Id": self._accepted + place} for place in range(size)]
        if size == 1:
            self._sender.send(rows[0])
        else:
            self._sender.send_many(rows)
        self._accepted += size

    def settle(self) -> None:
        """Flush and count."""
        try:
            result = self._sender.flush(timeout=PATIENCE)
        except DeadlineError as error:
            error.add_note(f"{self._dataset}: {self._sender.stats}")
            raise
        ends = (result.read, result.confirmed, result.in_doubt, result.rejected)
        assert ends == (self._accepted, self._accepted, 0, 0), result.summary()
        there = self._far.there(self._dataset)
        assert set(there) == set(range(self._accepted)), "accepted rows are there, and no others"
        twice = sum(times > 1 for times in there.values())
        assert twice <= (0 if self._exact else result.maybe_twice), f"{twice} twice, {result.summary()}"

    def close(self) -> int:
        """Close."""
        self._sender.close()
        return self._accepted


class Pushes:
    """A table that is pushed to."""

    def __init__(self, far: Far, table: Table) -> None:
        """Nothing is there."""
        self._far, self._table = far, table
        table.delete_rows()
        self._numbers = count()
        self._confirmed: set[int] = set()
        self._doubtful: set[int] = set()

    def feed(self, dice: random.Random) -> None:
        """Push some rows; what became of them is in the result, whether it failed or not."""
        rows = [{"Id": next(self._numbers)} for _ in range(dice.choice([1, 1, 10, 100, 2_000]))]
        try:
            result: Any = self._table.push(rows, on_doubt=dice.choice(["resend", "resend", "raise"]))
        except PowerBIPushError as error:
            result = error.result
        assert result.read == result.confirmed + result.rejected + result.in_doubt + result.unsent
        for start, stop, state in result.ranges:
            ids = {row["Id"] for row in rows[start:stop]}
            if state == "confirmed":
                self._confirmed |= ids
            elif state == "in_doubt":
                self._doubtful |= ids

    def settle(self) -> None:
        """Count."""
        there = set(self._far.there(self._table.dataset.id))
        assert self._confirmed <= there <= self._confirmed | self._doubtful, "what is there is what was said"

    def close(self) -> int:
        """Nothing is open."""
        return len(self._confirmed)
