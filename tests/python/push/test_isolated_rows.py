"""Rows that the service refuses: found among those that it takes, at most 64 requests for each request refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, arrived, check_account, make_table, orders, posts, rows_in, wait_until
from fault_server import FaultServer, http

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator


def unknown(emulator: Emulator, **options: Any) -> pbi.Table:
    """The table `Sales/Orders`, of which nothing but the name is known here."""
    emulator.client().create_dataset(SCHEMA, if_exists="reuse")
    return emulator.client().dataset("Sales").table("Orders", **options)


def mixed(count: int, *bad: int) -> list[dict[str, Any]]:
    """Rows of which the service refuses the `bad` ones: `Id` is a whole number there."""
    rows = orders(count)
    for number in bad:
        rows[number] = {"Id": "none"}
    return rows


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("bad", [(0,), (9_999,), (5_000,), (17, 4_321, 9_000)])
def test_the_rows_at_fault_are_rejected_and_the_others_arrive(
    virtual: Emulator, bad: tuple[int, ...], *, ordered: bool
) -> None:
    table = unknown(virtual, ordered=ordered)
    result = check_account(table.push(mixed(10_000, *bad), on_refused="isolate"), arrived(virtual))
    assert rows_in(result, "rejected") == set(bad)
    assert arrived(virtual) == Counter(set(range(10_000)) - set(bad))
    assert [(error.row, error.column, error.code) for error in result.errors] == [(row, None, "refused") for row in bad]
    assert result.error_count == len(bad)
    assert "the service answered 400" in result.errors[0].message
    assert result.requests <= 65
    assert (result.ok, result.retries, result.maybe_twice) == (False, 0, 0)
    if ordered:
        assert [row["Id"] for row in virtual.rows("Sales/Orders")] == sorted(set(range(10_000)) - set(bad))


def test_one_row_at_fault_among_10_000_costs_two_requests_for_each_halving_at_most(virtual: Emulator) -> None:
    result = unknown(virtual).push(mixed(10_000, 0), on_refused="isolate")
    assert result.requests == 1 + 2 * 13, "one row of 10,000 is found in 13 or 14 halvings"
    virtual.reset()
    last = unknown(virtual).push(mixed(10_000, 9_999), on_refused="isolate")
    assert last.requests == 1 + 14 + 1, "where the first half got through, the other one is halved without being sent"


def test_where_there_are_too_many_the_search_ends_and_what_is_still_mixed_is_rejected_whole(virtual: Emulator) -> None:
    rows = mixed(10_000, *range(0, 10_000, 100))
    result = check_account(unknown(virtual).push(rows, on_refused="isolate"), arrived(virtual))
    assert result.requests == 65
    assert result.rejected == 10_000
    assert result.error_count == 10_000
    assert len(result.errors) == 1_000
    assert "is one of 156 rows that were refused together" in result.errors[0].message


def test_a_half_that_nobody_has_refused_is_not_rejected(virtual: Emulator) -> None:
    """The budget is gone in the first half: the second one has its own request all the same."""
    for ordered in (False, True):
        virtual.reset()
        rows = mixed(10_000, *range(5_000))
        result = unknown(virtual, ordered=ordered).push(rows, on_refused="isolate")
        assert result.requests <= 65
        assert rows_in(result, "confirmed") == set(range(5_000, 10_000))


def test_each_request_that_is_refused_has_its_own_search(virtual: Emulator) -> None:
    rows = mixed(40_000, 5, 10_006, 20_007)
    result = check_account(unknown(virtual).push(rows, on_refused="isolate"), arrived(virtual))
    assert rows_in(result, "rejected") == {5, 10_006, 20_007}
    assert [error.row for error in result.errors] == [5, 10_006, 20_007]


def test_skipped_rows_count_in_the_numbers_of_refused_ones(virtual: Emulator) -> None:
    rows: list[Any] = [{"Id": 0}, {"Id": b"no"}, {"Id": 2}, {"Id": "none"}, {"Id": b"no"}, {"Id": 5}]
    result = unknown(virtual).push(rows, on_refused="isolate", on_invalid="skip")
    assert rows_in(result, "rejected") == {1, 3, 4}
    found = [(error.row, error.code) for error in result.errors]
    assert found == [(1, "wrong_type"), (3, "refused"), (4, "wrong_type")]
    assert result.error_count == 3
    assert [error.row for error in unknown(virtual).push(rows[:4], on_invalid="skip", **_ISOLATED).errors] == [1, 3]


_ISOLATED: dict[str, Any] = {"on_refused": "isolate", "max_errors": 2}


def test_without_it_a_refusal_ends_the_push(virtual: Emulator) -> None:
    with pytest.raises(pbi.ServiceError) as caught:
        unknown(virtual).push(mixed(10, 3))
    assert caught.value.result is not None
    assert (caught.value.result.rejected, caught.value.result.requests) == (10, 1)
    with pytest.raises(pbi.ConfigurationError, match='`on_refused` takes "raise" or "isolate"'):
        unknown(virtual).push(orders(1), on_refused="find")  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_is_not_about_rows_is_not_searched(virtual: Emulator, status: int) -> None:
    table = make_table(virtual)
    virtual.fail_next(status, route="Datasets_PostRows", times=10)
    with pytest.raises(pbi.ServiceError):
        table.push(orders(10), on_refused="isolate")
    assert len(posts(virtual)) <= 2


def test_rows_in_doubt_are_not_halved() -> None:
    """What may have been added with the lost answer would be added twice in halves."""
    with FaultServer(http(500), http(400)) as server:
        table = server.table()
        with pytest.raises(pbi.InDoubtError) as caught:
            table.push(orders(4), on_refused="isolate")
        assert caught.value.result is not None
        assert (caught.value.result.in_doubt, len(server.posts)) == (4, 2)


def test_a_numbered_push_gives_the_number_of_a_refused_request_to_the_next(virtual: Emulator) -> None:
    table = unknown(virtual, sequence=True)
    result = check_account(table.push(mixed(20_000, 5, 19_999), on_refused="isolate"), arrived(virtual))
    assert rows_in(result, "rejected") == {5, 19_999}
    confirmed = sum(post.status == 200 for post in posts(virtual))
    assert table.sequence_numbers() == {0: confirmed}
    assert {post.status for post in posts(virtual)} == {200, 400}


@pytest.mark.parametrize("durable", [False, True])
def test_a_sender_does_so_by_itself(virtual: Emulator, tmp_path: Path, *, durable: bool) -> None:
    told: list[pbi.PowerBIPushError] = []
    outbox = tmp_path / "outbox" if durable else None
    with unknown(virtual).sender(on_error=told.append, outbox=outbox) as sender:
        sender.send_many(mixed(1_000, 7, 500))
        result = check_account(sender.flush(), arrived(virtual))
        assert rows_in(result, "rejected") == {7, 500}
        assert [(error.row, error.code) for error in result.errors] == [(7, "refused"), (500, "refused")]
    # They are told on a thread of their own, for which closing does not wait.
    wait_until(lambda: len(told) == 2)
    assert [str(error.result) for error in told] == ["None", "None"]
    if outbox:
        assert [rejected.row for rejected in pbi.Outbox(outbox).rejected()] == [{"Id": "none"}, {"Id": "none"}]


def test_a_sender_leaves_it_when_it_is_told_to(virtual: Emulator) -> None:
    with unknown(virtual).sender(on_error=lambda _: None, on_refused="raise") as sender:
        sender.send_many(mixed(1_000, 7))
        assert sender.flush().rejected == 1_000
    assert len(posts(virtual)) == 1


def test_a_push_url_that_has_taken_rows_answers_404_for_columns(virtual: Emulator) -> None:
    stream = pbi.StreamingDataset(virtual.streaming_dataset("Sensors", {"Id": "Number"}))
    with stream.sender(on_error=lambda _: None, max_delay=0.01) as sender:
        sender.send({"Id": 0})
        sender.flush()
        sender.send_many([{"Id": 1}, {"Other": 2}, {"Id": 3}])
        result = sender.flush()
    assert rows_in(result, "rejected") == {2}
    assert arrived(virtual, "Sensors/RealTimeData") == Counter([0, 1, 3])


def test_before_anything_got_through_404_is_about_the_push_url(virtual: Emulator) -> None:
    stream = pbi.StreamingDataset(virtual.streaming_dataset("Sensors", {"Id": "Number"}))
    with pytest.raises(pbi.NotFoundError):
        stream.push([{"Other": 1}, {"Id": 2}], on_refused="isolate")
    assert len(virtual.requests) == 1


def test_a_dataset_that_is_deleted_meanwhile_does_not_cost_all_rows(virtual: Emulator) -> None:
    """404 again and again, with no success between them, is about the dataset: the rows wait for it."""
    stream = pbi.StreamingDataset(virtual.streaming_dataset("Sensors", {"Id": "Number"}), quotas=None)
    sender = stream.sender(on_error=lambda _: None, max_rows=1, max_delay=0)
    sender.send({"Id": 0})
    sender.flush()
    virtual.reset()
    sender.send_many(orders(100))
    with pytest.raises(pbi.DeadlineError):
        sender.flush(timeout=5)
    assert sender.stats.state == "paused"
    assert (sender.stats.rejected, sender.stats.pending) == (64, 36)
    with pytest.raises(pbi.UndeliveredError):
        sender.close(timeout=0.01)
