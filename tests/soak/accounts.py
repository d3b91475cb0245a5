"""Who delivers rows in a soak, and how each holds its own account against what is there."""

from __future__ import annotations

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
        missing, others, twice = self._far.account(self._dataset, [(0, self._accepted)])
        assert (missing, others) == (0, 0), "accepted rows are there, and no others"
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
        self._next = 0
        self._confirmed: list[tuple[int, int]] = []
        self._doubtful: list[tuple[int, int]] = []

    def feed(self, dice: random.Random) -> None:
        """Push some rows; what became of them is in the result, whether it failed or not."""
        first = self._next
        self._next += dice.choice([1, 1, 10, 100, 2_000])
        rows = [{"Id": number} for number in range(first, self._next)]
        try:
            result: Any = self._table.push(rows, on_doubt=dice.choice(["resend", "resend", "raise"]))
        except PowerBIPushError as error:
            result = error.result
        assert result.read == result.confirmed + result.rejected + result.in_doubt + result.unsent
        for start, stop, state in result.ranges:
            ended = {"confirmed": self._confirmed, "in_doubt": self._doubtful}.get(state)
            if ended is not None:
                ended.append((first + start, first + stop))

    def settle(self) -> None:
        """Count."""
        missing, others, _ = self._far.account(self._table.dataset.id, self._confirmed, self._doubtful)
        assert (missing, others) == (0, 0), "what is there is what was said"

    def close(self) -> int:
        """Nothing is open."""
        return sum(end - first for first, end in self._confirmed)
