"""What comes back: what became of each row, and what is wrong with which."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

from powerbi_push.display import pages
from powerbi_push.tracebacks import shown_unfinished

#: Seconds below which a length of time is not worth a line.
_TENTH = 0.05


def amount(count: int, word: str) -> str:
    """So many of something: ``1 row``, ``2 rows``."""
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"


_COUNTS = ("read", "confirmed", "rejected", "in_doubt", "unsent", "maybe_twice")


@shown_unfinished
@dataclass(frozen=True, slots=True)
class RowError:
    """One problem of one row.

    Attributes:
        row: The row's number in your input, from 0, skipped rows counted.
        column: The column; None where the row as a whole is the problem.
        code: One of ``unknown_column wrong_type out_of_range not_finite too_long bad_datetime not_a_mapping
            row_too_large not_utf8``, or ``refused`` where it was the service that refused the row
            (``on_refused="isolate"``).
        message: What is wrong, the value cut short, and what would mend it: an option, or the nearest column name.
        value_type: The name of the value's type.
        value: The value, if it is a number, text, a truth value, a date or time, or a UUID; text beyond 10,000
            characters is cut. None for any other, and wherever ``POWERBI_PUSH_HIDE_VALUES=1`` leaves values out.
    """

    row: int
    column: str | None
    code: str
    message: str
    value_type: str
    value: Any = None


@shown_unfinished
@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What `TableSchema.validate` found.

    Attributes:
        row_count: How many rows were looked at.
        error_count: How many problems there are in all; one row may have several.
        errors: The first problems in full, in the order of the rows.
        mistakes: The same for people: one line for each column and cause, however many rows it is in.
    """

    row_count: int
    error_count: int
    errors: tuple[RowError, ...]
    mistakes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every row fits its columns."""
        return self.error_count == 0

    def __bool__(self) -> bool:
        """Whether every row fits its columns."""
        return self.ok

    def __str__(self) -> str:
        """How many rows fit, and one line for each mistake."""
        problems = amount(self.error_count, "problem") if self.error_count else "no problems"
        return "\n- ".join([f"{amount(self.row_count, 'row')} checked: {problems}", *self.mistakes])

    def __repr__(self) -> str:
        """Short: the counts."""
        return f"ValidationReport(ok={self.ok}, row_count={self.row_count}, error_count={self.error_count})"

    def _repr_html_(self) -> str:
        """Show one line for each mistake in a notebook, and a table with the cells at fault marked."""
        heading, *mistakes = str(self).split("\n- ")
        lines = "".join(pages.line(mistake, "li") for mistake in mistakes)
        listed = f"<ul>{lines}</ul>" if lines else ""
        return pages.page(pages.line(heading), listed, pages.problems(self.errors, self.error_count))


@shown_unfinished
@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What became of each row of a push. ``read == confirmed + rejected + in_doubt + unsent``, however it ended.

    Attributes:
        read: Rows taken from your input.
        confirmed: Rows that the service itself has confirmed.
        rejected: Rows that were refused for good, by their check or by the service.
        in_doubt: Rows that were sent whole and never answered for.
        unsent: Rows of which the service has nothing.
        maybe_twice: The part of `confirmed` that was sent again after an attempt without an answer.
        ranges: ``(start, stop, state)`` over your input, in order, ``state`` being one of the four words above.
        resume_from: The first row that is not confirmed, rows skipped with ``on_invalid="skip"`` apart; equal to `read`
            where there is none. Pushing ``rows[resume_from:]`` once the cause is mended loses nothing.
        errors: The first ``max_errors`` problems of rows.
        error_count: How many problems rows have in all.
        requests: Requests sent, resends included.
        retries: Resends.
        bytes_sent: Bytes of request bodies, resends included.
        elapsed_seconds: The length of the call.
        waited_seconds: The part of it that was spent holding back, summed over requests.
        request_ids: The service's ids of the newest 1,000 answers.
        deleted: Whether the rows that were there before have been deleted (`Table.replace`).
        repeated_keys: Keys that more than one of these rows have, which MicroStrategy keeps or joins by its own rules;
            0 for any other service.
    """

    read: int = 0
    confirmed: int = 0
    rejected: int = 0
    in_doubt: int = 0
    unsent: int = 0
    maybe_twice: int = 0
    ranges: list[tuple[int, int, str]] = field(default_factory=list, hash=False)
    resume_from: int = 0
    errors: tuple[RowError, ...] = ()
    error_count: int = 0
    requests: int = 0
    retries: int = 0
    bytes_sent: int = 0
    elapsed_seconds: float = 0.0
    waited_seconds: float = 0.0
    request_ids: tuple[str, ...] = ()
    deleted: bool = False
    repeated_keys: int = 0

    @property
    def ok(self) -> bool:
        """Whether every row that was read is confirmed."""
        return self.confirmed == self.read

    def __bool__(self) -> bool:
        """Whether every row that was read is confirmed."""
        return self.ok

    def summary(self) -> str:
        """One line for people.

        >>> PushResult(read=3, confirmed=2, in_doubt=1, requests=2).summary()
        '3 rows read: 2 confirmed, 1 in doubt; 2 requests in 0.0 s'
        >>> PushResult(read=1, confirmed=1, maybe_twice=1, requests=2).summary()
        '1 row read: 1 confirmed (1 maybe twice); 2 requests in 0.0 s'
        """
        twice = f" ({self.maybe_twice:,} maybe twice)" if self.maybe_twice else ""
        parts = [
            f"{count:,} {words}"
            for count, words in (
                (self.confirmed, f"confirmed{twice}"),
                (self.rejected, "rejected"),
                (self.in_doubt, "in doubt"),
                (self.unsent, "unsent"),
            )
            if count
        ]
        states = ", ".join(parts) or "nothing to send"
        requests = amount(self.requests, "request")
        return f"{amount(self.read, 'row')} read: {states}; {requests} in {self.elapsed_seconds:.1f} s"

    def __repr__(self) -> str:
        """Short: the counts, and what differs from a plain success."""
        shown = [f"{name}={getattr(self, name)}" for name in _COUNTS if getattr(self, name)]
        return f"PushResult({', '.join([*shown, f'requests={self.requests}'])})"

    def _repr_html_(self) -> str:
        """Show in a notebook what became of the rows, leaving out what is zero, and which ones were rejected."""
        counts: list[tuple[str, object]] = [(name.replace("_", " "), getattr(self, name)) for name in _COUNTS]
        resumed = f"{self.resume_from:,}" if self.resume_from < self.read else ""
        counts += [("resume from row", resumed), ("requests", self.requests)]
        counts += [("resends", self.retries), ("bytes sent", self.bytes_sent), ("problems of rows", self.error_count)]
        times = (("length", self.elapsed_seconds), ("spent waiting", self.waited_seconds))
        counts += [(name, pages.seconds(length)) for name, length in times if length >= _TENTH]
        counts.append(("rows from before", "deleted" if self.deleted else ""))
        return pages.page(
            pages.facts(self.summary(), counts), self._shown_ranges(), pages.problems(self.errors, self.error_count)
        )

    def _shown_ranges(self) -> str:
        if len(self.ranges) < 2:  # noqa: PLR2004 - one says nothing new
            return ""
        rows = ((f"{start:,}", f"{stop - 1:,}", state.replace("_", " ")) for start, stop, state in self.ranges)
        return pages.table(("from row", "to row", "are"), list(rows)[: pages.MOST], more=len(self.ranges) - pages.MOST)


_READ: dict[str, Callable[[str], object]] = {
    "int": int,
    "Decimal": Decimal,
    "UUID": UUID,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
}


def row_error(error: dict[str, Any]) -> RowError:
    """Make the problem of a row from the core's; values come as JSON has them, others as they are written."""
    value = error["value"]
    if isinstance(value, str):
        # What the calendar does not reach stays text.
        with suppress(ValueError, ArithmeticError):
            value = _READ.get(error["value_type"], str)(value)
    return RowError(**{**error, "value": value})


def push_result(report: dict[str, Any]) -> PushResult:
    """Make the result from the core's report."""
    report["ranges"] = [tuple(one) for one in report["ranges"]]
    report["errors"] = tuple(map(row_error, report["errors"]))
    report["request_ids"] = tuple(report["request_ids"])
    return PushResult(**report)


def joined(first: PushResult, then: PushResult) -> PushResult:
    """Take two pushes into one table, which were published together, for one."""
    added = {
        one.name: getattr(first, one.name) + getattr(then, one.name)
        for one in fields(PushResult)
        if one.name in {*_COUNTS, "error_count", "repeated_keys"}
    }
    errors = (*first.errors, *(replace(error, row=error.row + first.read) for error in then.errors))
    ranges = list(first.ranges)
    for start, stop, state in ((one[0] + first.read, one[1] + first.read, one[2]) for one in then.ranges):
        if ranges and ranges[-1][1:] == (start, state):
            ranges[-1] = (ranges[-1][0], stop, state)
        else:
            ranges.append((start, stop, state))
    whole = first.resume_from == first.read
    resume_from = first.read + then.resume_from if whole else first.resume_from
    return replace(
        then, **added, errors=errors, ranges=ranges, resume_from=resume_from, elapsed_seconds=first.elapsed_seconds
    )


def validation_report(found: tuple[int, int, list[dict[str, Any]], list[str]]) -> ValidationReport:
    """Make the report from what the core found."""
    row_count, error_count, errors, mistakes = found
    return ValidationReport(row_count, error_count, tuple(map(row_error, errors)), tuple(mistakes))
