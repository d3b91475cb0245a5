"""Contenders take turns at the same work, warmed: medians, and the median of the ratios within each round."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Clock = Callable[[], float]


@dataclass(frozen=True)
class Target:
    """What a ratio has to reach: at least so many times as fast, or at most so much of the other's."""

    value: float
    at_most: bool = False

    def reached(self, ratio: float) -> bool:
        """Whether `ratio` does, as it is shown: with two digits after the point."""
        ratio = round(ratio, 2)
        return ratio <= self.value if self.at_most else ratio >= self.value

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{'≤' if self.at_most else '≥'} {self.value:g}"


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    work: str
    ours: str
    theirs: str
    ratio: str
    target: Target
    reached: bool


def alternate(ours: Callable[[], object], theirs: dict[str, Callable[[], object]], rounds: int, clock: Clock) -> Times:
    """Let everybody do the work `rounds` times by turns, after one turn that does not count.

    In each round another one begins. Python's garbage collector is kept out, as `timeit` keeps it out. What is an
    iterator is run through, each body let go before the next is made, as whoever sends bodies lets go of them.
    """
    contenders = {"": ours, **theirs}
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            gc.disable()
            before = clock()
            made = contenders[name]()
            if isinstance(made, Iterator):
                deque(made, maxlen=0)
            after = clock()
            gc.enable()
            del made
            if turn > 0:
                times[name].append(after - before)
    return Times(times)


class Times:
    """How long everybody took in each round."""

    def __init__(self, times: dict[str, list[float]]) -> None:
        self._times = times

    def figure(self, work: str, other: str, target: Target) -> Figure:
        """Compare ours with `other`: how many times as fast we are, or how much of its time we take."""
        ours, theirs = self._times[""], self._times[other]
        ratios = [mine / its if target.at_most else its / mine for mine, its in zip(ours, theirs, strict=True)]
        ratio = median(ratios)
        shown = f"{ratio:.2f}" if target.at_most else f"{ratio:.2f} ×"
        label = f"{_shown(median(theirs))} {other}"
        return Figure(work, _shown(median(ours)), label, shown, target, target.reached(ratio))


def absolute(work: str, value: float, unit: str, most: float, theirs: str = "") -> Figure:
    """Give a figure that is not compared with anybody's."""
    target = Target(most, at_most=True)
    return Figure(work, f"{value:.1f} {unit}", theirs, "", target, target.reached(value))


def _shown(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


CPU: Clock = time.process_time
WALL: Clock = time.perf_counter
