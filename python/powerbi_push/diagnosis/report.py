"""What `powerbi_push.doctor` found: one line per check, in plain sentences."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

from powerbi_push.tracebacks import shown_unfinished


@shown_unfinished
@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at, in a word or two.
        state: ``"ok"``, ``"warning"`` or ``"failed"``.
        message: What was found.
        hint: What to change; None where there is nothing to.
    """

    name: str
    state: Literal["ok", "warning", "failed"]
    message: str
    hint: str | None = None


@shown_unfinished
@dataclass(frozen=True, slots=True)
class Report:
    """What was found. As text it is a table, one line per check.

    Attributes:
        checks: What was looked at, in this order. A failure that makes the rest pointless is the last one.
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed; there may be warnings."""
        return all(check.state != "failed" for check in self.checks)

    def __bool__(self) -> bool:
        """Whether nothing failed."""
        return self.ok

    def __str__(self) -> str:
        """Show a table: state, name and finding of each check, and what to change below it."""
        width = max((len(check.name) for check in self.checks), default=0)
        lines = []
        for check in self.checks:
            lines.append(f"{check.state:<7}  {check.name:<{width}}  {check.message}")
            if check.hint:
                lines.append(f"{'':<7}  {'':<{width}}  hint: {check.hint}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Show the names of what is not ok."""
        states = [f"{check.name!r}: {check.state!r}" for check in self.checks if check.state != "ok"]
        return f"Report(ok={self.ok}, checks={len(self.checks)}{''.join(f', {state}' for state in states)})"

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        rows = "".join(
            f"<tr><td>{check.state}</td><th style='text-align:left'>{html.escape(check.name)}</th>"
            f"<td style='text-align:left'>{html.escape(check.message)}"
            f"{f'<br><i>{html.escape(check.hint)}</i>' if check.hint else ''}</td></tr>"
            for check in self.checks
        )
        return f"<table>{rows}</table>"
