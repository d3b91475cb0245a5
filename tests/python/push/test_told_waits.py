"""Waits that the service tells of: kept to the second, by every push, and believed within reason."""

from __future__ import annotations

from collections import Counter
from email.utils import formatdate, parsedate_to_datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, meanwhile, orders, posts

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator


@pytest.mark.parametrize("ordered", [True, False])
def test_a_told_wait_is_kept_to_the_second_and_nothing_is_sent_before(
    virtual: Emulator,
    ordered: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    table = make_table(virtual, ordered=ordered)
    virtual.fail_next(429, retry_after=3_392, route="Datasets_PostRows")
    result = check_account(table.push(orders(100_000)), arrived(virtual))
    assert result.ok
    assert arrived(virtual) == Counter(range(100_000))
    assert result.maybe_twice == 0
    refused, resent = (post for post in posts(virtual) if post.body == _refused(virtual).body)
    assert (refused.at, refused.status, resent.status) == (0, 429, 200)
    assert 3_392 <= resent.at < 3_392 * 1.06
    # What was on the wire when the refusal came is answered; all that begins after it waits.
    late = [post.at for post in posts(virtual) if post.at > 0]
    assert all(3_392 <= at < 3_392 * 1.06 for at in late)
    if ordered:
        assert len(late) == 10
    assert (result.requests, result.retries) == (11, 1)


def _refused(emulator: Emulator) -> Any:
    return next(post for post in posts(emulator) if post.status == 429)


def test_what_was_waited_is_counted(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after=3_392, route="Datasets_PostRows")
    result = table.push(orders(3))
    assert 3_392 <= result.waited_seconds < 3_392 * 1.06
    assert result.waited_seconds == pytest.approx(result.elapsed_seconds)
    assert result.elapsed_seconds == pytest.approx(virtual.now)


def test_a_wait_holds_every_push_to_the_dataset_that_this_client_makes(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(429, retry_after=600, route="Datasets_PostRows")
    with pytest.raises(pbi.RateLimitedError):
        table.push(orders(1), timeout=60)
    table.push(orders(1))
    refused, answered = posts(virtual)
    assert (refused.status, answered.status) == (429, 200)
    assert 600 <= answered.at < 600 * 1.06


def test_pushes_that_queue_for_a_place_heed_a_wait_that_was_told_meanwhile(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after=600, route="Datasets_PostRows", times=4)

    def push() -> None:
        table.push(orders(80_000))

    with meanwhile(push), meanwhile(push), meanwhile(push):
        push()
    assert arrived(virtual) == Counter(dict.fromkeys(range(80_000), 4))
    # Four places: a fifth request could only have begun after one of the refusals had come.
    early = [post.status for post in posts(virtual) if post.at < 600]
    assert 1 <= len(early) <= 4
    assert set(early) == {429}


def test_a_wait_can_be_told_as_a_date(virtual: Emulator) -> None:
    table = make_table(virtual)
    with urlopen(virtual.url) as page:  # noqa: S310 - it is http
        now = page.headers["Date"]
    then = formatdate(_seconds(now) + 120, usegmt=True)
    virtual.fail_next(429, retry_after=then, route="Datasets_PostRows")
    assert table.push(orders(3)).ok
    # Dates have no fractions of seconds.
    assert 119 <= posts(virtual)[-1].at < 120 * 1.06


def _seconds(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


def test_without_a_told_wait_each_further_one_is_longer(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, route="Datasets_PostRows", times=4)
    assert table.push(orders(3)).ok
    times = [post.at for post in posts(virtual)]
    waits = [later - earlier for earlier, later in pairwise(times)]
    # 0.5, 1, 2 and 4 seconds, of which half to all, and never less than one, stretched by up to a twentieth.
    bounds = [(1, 1.05), (1, 1.05), (1, 2.1), (2, 4.2)]
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))


@pytest.mark.parametrize("nonsense", ["-1", "soon", ""])
def test_a_wait_that_makes_no_sense_is_not_believed(virtual: Emulator, nonsense: str) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after=nonsense, route="Datasets_PostRows")
    assert table.push(orders(3)).ok
    assert 1 <= virtual.now <= 1.05


def test_no_wait_of_more_than_two_hours_is_believed(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after=1_000_000_000, route="Datasets_PostRows")
    assert table.push(orders(3)).ok
    assert 7_200 <= virtual.now < 7_200 * 1.06


def test_a_wait_past_the_timeout_is_refused_at_once(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(429, retry_after=3_392, route="Datasets_PostRows")
    with pytest.raises(pbi.RateLimitedError, match=r"339[0-9]|34[0-9][0-9]|35[0-9][0-9]") as caught:
        table.push(orders(30_000), timeout=3_000)
    assert virtual.now == 0
    assert len(posts(virtual)) == 1
    assert caught.value.retry_after is not None
    assert 3_392 <= caught.value.retry_after < 3_392 * 1.06
    assert check_account(caught.value.result, arrived(virtual)).ranges == [(0, 30_000, "unsent")]


def test_a_wait_within_the_timeout_is_waited_for(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.fail_next(429, retry_after=3_392, route="Datasets_PostRows")
    assert table.push(orders(3), timeout=3_600).ok
    assert 3_392 <= virtual.now < 3_600
