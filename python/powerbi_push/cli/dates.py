"""The warning about dates before 1900: once, and with the line that the first of them stands on."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.cli.judge import Judge
    from powerbi_push.cli.readings import Reading
    from powerbi_push.delivery.results import ValidationReport

#: Where the first one is, as the package says it: a row, from 0.
_ROW = re.compile(r"(?<=has dates before 1900), first in row (\d+)")


class OldDates(logging.Filter):
    """Lets the first such warning through."""

    def __init__(self, reading: Reading | None) -> None:
        """Nothing was told yet; without a reading nobody knows of lines."""
        super().__init__()
        self._reading = reading
        self._passes_none = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Say where the date is; other records pass as they are."""
        told = record.getMessage()
        found = _ROW.search(told)
        if found is None:
            return True
        if self._passes_none:
            return False
        self._passes_none = True
        record.msg, record.args = "%s", (told.replace(found[0], self._place(int(found[1]))),)
        return True

    def _place(self, row: int) -> str:
        line = None if self._reading is None else self._reading.line_of(row)
        if self._reading is None or line is None:
            return ""
        return f", first in row {line}" if self._reading.unit == "row" else f", first on line {line}"

    def quiet(self, judge: Judge) -> Callable[[Any, int], ValidationReport]:
        """Judge rows that are pushed later: the push tells of them."""

        def judged(rows: Any, most: int) -> ValidationReport:
            before, self._passes_none = self._passes_none, True
            try:
                return judge(rows, most)
            finally:
                self._passes_none = before

        return judged


@contextmanager
def old_dates(reading: Reading | None) -> Iterator[OldDates]:
    """Have what warns of such dates do so once."""
    logger, dates = logging.getLogger("powerbi_push"), OldDates(reading)
    logger.addFilter(dates)
    try:
        yield dates
    finally:
        logger.removeFilter(dates)
