"""How a push ends when something goes wrong: each ending counts rows where they arrived."""

from __future__ import annotations

import re
from collections import Counter
from email.utils import formatdate, parsedate_to_datetime
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

import powerbi_push as pbi
from conftest import (
    QUICK,
    arrived,
    check_account,
    make_table,
    meanwhile,
    orders,
    posts,
    rows_in,
    wait_until,
)
from fault_server import (
    CLOSE,
    CONFIRMED,
    RESET,
    RESET_AT_HEAD,
    SILENCE,
    Answer,
    FaultServer,
    closed_port,
    http,
)
from powerbi_push import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

BAD: dict[str, Any] = {"Id": "seven"}


def one_shot(rows: list[Any]) -> Iterator[Any]:
    yield from rows


def with_bad(count: int, *places: int) -> list[Any]:
    rows = orders(count)
    for place in places:
        rows[place] = BAD
    return rows


# Rows that do not fit.


@pytest.mark.parametrize("place", [0, 4_999, 9_999, 24_999])
def test_an_invalid_row_in_a_list_is_found_before_any_request(powerbi: Emulator, place: int) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(with_bad(25_000, place))
    assert posts(powerbi) == []
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.read, result.rejected, result.unsent, result.requests) == (25_000, 1, 24_999, 0)
    assert rows_in(result, "rejected") == {place}
    assert [error.row for error in caught.value.errors] == [place]


def test_all_problems_of_a_list_are_reported_together(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(with_bad(25_000, 3, 10_000, 24_999), max_errors=2)
    assert [error.row for error in caught.value.errors] == [3, 10_000]
    assert caught.value.error_count == 3
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.error_count, result.errors) == (3, caught.value.errors)
    assert "row 3: " in str(caught.value)
    assert "and 1 more" in str(caught.value)


@pytest.mark.parametrize(
    ("place", "read", "confirmed"),
    [
        (0, 10_000, 0),
        (9_999, 10_000, 0),
        (10_000, 20_000, 10_000),
        (19_999, 20_000, 10_000),
        (20_000, 25_000, 20_000),
        (24_999, 25_000, 20_000),
    ],
)
def test_an_invalid_row_of_a_generator_stops_its_own_request_and_no_earlier_one(
    powerbi: Emulator, place: int, read: int, confirmed: int
) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(one_shot(with_bad(25_000, place)))
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.read, result.confirmed, result.rejected) == (read, confirmed, 1)
    assert result.unsent == read - confirmed - 1
    assert rows_in(result, "rejected") == {place}
    assert arrived(powerbi) == Counter(range(confirmed))


def test_check_batch_treats_a_list_like_a_generator(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    with pytest.raises(pbi.ValidationError) as caught:
        table.push(with_bad(25_000, 10_000), check="batch")
    result = check_account(caught.value.result, arrived(powerbi))
    assert (result.confirmed, result.rejected) == (10_000, 1)


@pytest.mark.parametrize("sized", [True, False])
def test_skip_sends_the_valid_rows_and_says_which_were_not(
    powerbi: Emulator,
    sized: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    table = make_table(powerbi)
    bad = [0, 1, 9_999, 10_000, 24_999]
    rows = with_bad(25_000, *bad)
    result = table.push(rows if sized else one_shot(rows), on_invalid="skip")
    check_account(result, arrived(powerbi), skipped=bad)
    assert result.ranges == [
        (0, 2, "rejected"),
        (2, 9_999, "confirmed"),
        (9_999, 10_001, "rejected"),
        (10_001, 24_999, "confirmed"),
        (24_999, 25_000, "rejected"),
    ]
    assert [error.row for error in result.errors] == bad
    assert (result.confirmed, result.rejected, result.error_count) == (24_995, 5, 5)
    assert arrived(powerbi) == Counter(set(range(25_000)) - set(bad))
    assert not result


def test_skip_with_no_valid_row_sends_nothing(powerbi: Emulator) -> None:
    result = make_table(powerbi).push([BAD] * 20_001, on_invalid="skip")
    assert posts(powerbi) == []
    assert (result.ranges, result.error_count, len(result.errors)) == ([(0, 20_001, "rejected")], 20_001, 1_000)


def test_skip_counts_in_the_callers_rows_when_the_service_refuses_too(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    rows = with_bad(25_000, 5)
    virtual.fail_next(400, route="Datasets_PostRows")
    with pytest.raises(pbi.ServiceError) as caught:
        table.push(rows, on_invalid="skip")
    result = check_account(caught.value.result, arrived(virtual), skipped=[5])
    # Requests hold the rows of 10,000 that were looked at.
    assert result.ranges[0] == (0, 10_000, "rejected")
    assert result.rejected == 10_000
    assert result.resume_from == 0


# Refusals.

REFUSALS = [
    (400, pbi.ServiceError),
    (403, pbi.PermissionDeniedError),
    (404, pbi.NotFoundError),
    (422, pbi.ServiceError),
]


@pytest.mark.parametrize(("status", "error"), REFUSALS)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_refusal_in_the_middle_stops_what_comes_after(
    virtual: Emulator, status: int, error: type[pbi.ServiceError], before: int
) -> None:
    table = make_table(virtual, ordered=True)
    rows = orders(50_000)

    def refuse_then() -> Iterator[Any]:
        """The fault is ordered once the requests before are answered, so that it hits the next one."""
        for row in rows:
            if row["Id"] == before * 10_000:
                if before:
                    wait_until(lambda: len(posts(virtual)) == before)
                virtual.fail_next(status, route="Datasets_PostRows")
            yield row

    with pytest.raises(error) as caught:
        table.push(refuse_then())
    assert caught.value.status == status
    result = check_account(caught.value.result, arrived(virtual))
    done = before * 10_000
    assert (result.confirmed, result.rejected, result.requests) == (done, 10_000, before + 1)
    assert rows_in(result, "rejected") == set(range(done, done + 10_000))
    assert result.in_doubt == 0
    assert len(posts(virtual)) == before + 1


@pytest.mark.parametrize(("status", "error"), REFUSALS)
def test_a_refusal_with_four_out_waits_for_the_others_and_counts_them(
    virtual: Emulator, status: int, error: type[pbi.ServiceError]
) -> None:
    table = make_table(virtual)
    virtual.fail_next(status, route="Datasets_PostRows")
    with pytest.raises(error) as caught:
        table.push(orders(100_000))
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.read, result.rejected, result.in_doubt) == (100_000, 10_000, 0)
    assert result.requests == len(posts(virtual))
    assert result.confirmed == 10_000 * (len(posts(virtual)) - 1)


def test_what_was_not_begun_is_never_sent_behind_the_callers_back(powerbi: Emulator) -> None:
    for _ in range(40):
        powerbi.reset()
        table = make_table(powerbi)
        powerbi.fail_next(400, route="Datasets_PostRows")
        with pytest.raises(pbi.ServiceError) as caught:
            table.push(orders(60_000))
        # Two more requests on the same connections, and whatever was left in them has arrived.
        table.push(orders(1, start=100_000))
        there = arrived(powerbi)
        assert there.pop(100_000) == 1
        check_account(caught.value.result, there)


def test_a_redirect_is_not_followed_and_nothing_is_sent_to_its_target() -> None:
    for status in (301, 302, 303, 307, 308):
        with FaultServer() as target, FaultServer(http(status, Location=f"{target.url}/rows")) as server:
            with pytest.raises(pbi.ServiceError, match="redirects are never followed") as caught:
                server.table().push(orders(3))
            assert target.received == []
            assert len(server.posts) == 1
            assert caught.value.status == status
            result = check_account(caught.value.result, Counter())
            assert (result.unsent, result.retries) == (3, 0)


# Too large.


def test_a_body_that_is_too_large_is_sent_in_halves(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(413, route="Datasets_PostRows")
    result = check_account(table.push(orders(25_001)), arrived(virtual))
    assert result.ok
    assert [(post.status, post.rows) for post in posts(virtual)] == [
        (413, 0),
        (200, 5_000),
        (200, 5_000),
        (200, 5_000),
        (200, 5_000),
        (200, 5_000),
        (200, 1),
    ]
    assert [row["Id"] for row in virtual.rows("Sales/Orders")] == list(range(25_001))
    assert (result.requests, result.retries, result.maybe_twice) == (7, 0, 0)


def test_with_four_out_a_body_that_is_too_large_is_sent_in_halves(virtual: Emulator) -> None:
    table = make_table(virtual)
    virtual.fail_next(413, route="Datasets_PostRows", times=3)
    result = check_account(table.push(orders(50_000)), arrived(virtual))
    assert result.ok
    assert arrived(virtual) == Counter(range(50_000))
    assert result.maybe_twice == 0


def test_a_single_row_that_is_too_large_ends_the_push(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(413, route="Datasets_PostRows", times=1_000)
    with pytest.raises(pbi.PayloadTooLargeError) as caught:
        table.push(orders(10_000))
    sizes = [len(post.json()["rows"]) for post in posts(virtual)]
    assert sizes == [10_000, 5_000, 2_500, 1_250, 625, 312, 156, 78, 39, 19, 9, 4, 2, 1]
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.ranges, result.requests) == ([(0, 1, "rejected"), (1, 10_000, "unsent")], 14)
    assert caught.value.status == 413


# Answers that get lost.


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
    ("status", "error", "state"),
    [(503, pbi.InDoubtError, "in_doubt"), (429, pbi.RateLimitedError, "unsent")],
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


# Quotas.


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


# Time limits.


def test_when_the_timeout_passes_what_was_sent_is_in_doubt(virtual: Emulator) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table(ordered=True)

        def time_passes() -> None:
            server.wait_for_posts(1)
            virtual.advance(20)

        with meanwhile(time_passes), pytest.raises(pbi.DeadlineError) as caught:
            table.push(orders(25_000), timeout=20)
        result = check_account(caught.value.result, server.arrived())
        assert result.ranges == [(0, 10_000, "in_doubt"), (10_000, 25_000, "unsent")]
        assert result.elapsed_seconds == 20
        assert len(server.posts) == 1
    assert isinstance(caught.value, TimeoutError)


def test_when_the_timeout_passes_with_four_out_all_four_are_in_doubt(virtual: Emulator) -> None:
    with FaultServer(SILENCE) as server:
        table = server.table()

        def time_passes() -> None:
            server.wait_for_posts(4)
            virtual.advance(20)

        with meanwhile(time_passes), pytest.raises(pbi.DeadlineError) as caught:
            table.push(orders(100_000), timeout=20)
        result = check_account(caught.value.result, server.arrived())
        assert (result.in_doubt, result.unsent) == (40_000, 60_000)


def test_the_timeout_is_for_the_whole_call_resends_included(virtual: Emulator) -> None:
    table = make_table(virtual, retry=Retry(attempts=1_000, first_delay=10, max_delay=10))
    virtual.fail_next(503, route="Datasets_PostRows", times=10_000)
    with pytest.raises(pbi.DeadlineError) as caught:
        table.push(orders(3), timeout=60)
    assert check_account(caught.value.result, arrived(virtual)).ranges == [(0, 3, "in_doubt")]
    # A resend comes every 5 to 10 seconds, the last of them before the limit.
    assert 60 <= virtual.now < 70
    assert 6 <= len(posts(virtual)) <= 12


def test_real_time_passes_too() -> None:
    with FaultServer(SILENCE) as server, pytest.raises(pbi.DeadlineError) as caught:
        server.table().push(orders(3), timeout=0.05)
    assert check_account(caught.value.result, server.arrived()).in_doubt == 3
    assert caught.value.result is not None
    assert 0.05 <= caught.value.result.elapsed_seconds < 5


def test_a_timeout_within_the_rows_ends_the_reading_of_them(virtual: Emulator) -> None:
    table = make_table(virtual)
    taken = 0

    def slow() -> Iterator[Any]:
        nonlocal taken
        for row in orders(100_000):
            taken += 1
            virtual.advance(1)
            yield row

    with pytest.raises(pbi.DeadlineError) as caught:
        table.push(slow(), timeout=60)
    result = check_account(caught.value.result, arrived(virtual))
    assert result.read in {taken, taken - 1}
    # A generator that waits for its rows must not hold the call for another ten thousand of them.
    assert taken <= 1_000


def test_silence_for_the_length_of_the_clients_timeout_is_doubt(virtual: Emulator) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table(timeout=30)
        answered = Event()

        def time_passes() -> None:
            server.wait_for_posts(1)
            while not answered.wait(0.005):
                virtual.advance(31)

        with meanwhile(time_passes):
            try:
                result = table.push(orders(3))
            finally:
                answered.set()
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 3, 2)
        assert server.arrived() == Counter({0: 2, 1: 2, 2: 2})


def test_silence_without_retries_is_an_in_doubt_error_because_of_a_timeout() -> None:
    with FaultServer(SILENCE) as server, pytest.raises(pbi.InDoubtError) as caught:
        server.table(timeout=0.05, retry=None).push(orders(3))
    assert isinstance(caught.value.__cause__, pbi.TransportTimeoutError)


# Sources that raise.


class Unreadable(Exception):  # noqa: N818 - what the rows raise
    """The rows' own trouble."""


@pytest.mark.parametrize(
    ("after", "confirmed"), [(0, 0), (1, 0), (9_999, 0), (10_000, 10_000), (10_001, 10_000), (25_000, 20_000)]
)
def test_a_generator_that_raises_leaves_what_was_sent(virtual: Emulator, after: int, confirmed: int) -> None:
    table = make_table(virtual)

    def broken() -> Iterator[Any]:
        yield from orders(after)
        message = "the disk is gone"
        raise Unreadable(message)

    with pytest.raises(pbi.SourceError, match=f"row {after}: Unreadable: the disk is gone") as caught:
        table.push(broken())
    assert isinstance(caught.value.__cause__, Unreadable)
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.read, result.confirmed, result.unsent) == (after, confirmed, after - confirmed)
    assert arrived(virtual) == Counter(range(confirmed))
    assert result.resume_from == confirmed


def test_a_row_that_raises_is_a_source_error_too(virtual: Emulator) -> None:
    class Row:
        def keys(self) -> list[str]:
            raise Unreadable

        def __getitem__(self, key: str) -> int:
            return 0

    table = make_table(virtual)
    with pytest.raises(pbi.SourceError) as caught:
        table.push([*orders(2), Row()])
    assert isinstance(caught.value.__cause__, Unreadable)
    assert posts(virtual) == []
    check_account(caught.value.result, arrived(virtual))


def test_a_list_that_shrinks_while_it_is_read_is_an_error_and_not_a_crash(virtual: Emulator) -> None:
    rows: list[Any] = orders(20)

    class Row:
        def keys(self) -> list[str]:
            rows.pop()
            return ["Id"]

        def __getitem__(self, key: str) -> int:
            return 0

    rows[3] = Row()
    table = make_table(virtual)
    with pytest.raises(pbi.SourceError, match="changed") as caught:
        table.push(rows)
    assert posts(virtual) == []
    check_account(caught.value.result, arrived(virtual))


def test_a_push_inside_the_rows_of_a_push_works(virtual: Emulator) -> None:
    table = make_table(virtual)

    def pushing() -> Iterator[Any]:
        yield {"Id": 0}
        table.push([{"Id": 1}])
        yield {"Id": 2}

    assert table.push(pushing()).ok
    assert arrived(virtual) == Counter([0, 1, 2])


def test_a_source_that_raises_while_the_service_refuses_is_still_accounted_for(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(403, route="Datasets_PostRows")

    def broken() -> Iterator[Any]:
        yield from orders(15_000)
        wait_until(lambda: len(posts(virtual)) == 1)
        raise Unreadable

    with pytest.raises((pbi.SourceError, pbi.PermissionDeniedError)) as caught:
        table.push(broken())
    result = check_account(caught.value.result, arrived(virtual))
    assert (result.rejected, result.confirmed) == (10_000, 0)


# Connections.


def test_nobody_listening_is_a_transport_error_and_nothing_sent() -> None:
    with FaultServer() as server:
        table = server.table(retry=QUICK)
    with pytest.raises(pbi.TransportError, match="could not connect") as caught:
        table.push(orders(25_000))
    result = check_account(caught.value.result, Counter())
    assert (result.unsent, result.in_doubt) == (25_000, 0)
    assert isinstance(caught.value, ConnectionError)
    assert server.posts == []


def test_a_connection_that_is_refused_is_tried_again(virtual: Emulator) -> None:
    client = pbi.Client("a token", base_url=closed_port())
    with pytest.raises(pbi.TransportError):
        client.datasets()
    assert 3.75 <= virtual.now <= 7.5


LOST = {
    "the connection is reset after the body": RESET,
    "the connection is closed after the body": CLOSE,
    "the head breaks off": Answer(b"HTTP/1.1 200 OK\r\nRequestId: 1\r\nContent-Le", "close"),
    "the head is no HTTP": Answer(b"SSH-2.0-OpenSSH\r\n\r\n", "close"),
    "a proxy says 200 without the id of the service": http(200, request_id=False),
    "a web page says 200": http(200, b"<html>log in</html>", Content_Type="text/html; charset=utf-8"),
    "204": http(204),
    "202": http(202),
    "206": http(206),
    "408": http(408),
    "599": http(599),
}


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
def test_what_is_no_answer_of_the_service_is_doubt(answer: Answer) -> None:
    with FaultServer(answer) as server:
        with pytest.raises(pbi.InDoubtError) as caught:
            server.table(retry=None).push(orders(3))
        result = check_account(caught.value.result, server.arrived())
        assert (result.ranges, result.requests) == ([(0, 3, "in_doubt")], 1)
        assert len(server.posts) == 1


@pytest.mark.parametrize("answer", LOST.values(), ids=LOST)
def test_what_is_in_doubt_is_sent_again_and_counted(answer: Answer) -> None:
    with FaultServer(answer, CONFIRMED) as server:
        result = server.table(retry=QUICK).push(orders(3))
        assert (result.confirmed, result.maybe_twice, result.requests, result.retries) == (3, 3, 2, 1)
        assert len(server.posts) == 2
        assert server.posts[0].body == server.posts[1].body


WHOLE = {
    "its body is cut": http(200, b"{}", length=100, then="close"),
    "its body is reset": http(200, b"{}", length=100, then="reset"),
    "its body is longer than it says": http(200, b"{}{}", length=1, then="close"),
    "its body is no JSON": http(200, b'{"trunc'),
    "its chunks do not end": Answer(
        b"HTTP/1.1 200 OK\r\nRequestId: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "close"
    ),
    "its body is large": http(200, b" " * 5_000_000),
    "it is 201": http(201),
}


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_a_success_of_the_service_counts_whatever_follows_its_head(answer: Answer) -> None:
    with FaultServer(answer) as server:
        result = server.table(retry=QUICK).push(orders(3))
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 0, 1)
        assert check_account(result, server.arrived()).request_ids != ()


def test_a_success_whose_body_never_comes_counts(virtual: Emulator) -> None:
    with FaultServer(http(200, b"{", length=100, then="hold"), CONFIRMED) as server:
        table = server.table(timeout=30, retry=QUICK)
        answered = Event()

        def time_passes() -> None:
            server.wait_for_posts(1)
            while not answered.wait(0.005):
                virtual.advance(31)

        with meanwhile(time_passes):
            try:
                result = table.push(orders(3))
            finally:
                answered.set()
        assert server.arrived() == Counter(range(3))
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 0, 1)


def test_a_reset_before_the_whole_body_was_written_is_no_doubt() -> None:
    rows = [{"Id": number, "Item": "x" * 4_000} for number in range(3_000)]
    with FaultServer(RESET_AT_HEAD, CONFIRMED) as server:
        result = server.table(retry=QUICK).push(rows)
        assert server.arrived() == Counter(range(3_000))
        assert (result.confirmed, result.maybe_twice, result.retries) == (3_000, 0, 1)


def test_a_reset_before_the_whole_body_was_written_leaves_the_rows_unsent() -> None:
    rows = [{"Id": number, "Item": "x" * 4_000} for number in range(3_000)]
    with FaultServer(RESET_AT_HEAD) as server:
        with pytest.raises(pbi.TransportError) as caught:
            server.table(retry=None).push(rows)
        assert check_account(caught.value.result, server.arrived()).ranges == [(0, 3_000, "unsent")]


def test_a_connection_that_died_idle_costs_no_row() -> None:
    with FaultServer(http(200, then="close"), CONFIRMED) as server:
        table = server.table(retry=QUICK)
        first, second = table.push(orders(3)), table.push(orders(3))
        assert (first.ok, second.ok) == (True, True)
        # The server closes once it has answered: the second request finds that out before it is sent, or is in doubt.
        assert server.arrived().total() <= 6 + first.maybe_twice + second.maybe_twice


def test_a_failure_adds_what_became_of_the_rows_to_the_traceback(virtual: Emulator) -> None:
    table = make_table(virtual, ordered=True)
    virtual.fail_next(403, route="Datasets_PostRows")
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        table.push(orders(10_001))
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"10,001 rows read: 10,000 rejected, 1 unsent; 1 request in \d\.\d s", note)
