"""Answers that get lost: rows in doubt, sent again and counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders, posts, rows_in
from powerbi_push import Retry

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (25_000, 3)])
def test_a_lost_answer_is_resent_and_counted_as_maybe_twice(virtual: Emulator, count: int, requests: int) -> None:
    table = make_table(virtual, ordered=True)
    virtual.drop_response()
    result = check_account(table.push(orders(count)), arrived(virtual))
    twice = min(count, 10_000)
    assert (result.confirmed, result.maybe_twice) == (count, twice)
    assert (result.requests, result.retries) == (requests + 1, 1)
    assert arrived(virtual) == Counter(range(count)) + Counter(range(twice))


def test_each_lost_answer_with_four_out_is_counted_once(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.drop_response(times=4)
    result = check_account(table.push(orders(100_000)), arrived(virtual))
    assert result.ok
    assert result.maybe_twice == 10_000 * sum(post.status is None for post in posts(virtual)) - _same_again(virtual)
    assert arrived(virtual).total() == 140_000


def _same_again(emulator: Emulator) -> int:
    """Rows whose answer was lost more than once."""
    lost = Counter(bytes(post.body) for post in posts(emulator) if post.status is None)
    return 10_000 * sum(count - 1 for count in lost.values())


def test_a_resend_is_the_same_bytes(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.drop_response(times=2)
    table.push(orders(500))
    first, second, third = posts(virtual)
    assert first.body == second.body == third.body


@pytest.mark.parametrize("ordered", [True, False])
def test_with_on_doubt_raise_a_lost_answer_ends_the_push(
    virtual: Emulator,
    ordered: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    table = make_table(virtual, ordered=ordered)
    virtual.drop_response()
    with pytest.raises(pbi.InDoubtError, match="10000 rows were sent") as caught:
        table.push(orders(100_000), on_doubt="raise")
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.in_doubt, result.maybe_twice, result.retries) == (10_000, 0, 0)
    assert result.requests == len(posts(virtual))
    # The emulator dropped the answer only: here, what is in doubt is there.
    assert rows_in(result, "in_doubt") <= set(arrived(virtual))
    if ordered:
        assert result.ranges == [(0, 10_000, "in_doubt"), (10_000, 100_000, "unsent")]
    assert isinstance(caught.value.__cause__, pbi.TransportError)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_error_is_doubt_and_sent_again(virtual: Emulator, status: int) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(status, route="Datasets_PostRows", times=2)
    result = check_account(table.push(orders(10_001)), arrived(virtual))
    assert (result.confirmed, result.maybe_twice) == (10_001, 10_000)
    assert (result.requests, result.retries) == (4, 2)
    assert arrived(virtual) == Counter(range(10_001))


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_that_stays_ends_in_doubt_after_the_attempts(virtual: Emulator, status: int) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(status, route="Datasets_PostRows", times=1_000)
    with pytest.raises(pbi.InDoubtError) as caught:
        table.push(orders(10_001))
    assert len(posts(virtual)) == 5
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.ranges, result.requests, result.retries) == (
        [(0, 10_000, "in_doubt"), (10_000, 10_001, "unsent")],
        5,
        4,
    )
    assert isinstance(caught.value.__cause__, pbi.ServiceError)
    assert caught.value.__cause__.status == status
    # While a service is down, one request in 15 seconds finds out whether it still is.
    assert 30 <= virtual.now <= 62
    assert result.waited_seconds == pytest.approx(virtual.now)


def test_the_policy_of_retries_is_the_users(virtual: Emulator) -> None:
    table = make_table(virtual, retry=Retry(attempts=3, first_delay=100, max_delay=150), ordered=True)
    virtual.fail_next(503, route="Datasets_PostRows", times=1_000)
    with pytest.raises(pbi.InDoubtError):
        table.push(orders(1))
    assert len(posts(virtual)) == 3
    assert 50 + 75 <= virtual.now <= 100 + 150


@pytest.mark.parametrize(
    ("status", "error", "state"), [(503, pbi.InDoubtError, "in_doubt"), (429, pbi.RateLimitedError, "unsent")]
)
def test_without_retries_one_request_is_all(
    virtual: Emulator, status: int, error: type[pbi.PowerBIPushError], state: str
) -> None:
    table = make_table(virtual, retry=None)
    virtual.fail_next(status, route="Datasets_PostRows")
    with pytest.raises(error) as caught:
        table.push(orders(3))
    assert len(posts(virtual)) == 1
    assert check_account(caught.value.result, arrived(virtual)).ranges == [(0, 3, state)]
    assert virtual.now == 0


@pytest.mark.parametrize("then", [400, 403, 404, 413])
def test_a_refusal_after_doubt_leaves_the_doubt(virtual: Emulator, then: int) -> None:
    table = make_table(virtual)
    virtual.drop_response()
    virtual.fail_next(then, route="Datasets_PostRows")
    with pytest.raises(pbi.InDoubtError) as caught:
        table.push(orders(3))
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.in_doubt, result.rejected) == (3, 0)
    assert arrived(virtual) == Counter(range(3))
