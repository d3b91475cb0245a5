"""When to try again."""

from __future__ import annotations

from dataclasses import dataclass

from powerbi_push import _core
from powerbi_push.tracebacks import shown_unfinished


@shown_unfinished
@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a failed request is tried again.

    Attributes:
        attempts: How often one request is sent at most, the first time included.
        first_delay: Seconds to wait after the first failure, doubled with each further one; between half and all of
            it is really waited, so that many clients spread.
        max_delay: No wait is longer, in seconds. What the service asks for in ``Retry-After`` is waited in full.

    Raises:
        ConfigurationError: A number cannot be one.
    """

    attempts: int = 5
    first_delay: float = 0.5
    max_delay: float = 30.0

    def __post_init__(self) -> None:
        """Judge the numbers."""
        _core.check_retry(self)
