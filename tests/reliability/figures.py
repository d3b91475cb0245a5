"""What is measured here: a figure, what it should be, what it is, and how it was taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    aim: str
    measured: str
    how: str
    reached: bool


def at_most(what: str, value: float, aim: float, unit: str, how: str, *, also: str = "") -> Figure:
    """Give a figure that should be small; it is compared as it is shown."""
    shown = _shown(value)
    return Figure(what, f"≤ {aim:,g} {unit}".rstrip(), _with(shown, unit, also), how, _read(shown) <= aim)


def at_least(what: str, value: float, aim: float, unit: str, how: str, *, also: str = "") -> Figure:
    """Give a figure that should be large; it is compared as it is shown."""
    shown = _shown(value)
    return Figure(what, f"≥ {aim:,g} {unit}".rstrip(), _with(shown, unit, also), how, _read(shown) >= aim)


def exactly(what: str, value: int, aim: int, how: str, *, also: str = "") -> Figure:
    """Give a count that should be one number."""
    return Figure(what, f"{aim:,}", _with(f"{value:,}", "", also), how, value == aim)


def _shown(value: float) -> str:
    """Three digits, or all those before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _read(shown: str) -> float:
    return float(shown.replace(",", ""))


def _with(shown: str, unit: str, also: str) -> str:
    return " ".join(part for part in (shown, unit, also and f"({also})") if part)
