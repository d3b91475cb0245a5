"""`Table.push` where nothing fails: what is sent, how it is cut, and what the result says."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from dataclasses import fields
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, arrived, check_account, make_table, meanwhile, orders, posts
from fault_server import SILENCE, FaultServer
from powerbi_push import PushResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.emulator import Emulator


def test_two_rows_are_one_request_and_are_there(powerbi: Emulator) -> None:
    result = make_table(powerbi).push([{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}])
    assert powerbi.rows("Sales/Orders") == [{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}]
    check_account(result, arrived(powerbi))
    (post,) = posts(powerbi)
    assert post.json() == {"rows": [{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}]}
    assert (post.status, post.rows) == (200, 2)


def test_every_field_of_the_result_is_exact(virtual: Emulator) -> None:
    table = make_table(virtual)
    result = table.push(orders(10_001))
    assert result == PushResult(
        read=10_001,
        confirmed=10_001,
        ranges=[(0, 10_001, "confirmed")],
        resume_from=10_001,
        requests=2,
        bytes_sent=sum(len(post.body) for post in posts(virtual)),
        request_ids=result.request_ids,
    )
    assert len(set(result.request_ids)) == 2
    assert all(len(request_id) == 36 for request_id in result.request_ids)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (9_999, [9_999]),
        (10_000, [10_000]),
        (10_001, [1, 10_000]),
        (25_001, [5_001, 10_000, 10_000]),
    ],
)
@pytest.mark.parametrize("shape", [list, tuple, iter])
def test_one_request_holds_ten_thousand_rows(
    powerbi: Emulator, shape: Callable[[list[Any]], Any], count: int, sizes: list[int]
) -> None:
    result = make_table(powerbi).push(shape(orders(count)))
    assert sorted(post.rows for post in posts(powerbi)) == sizes
    assert (result.read, result.confirmed, result.requests) == (count, count, len(sizes))
    assert check_account(result, arrived(powerbi)).maybe_twice == 0
    assert arrived(powerbi) == Counter(range(count))


@pytest.mark.parametrize("shape", [list, iter])
def test_no_body_is_larger_than_sixteen_megabytes_and_none_is_cut_early(
    powerbi: Emulator, shape: Callable[[list[Any]], Any]
) -> None:
    # One row takes 4,000 letters and 16 to 20 bytes around them: the limit is met after some 3,980 of 5,000.
    rows = [{"Id": number, "Item": "x" * 4_000} for number in range(5_000)]
    result = make_table(powerbi, ordered=True).push(shape(rows))
    check_account(result, arrived(powerbi))
    first, second = posts(powerbi)
    row_bytes = len(json.dumps(rows[4_999], separators=(",", ":")))
    assert 16_000_000 - row_bytes - 1 <= len(first.body) <= 16_000_000
    assert first.rows + second.rows == 5_000


def test_rows_beyond_what_is_kept_from_the_check_are_read_again_and_all_arrive(powerbi: Emulator) -> None:
    rows = [{"Id": number, "Item": "ü" * 4_000} for number in range(15_000)]
    result = make_table(powerbi).push(rows)
    assert result.bytes_sent > 100_000_000
    assert check_account(result, arrived(powerbi)).confirmed == 15_000


def test_ordered_keeps_the_order_and_has_one_request_out(powerbi: Emulator) -> None:
    make_table(powerbi, ordered=True).push(orders(45_000))
    assert [row["Id"] for row in powerbi.rows("Sales/Orders")] == list(range(45_000))
    assert powerbi.most_in_flight == 1


def test_four_requests_are_out_at_once() -> None:
    with FaultServer(SILENCE) as server:

        def close_when_four_have_come() -> None:
            server.wait_for_posts(4)
            server.close()

        table = server.table(retry=None)
        with meanwhile(close_when_four_have_come), pytest.raises(pbi.InDoubtError) as caught:
            table.push(orders(200_000))
    assert len(server.posts) == 4
    result = check_account(caught.value.result, Counter(range(40_000)))
    assert (result.in_doubt, result.unsent) == (40_000, 160_000)


def test_a_fifth_request_is_never_out(powerbi: Emulator) -> None:
    make_table(powerbi).push(orders(200_000))
    assert powerbi.most_in_flight <= 4


def test_two_threads_share_the_four_places_of_a_dataset(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    together = Barrier(2)
    results: list[PushResult] = []

    def push(start: int) -> None:
        together.wait()
        results.append(table.push(orders(80_000, start)))

    with meanwhile(lambda: push(0)):
        push(80_000)
    assert [result.confirmed for result in results] == [80_000, 80_000]
    assert arrived(powerbi) == Counter(range(160_000))
    assert powerbi.most_in_flight <= 4


@pytest.mark.parametrize("empty", [[], (), iter([])])
def test_no_rows_are_no_request_and_no_error(powerbi: Emulator, empty: Any) -> None:
    result = make_table(powerbi).push(empty)
    assert posts(powerbi) == []
    assert (result.read, result.ranges, result.resume_from, result.requests) == (0, [], 0, 0)
    assert result.ok


def test_no_rows_need_neither_a_network_nor_a_token() -> None:
    def credential() -> str:
        pytest.fail("asked for a token")

    client = pbi.Client(credential, base_url="https://127.0.0.1:1", retry=None)
    dataset = pbi.Dataset(
        client._core,  # noqa: SLF001 - a dataset without asking for it
        client.my_workspace,
        {"id": "cfafbeb1-8037-4d0c-896e-a46fb27ff229", "name": "Sales", "accepts_rows": True, "web_url": None},
        SCHEMA,
    )
    assert dataset.table().push([]).ok


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"Id": 1}, r"wrap it in a list: push\(\[row\]\)"),
        ("Id", "wrap it in a list"),
        (b"Id", "wrap it in a list"),
        (7, "int"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_rows_is_a_type_error_and_no_request(powerbi: Emulator, rows: Any, message: str) -> None:
    table = make_table(powerbi)
    with pytest.raises(TypeError, match=message):
        table.push(rows)
    assert posts(powerbi) == []


def test_an_unknown_option_is_a_type_error_and_no_request(powerbi: Emulator) -> None:
    table: Any = make_table(powerbi)
    with pytest.raises(TypeError, match="'on_error'"):
        table.push(orders(1), on_error="skip")
    assert posts(powerbi) == []


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("on_invalid", "ignore", '"raise" or "skip"'),
        ("on_doubt", None, '"resend" or "raise"'),
        ("check", "none", '"all" or "batch"'),
        ("timeout", 0, "`timeout` takes a number of seconds above 0, or None"),
        ("timeout", -1, "`timeout` takes a number of seconds above 0, or None"),
        ("timeout", float("nan"), "`timeout` takes a number of seconds above 0, or None"),
        ("timeout", "soon", "`timeout` takes a number of seconds above 0, or None"),
    ],
)
def test_a_wrong_option_says_what_it_takes(powerbi: Emulator, option: str, value: Any, message: str) -> None:
    table: Any = make_table(powerbi)
    with pytest.raises(pbi.ConfigurationError, match=message):
        table.push(orders(1), **{option: value})
    assert posts(powerbi) == []


def test_a_second_push_appends(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(2))
    table.push(orders(2, start=2))
    assert [row["Id"] for row in powerbi.rows(table)] == [0, 1, 2, 3]


def test_delete_rows_empties_the_table_and_only_that(powerbi: Emulator) -> None:
    two = pbi.DatasetSchema("Two", [pbi.TableSchema("A", {"Id": int}), pbi.TableSchema("B", {"Id": int})])
    dataset = powerbi.client().create_dataset(two)
    dataset.table("A").push(orders(2))
    dataset.table("B").push(orders(3))
    dataset.table("A").delete_rows()
    assert powerbi.rows("Two/A") == []
    assert len(powerbi.rows("Two/B")) == 3
    assert powerbi.requests[-1].operation == "Datasets_DeleteRows"


def test_rows_go_to_the_workspace_that_was_asked_for(powerbi: Emulator) -> None:
    workspace_id = powerbi.add_workspace("Finance")
    workspace = powerbi.client().workspace(workspace_id)
    table = workspace.create_dataset(SCHEMA).table("Orders")
    result = table.push(orders(3))
    check_account(result, arrived(powerbi, "Finance/Sales/Orders"))
    (post,) = posts(powerbi)
    assert post.operation == "Datasets_PostRowsInGroup"
    assert f"/groups/{workspace_id}/datasets/" in post.path
    with pytest.raises(pbi.NotFoundError):
        powerbi.rows("Sales/Orders")


def test_without_a_schema_a_value_is_sent_by_its_own_type(powerbi: Emulator) -> None:
    known = powerbi.client().create_dataset(SCHEMA)
    table = powerbi.client().dataset("Sales").table("Orders")
    assert known.table("Orders").schema == SCHEMA.tables[0]
    assert table.schema is None
    result = table.push([{"Item": "tea", "Id": 0}])
    assert powerbi.rows(table) == [{"Item": "tea", "Id": 0}]
    check_account(result, arrived(powerbi))


def test_without_a_schema_a_404_lists_the_keys_and_says_pass_schema(powerbi: Emulator) -> None:
    make_table(powerbi)
    table = powerbi.client().dataset("Sales").table("Orders")
    with pytest.raises(pbi.NotFoundError, match=r"`Id` \(int\), `Itme` \(str\); pass schema=") as caught:
        table.push([{"Id": 0, "Itme": "tea"}])
    assert check_account(caught.value.result, arrived(powerbi)).rejected == 1


def test_a_schema_given_to_the_table_is_what_rows_are_checked_by(powerbi: Emulator) -> None:
    make_table(powerbi)
    table = powerbi.client().dataset("Sales").table("Orders", {"Id": int})
    with pytest.raises(pbi.ValidationError, match="Item") as caught:
        table.push([{"Id": 0, "Item": "tea"}])
    assert caught.value.errors[0].code == "unknown_column"
    assert posts(powerbi) == []


def test_a_table_with_an_odd_name_is_found_again(powerbi: Emulator) -> None:
    name = "Bestellungen 2026 #1 é-ü ~ 表"
    dataset = powerbi.client().create_dataset(pbi.DatasetSchema("Odd", [pbi.TableSchema(name, {"Id": int})]))
    dataset.table(name).push(orders(1))
    assert powerbi.rows(("Odd", name)) == [{"Id": 0}]


def test_many_tables_of_one_dataset_are_kept_apart(powerbi: Emulator) -> None:
    tables = [pbi.TableSchema(f"T{number}", {"Id": int}) for number in range(10)]
    dataset = powerbi.client().create_dataset(pbi.DatasetSchema("Many", tables))
    for number, known in enumerate(tables):
        dataset.table(known.name).push(orders(number))
    assert [len(powerbi.rows(("Many", known.name))) for known in tables] == list(range(10))


# A push that ended early can be taken up again.


def _refused(virtual: Emulator, table: pbi.Table, rows: list[Any]) -> PushResult | None:
    virtual.fail_next(403, route="Datasets_PostRows")
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        table.push(rows)
    return caught.value.result


def _unanswered(virtual: Emulator, table: pbi.Table, rows: list[Any]) -> PushResult | None:
    virtual.drop_response()
    with pytest.raises(pbi.InDoubtError) as caught:
        table.push(rows, on_doubt="raise")
    return caught.value.result


def _throttled(virtual: Emulator, table: pbi.Table, rows: list[Any]) -> PushResult | None:
    virtual.fail_next(429, retry_after=60, route="Datasets_PostRows")
    with pytest.raises(pbi.RateLimitedError) as caught:
        table.push(rows, timeout=30)
    return caught.value.result


def _source_raised(_virtual: Emulator, table: pbi.Table, rows: list[Any]) -> PushResult | None:
    def broken() -> Iterator[Any]:
        yield from rows[:15_000]
        message = "no more"
        raise OSError(message)

    with pytest.raises(pbi.SourceError) as caught:
        table.push(broken())
    return caught.value.result


def _interrupted(_virtual: Emulator, table: pbi.Table, rows: list[Any]) -> PushResult | None:
    def interrupting() -> Iterator[Any]:
        yield from rows[:15_000]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        table.push(interrupting())
    result: PushResult | None = getattr(caught.value, "result", None)
    return result


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("ending", [_refused, _unanswered, _throttled, _source_raised, _interrupted])
def test_pushing_on_from_resume_from_loses_nothing(
    virtual: Emulator,
    ending: Callable[[Emulator, pbi.Table, list[Any]], PushResult | None],
    ordered: bool,  # noqa: FBT001 - pytest gives it by its name
) -> None:
    table = make_table(virtual, ordered=ordered)
    rows = orders(35_000)
    result = check_account(ending(virtual, table, rows), arrived(virtual))
    assert result.resume_from < 35_000
    assert not result
    again = table.push(rows[result.resume_from :])
    assert again.ok
    assert set(arrived(virtual)) == set(range(35_000))
    assert (result.rejected > 0) is (ending is _refused)


# The result as an object.

RESULT = PushResult(
    read=1_234, confirmed=1_000, unsent=234, requests=2, ranges=[(0, 1_000, "confirmed"), (1_000, 1_234, "unsent")]
)


def test_a_result_is_true_where_every_row_is_confirmed() -> None:
    assert PushResult(read=1, confirmed=1)
    assert PushResult()
    assert not PushResult(read=1, rejected=1)
    assert not PushResult(read=1, unsent=1)
    assert not PushResult(read=1, in_doubt=1)


def test_a_result_shows_its_counts() -> None:
    assert repr(RESULT) == "PushResult(read=1234, confirmed=1000, unsent=234, requests=2)"
    assert RESULT.summary() == "1,234 rows read: 1,000 confirmed, 234 unsent; 2 requests in 0.0 s"


def test_a_result_survives_a_pickle_and_cannot_be_changed() -> None:
    assert pickle.loads(pickle.dumps(RESULT)) == RESULT  # noqa: S301 - our own bytes
    with pytest.raises(AttributeError):
        RESULT.read = 1  # type: ignore[misc]


def test_a_result_has_the_fields_of_the_interface() -> None:
    promised = {
        *("read", "confirmed", "rejected", "in_doubt", "unsent", "maybe_twice", "ranges", "resume_from"),
        *("errors", "error_count", "requests", "retries", "bytes_sent", "elapsed_seconds", "waited_seconds"),
        "request_ids",
    }
    assert promised <= {field.name for field in fields(PushResult)}
