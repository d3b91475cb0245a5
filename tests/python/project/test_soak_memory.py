"""A soak's verdict on memory: what came to rest passes, what goes on growing does not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from memory import ALLOWANCE, MOST_GROWTH, Sample, judge

if TYPE_CHECKING:
    from collections.abc import Callable

KIB, MIB = 1_024, 1_048_576
LIFE = 17.0
"""Seconds between two samples, as in a soak."""


def soak(minutes: float, floor: Callable[[float], float], *, seed: int = 1, files: float = 0.0) -> list[Sample]:
    """Samples of a soak whose memory has this floor at each minute.

    The floor wavers by half a MiB, and up to 2 MiB are in use on top of it.
    """
    dice = random.Random(seed)  # noqa: S311 - dice are no secrets
    samples: list[Sample] = []
    for life in range(1, int(minutes * 60 / LIFE) + 1):
        if life % 5 == 1:
            wavers = dice.random() * 0.5
        memory = floor(life * LIFE / 60) + (wavers + dice.random() ** 2 * 2) * MIB
        samples.append((life * LIFE, int(memory), 30 + int(files * life * LIFE / 60)))
    return samples


def leaking(kib_a_minute: float) -> Callable[[float], float]:
    return lambda minute: 80 * MIB + kib_a_minute * KIB * minute


def resting_from(minute: float) -> Callable[[float], float]:
    return lambda at: 87 * MIB - max(0.0, minute - at) * 600 * KIB


@pytest.mark.parametrize("minutes", [45, 60, 150])
def test_memory_that_rises_for_twenty_minutes_and_rests_passes(minutes: float) -> None:
    for seed in range(20):
        verdict = judge(soak(minutes, resting_from(20), seed=seed), minutes)
        assert verdict.passed, str(verdict)


def test_memory_that_rests_from_the_beginning_passes() -> None:
    for seed in range(20):
        assert judge(soak(60, leaking(0), seed=seed), 60).passed


@pytest.mark.parametrize("minutes", [45, 60, 150])
def test_a_leak_of_82_kib_a_minute_fails(minutes: float) -> None:
    for seed in range(20):
        verdict = judge(soak(minutes, leaking(82), seed=seed), minutes)
        assert not verdict.passed, str(verdict)


@pytest.mark.parametrize(("kib_a_minute", "passes"), [(10, True), (35, False)])
def test_an_hour_tells_a_leak_above_the_bound_from_one_below(kib_a_minute: int, *, passes: bool) -> None:
    for seed in range(20):
        verdict = judge(soak(60, leaking(kib_a_minute), seed=seed), 60)
        assert verdict.passed is passes, str(verdict)


@pytest.mark.parametrize("minutes", [60, 120])
@pytest.mark.parametrize(("kib_a_minute", "passes"), [(19, True), (21, False)])
def test_the_bound_is_20_kib_a_minute(minutes: int, kib_a_minute: float, *, passes: bool) -> None:
    floor = leaking(kib_a_minute)
    samples = [(6.0 * tenth, int(floor(tenth / 10)), 30) for tenth in range(1, minutes * 10 + 1)]
    assert judge(samples, minutes).passed is passes


def test_a_leak_that_begins_late_fails() -> None:
    verdict = judge(soak(60, lambda minute: 80 * MIB + max(0.0, minute - 30) * 82 * KIB), 60)
    assert not verdict.passed, str(verdict)


def test_the_allowance_excuses_nothing_in_an_hour() -> None:
    assert judge([], 60).most == MOST_GROWTH * 20 > ALLOWANCE


@pytest.mark.parametrize(("minutes", "passes"), [(9, True), (10, False), (60, False)])
def test_files_that_stay_open_fail_from_ten_minutes_on(minutes: float, *, passes: bool) -> None:
    assert judge(soak(minutes, leaking(0), files=1), minutes).passed is passes


def test_a_soak_that_is_over_before_memory_rests_has_no_verdict_on_it_and_says_so() -> None:
    verdict = judge(soak(39, leaking(500)), 39)
    assert verdict.passed
    assert str(verdict).endswith("passed (memory counts from 40 minutes on)")
    assert not judge(soak(40, leaking(500)), 40).passed


def test_a_soak_without_a_single_life_passes() -> None:
    assert judge([], 60).passed


def test_the_figures_are_stated() -> None:
    samples = [(60.0 * minute, int(leaking(82)(minute)), 30) for minute in range(1, 61)]
    assert str(judge(samples, 60)) == (
        "after 20 minutes of warm-up memory rests at 82.3 MiB in the first half and 83.9 MiB in the second, +1640 KiB "
        "(400 may be); slope +82.0 KiB a minute (20 may be), files +0.00 a minute (0 may be): failed"
    )
