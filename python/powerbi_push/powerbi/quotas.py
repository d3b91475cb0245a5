"""What may be sent to one dataset, and what a push would take."""

from __future__ import annotations

from dataclasses import dataclass

from powerbi_push import _core
from powerbi_push.display import pages
from powerbi_push.tracebacks import shown_unfinished


@shown_unfinished
@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What is kept before anything is sent. None in a field is no limit.

    The defaults are those of a paid licence, ``quotas="pro"``. Source: "Push semantic model limitations",
    learn.microsoft.com/power-bi/developer/embedded/push-datasets-limitations.

    Attributes:
        requests_per_second: Requests with rows; of a push URL without history, and of nothing else.
        requests_per_minute: Requests with rows, of one dataset.
        rows_per_hour: Rows, of one dataset; ``quotas="free"`` has 10,000.
        large_table_requests_per_hour: Requests with rows, of a dataset with a table of 250,000 rows or more.
        in_flight: Requests with rows that wait for their answer at once, 1 to 4 of one dataset. The service takes 5:
            one place is kept for an answer that got lost.

    Raises:
        ConfigurationError: A number cannot be one.
    """

    requests_per_second: int | None = 5
    requests_per_minute: int | None = 120
    rows_per_hour: int | None = 1_000_000
    large_table_requests_per_hour: int | None = 120
    in_flight: int = 4

    def __post_init__(self) -> None:
        """Judge the numbers."""
        _core.check_quotas(self)


@shown_unfinished
@dataclass(frozen=True, slots=True)
class Plan:
    """What a push would take under the quotas, with what this process has sent so far.

    Attributes:
        requests: How many requests.
        eta: How many seconds.
        bound_by: The limit that holds it back the longest, such as ``"1,000,000 rows an hour"``; None where none does.
        assumes: What has to be true for it, one sentence each.
    """

    requests: int
    eta: float
    bound_by: str | None
    assumes: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Show it in a notebook, with units."""
        told = [("requests", self.requests), ("at least", pages.seconds(self.eta)), ("held back by", self.bound_by)]
        return pages.page(
            pages.facts("plan of a push", told), pages.table(("assumed",), zip(self.assumes, strict=True))
        )
