"""What the service refuses: later rows stay unsent, what is too large goes in halves."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, orders, posts, rows_in, wait_until
from fault_server import FaultServer, http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

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


def test_a_dataset_of_others_that_only_streams_is_found_out_once(virtual: Emulator) -> None:
    """The service does not tell the mode: what is refused at less than 30,000 bytes goes on in 15,000."""
    body = {
        "name": "Live",
        "defaultMode": "Streaming",
        "tables": [{"name": "T", "columns": [{"name": "Id", "dataType": "Int64"}]}],
    }
    request = Request(  # noqa: S310 - the local Power BI
        f"{virtual.url}/v1.0/myorg/datasets",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {virtual.credential.get_token().token}", "Content-Type": "application/json"},
    )
    urlopen(request).close()  # noqa: S310 - the local Power BI
    table = virtual.client().dataset("Live").table("T", ordered=True)
    assert table.push(orders(40_000)).ok
    refused = [len(post.json()["rows"]) for post in posts(virtual) if post.status == 413]
    assert refused == [10_000, 5_000, 2_500]
    before = len(posts(virtual))
    again = virtual.client().dataset("Live").table("T").push(orders(40_000))
    assert (again.ok, again.retries) == (True, 0)
    assert {post.status for post in posts(virtual)[before:]} == {200}


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
