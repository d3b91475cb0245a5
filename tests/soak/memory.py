"""What a soak's samples of memory and open files say: whether something grows that does not come to rest."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

Sample: TypeAlias = tuple[float, int, int]
"""Seconds since the beginning, bytes of resident memory, open files; taken after each life of all lanes."""

WARM_UP = 1 / 3
"""The part of the time that is not judged."""

RESTS_FROM = 20.0
"""Minutes that are not judged, however short the soak: so long it takes until pools, arenas and, for each table, the
log of its last 8,191 requests are full."""

FEW = 5
"""Lives of all lanes, of which the lowest memory counts: between the lowest ones memory is in use that comes back."""

SHORTEST = 2 * RESTS_FROM
"""Minutes. Of a shorter soak too little is left to tell a slope from what two lives differ by."""

SHORTEST_FOR_FILES = 10.0
"""Minutes. Files are counted, and do not waver as memory does."""

MOST_GROWTH = 20 * 1_024
"""Bytes a minute."""

ALLOWANCE = 256 * 1_024
"""Bytes from one half to the other that count for nothing: twice what glibc's heap grows by at once (M_TOP_PAD). After
an hour the halves are 20 minutes apart, and 400 KiB are the bound, so that this excuses nothing there."""


@dataclass(frozen=True)
class Verdict:
    """What came of it.

    Attributes:
        minutes: How long the soak was.
        slope: Of the floors of memory, by Theil and Sen, in bytes a minute.
        halves: What rests: the median of the floors in each half of what is judged, in bytes.
        files: The slope of open files, a minute.
    """

    minutes: float
    slope: float
    halves: tuple[float, float]
    files: float

    @property
    def rise(self) -> float:
        """From half to half, in bytes."""
        return self.halves[1] - self.halves[0]

    @property
    def most(self) -> float:
        """What the rise may be, in bytes."""
        return max(MOST_GROWTH * apart(self.minutes), ALLOWANCE)

    @property
    def leaks(self) -> bool:
        """Whether memory grows faster than it may, in the slope and from half to half: a leak shows in both.

        Memory that came to rest late has a slope of its past, but no rise: of each half its middle counts.
        """
        return self.minutes >= SHORTEST and self.slope > MOST_GROWTH and self.rise > self.most

    @property
    def keeps_files(self) -> bool:
        """Whether more and more files are open."""
        return self.minutes >= SHORTEST_FOR_FILES and self.files > 0

    @property
    def passed(self) -> bool:
        """Whether nothing grows."""
        return not (self.leaks or self.keeps_files)

    def __str__(self) -> str:
        """The figures, and what they were held against."""
        first, second = (half / 2**20 for half in self.halves)
        short = "" if self.minutes >= SHORTEST else f" (memory counts from {SHORTEST:g} minutes on)"
        return (
            f"after {warm_up(self.minutes):.3g} minutes of warm-up memory rests at {first:.1f} MiB in the first half "
            f"and {second:.1f} MiB in the second, {self.rise / 1_024:+.0f} KiB ({self.most / 1_024:.0f} may be); "
            f"slope {self.slope / 1_024:+.1f} KiB a minute ({MOST_GROWTH / 1_024:.0f} may be), "
            f"files {self.files:+.2f} a minute (0 may be): {'passed' if self.passed else 'failed'}{short}"
        )


def warm_up(minutes: float) -> float:
    """How many minutes of a soak of so many are not judged."""
    return max(minutes * WARM_UP, RESTS_FROM) if minutes >= SHORTEST else minutes * WARM_UP


def apart(minutes: float) -> float:
    """How many minutes the middles of the two halves are apart."""
    return (minutes - warm_up(minutes)) / 2


def judge(samples: list[Sample], minutes: float) -> Verdict:
    """Say whether memory and open files have come to rest in a soak of so many minutes."""
    late = [sample for sample in samples if sample[0] > warm_up(minutes) * 60]
    lowest = floors([(at, memory) for at, memory, _ in late])
    middle = (warm_up(minutes) + apart(minutes)) * 60
    first = [memory for at, memory in lowest if at <= middle]
    second = [memory for at, memory in lowest if at > middle]
    files = slope([(at, count) for at, _, count in late]) * 60
    return Verdict(minutes, slope(lowest) * 60, (middle_of(first or second), middle_of(second or first)), files)


def middle_of(values: list[int]) -> float:
    """The median, 0 of none."""
    return median(values) if values else 0.0


def floors(points: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The lowest of each few."""
    return [min(points[place : place + FEW], key=lambda point: point[1]) for place in range(0, len(points), FEW)]


def slope(points: list[tuple[float, int]]) -> float:
    """The median of the slopes between all pairs: an outlier does not move it."""
    pairs = [(one, other) for place, one in enumerate(points) for other in points[place + 1 :]]
    return median((there[1] - here[1]) / (there[0] - here[0]) for here, there in pairs) if pairs else 0.0
