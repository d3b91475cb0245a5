"""Cables that are pulled, answers that never come, names that nobody knows: waited out, every row accounted for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from network import Network, network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: One probe in 15 seconds, and the connection's own time limit of 3.
LATEST = 15.0 + 3.0 + 1.0


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Network]:
    """Two machines whose rows flow."""
    with network(tmp_path) as made:
        yield made


def check_end(machines: Network) -> tuple[int, int]:
    """Hold the account against what is there; answers the rows that are there twice, and `maybe_twice`."""
    result = machines.client.ask("end")
    there = {int(number): times for number, times in machines.server.ask("rows").items()}
    assert (result["confirmed"], result["in_doubt"], result["rejected"]) == (result["read"], 0, 0)
    assert set(there) == set(range(result["read"])), "accepted rows are there, and no others"
    twice = sum(times > 1 for times in there.values())
    assert twice <= result["maybe_twice"]
    return twice, result["maybe_twice"]


@pytest.mark.parametrize("seconds", [2, 10, 30])
def test_a_cable_that_is_pulled_is_waited_for(machines: Network, seconds: int) -> None:
    machines.cable("down")
    time.sleep(seconds)
    before = machines.client.ask("stats")
    assert before["accepted"] - before["confirmed"] > seconds * 100, "nothing came through"
    machines.cable("up")
    late = machines.wait_for(lambda stats: stats["confirmed"] > before["confirmed"])
    assert late <= LATEST
    twice, maybe_twice = check_end(machines)
    print(f"{seconds} s without a cable: first row after {late:.1f} s, {twice} twice of {maybe_twice} that may be")


def test_answers_that_never_come_are_doubt_and_counted(machines: Network) -> None:
    machines.answers(pass_=False)
    time.sleep(12)
    before = machines.client.ask("stats")
    machines.answers(pass_=True)
    late = machines.wait_for(lambda stats: stats["confirmed"] > before["confirmed"])
    assert late <= LATEST
    twice, maybe_twice = check_end(machines)
    assert twice > 0, "some rows came without their answer"
    print(f"half open for 12 s: first row after {late:.1f} s, {twice} twice of {maybe_twice} that may be")


def test_a_name_that_nobody_knows_for_a_while_is_asked_for_again(machines: Network) -> None:
    machines.names_resolve(whether=False)
    machines.server.ask("cut")
    before = machines.client.ask("stats")
    time.sleep(8)
    during = machines.client.ask("stats")
    assert during["confirmed"] - before["confirmed"] < 2_000, "connections that were there may end what they began"
    assert during["accepted"] - during["confirmed"] > 1_000, "nothing came through"
    machines.names_resolve(whether=True)
    assert machines.wait_for(lambda stats: stats["confirmed"] > during["confirmed"]) <= LATEST
    check_end(machines)
