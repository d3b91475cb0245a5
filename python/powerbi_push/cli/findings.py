"""Everything that is wrong with a file: lines that are no rows, and rows that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push.cli.account import explained, mending, problems, where
from powerbi_push.delivery.results import amount
from powerbi_push.exceptions import PowerBIPushError

if TYPE_CHECKING:
    from powerbi_push.cli.judge import Judge
    from powerbi_push.cli.readings import Broken, Reading
    from powerbi_push.cli.session import Session


class Findings:
    """What a check of a whole file found."""

    def __init__(self, most: int = 1_000) -> None:
        """Keep so many problems; all are counted."""
        self.rows = 0
        self.count = 0
        self.problems: list[dict[str, Any]] = []
        self._most = most

    def broken(self, broken: Broken) -> None:
        """Take a line that is no row at all."""
        self.rows += 1
        self.count += 1
        if len(self.problems) < self._most:
            found = {"row": None, "line": broken.line, "column": None, "code": "broken", "reason": broken.reason}
            self.problems.append(found)

    def check(self, reading: Reading, judge: Judge) -> None:
        """Judge all rows."""
        try:
            report = judge(reading.rows(), self._most)
        except PowerBIPushError as error:
            told = explained(error, reading, None)
            raise told from told.__cause__
        self.rows += report.row_count
        self.count += report.error_count
        self.problems += problems(reading, report.errors)
        self.problems.sort(key=lambda one: (one["line"] is None, one["line"] or 0))
        del self.problems[self._most :]

    def give(self, session: Session, reading: Reading, plan: tuple[dict[str, Any], str] | None = None) -> int:
        """Write what was found, and answer the exit code."""
        document = {"ok": not self.count, "row_count": self.rows, "error_count": self.count, "problems": self.problems}
        lines = [f"{where(reading, one['line'], one['row'])}: {one['reason']}" for one in self.problems]
        if plan:
            document["plan"] = plan[0]
            lines.append(plan[1])
        session.give(document, "\n".join(lines))
        rows = amount(self.rows, "row")
        found = amount(self.count, "problem") if self.count else "no problems"
        session.say(f"{rows} checked: {found}")
        for hint in mending(reading.opened.asked, (one["code"] for one in self.problems)):
            session.say(f"hint: {hint}")
        return 1 if self.count else 0
