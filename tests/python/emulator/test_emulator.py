"""The local Power BI as its users in Python see it: strict, closed to strangers, and clean for each test."""

from __future__ import annotations

import datetime as dt
import gc
import json
import socket
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import powerbi_push as pbi
from conftest import QUICK, SCHEMA, WATCHDOG, arrived, make_table, orders, posts
from fault_server import SILENCE, FaultServer
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message


def ask(
    emulator: Emulator,
    path: str,
    body: object = None,
    *,
    method: str | None = None,
    token: str | None = "good",  # noqa: S107 - stands for a fresh one
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str, Mapping[str, str]]:
    """Ask like another program would: status, body, headers."""
    if token == "good":
        token = emulator.credential.get_token().token
    sent = {"Content-Type": "application/json"} if body is not None else {}
    sent |= {"Authorization": f"Bearer {token}"} if token is not None else {}
    data = None if body is None else json.dumps(body).encode()
    request = Request(emulator.url + path, data, {**sent, **(headers or {})}, method=method)  # noqa: S310 - it is http
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - it is http
            return answer.status, answer.read().decode(), lowered(answer.headers)
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), lowered(refusal.headers)


def lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


# Strictness.


def test_a_token_of_somebody_else_is_401(powerbi: Emulator) -> None:
    status, body, headers = ask(powerbi, "/v1.0/myorg/datasets", token="somebody's")
    assert (status, json.loads(body)["error"]["code"]) == (401, "PowerBINotAuthorizedException")
    assert headers["requestid"]
    assert ask(powerbi, "/v1.0/myorg/datasets", token=None)[0] == 401


def test_an_ended_token_is_403_with_the_services_body(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    powerbi.expire_tokens()
    status, body, _ = ask(powerbi, "/v1.0/myorg/datasets", token=token)
    message = "Access token has expired, resubmit with a new access token"
    assert (status, json.loads(body)) == (403, {"error": {"code": "TokenExpired", "message": message}})
    assert ask(powerbi, "/v1.0/myorg/datasets")[0] == 200


def test_a_token_ends_after_an_hour_of_the_emulators_time(virtual: Emulator) -> None:
    token, expires_on = virtual.credential.get_token()
    virtual.advance(3_590)
    assert ask(virtual, "/v1.0/myorg/datasets", token=token)[0] == 200
    virtual.advance(11)
    assert ask(virtual, "/v1.0/myorg/datasets", token=token)[0] == 403
    assert virtual.credential.get_token().expires_on - expires_on in {3_601, 3_602}


def test_an_unknown_property_is_400_with_its_name(powerbi: Emulator) -> None:
    column = {"name": "Id", "dataType": "Int64"}
    dataset = {"name": "Sales", "tables": [{"name": "Orders", "columns": [column]}], "compatibilityLevel": 1550}
    status, body, _ = ask(powerbi, "/v1.0/myorg/datasets", dataset)
    assert status == 400
    assert "The property 'compatibilityLevel' does not exist on type" in body
    column["datatype"] = column.pop("dataType")
    del dataset["compatibilityLevel"]
    assert ask(powerbi, "/v1.0/myorg/datasets", dataset)[0] == 400
    assert powerbi.client().datasets() == []


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ({"rows": [{"Id": 1}]}, 200),
        ([{"Id": 1}], 400),
        ({"Rows": [{"Id": 1}]}, 400),
        ({"rows": {"Id": 1}}, 400),
        ({"rows": [{"Id": "seven"}]}, 400),
        ({"rows": [{"Id": 1.5}]}, 400),
        ({"rows": [{"Id": 2**63 - 1}]}, 400),
        ({"rows": [{"Id": -(2**63)}]}, 400),
        ({"rows": [{"Id": True}]}, 400),
        ({"rows": [{"Item": "x" * 4_001}]}, 400),
        ({"rows": [{"Item": "x" * 4_000}]}, 200),
        ({"rows": [{"id": 1}]}, 404),
        ({"rows": [{}] * 10_001}, 400),
        ({"rows": [{}] * 10_000}, 200),
    ],
)
def test_rows_are_taken_all_or_none(powerbi: Emulator, rows: Any, status: int) -> None:
    dataset = make_table(powerbi).dataset
    answered, _, headers = ask(powerbi, f"/v1.0/myorg/datasets/{dataset.id}/tables/Orders/rows", rows)
    assert answered == status
    assert len(powerbi.rows("Sales/Orders")) == (len(rows["rows"]) if status == 200 else 0)
    assert ("x-emulator-rule" in headers) is (status != 200)


def test_a_body_of_another_type_is_refused(powerbi: Emulator) -> None:
    dataset = make_table(powerbi).dataset
    path = f"/v1.0/myorg/datasets/{dataset.id}/tables/Orders/rows"
    assert ask(powerbi, path, {"rows": []}, headers={"Content-Type": "text/plain"})[0] == 415
    assert ask(powerbi, path, {"rows": []}, headers={"Content-Encoding": "gzip"})[0] == 415


def test_without_limits_a_request_may_be_of_any_size() -> None:
    with Emulator(limits=False) as emulator:
        dataset = make_table(emulator).dataset
        path = f"/v1.0/myorg/datasets/{dataset.id}/tables/Orders/rows"
        assert ask(emulator, path, {"rows": [{"Id": number} for number in range(10_001)]})[0] == 200
        assert len(emulator.rows("Sales/Orders")) == 10_001


# Strangers.


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.org"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.example.org:80"},
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_web_pages_and_foreign_names_are_turned_away(powerbi: Emulator, headers: Mapping[str, str]) -> None:
    status, body, answered = ask(powerbi, "/v1.0/myorg/datasets", headers=headers)
    assert (status, json.loads(body)["error"]["code"]) == (403, "RefusedByEmulator")
    assert not [name for name in answered if name.lower().startswith("access-control")]
    assert powerbi.requests == []


def test_the_page_is_not_shown_under_a_foreign_name(powerbi: Emulator) -> None:
    assert ask(powerbi, "/", token=None, headers={"Host": "example.org"})[0] == 403


def test_localhost_is_no_foreign_name(powerbi: Emulator) -> None:
    port = powerbi.url.rsplit(":", 1)[1]
    assert ask(powerbi, "/v1.0/myorg/datasets", headers={"Host": f"localhost:{port}"})[0] == 200


def test_it_listens_on_loopback_only(powerbi: Emulator) -> None:
    assert powerbi.url.startswith("http://127.0.0.1:")
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    port = int(powerbi.url.rsplit(":", 1)[1])
    # Every address of 127.0.0.0/8 leads to a Linux machine itself; who listens at one of them is not at the others.
    others = {"127.0.0.2"} if sys.platform == "linux" else set()
    for address in (own - {"127.0.0.1", "127.0.1.1"}) | others:
        with pytest.raises(OSError), socket.create_connection((str(address), port), timeout=5):  # noqa: PT011
            pass


# What it stored.


def test_rows_are_found_by_every_form_of_target(powerbi: Emulator) -> None:
    workspace_id = powerbi.add_workspace("Finance")
    mine = make_table(powerbi)
    other = powerbi.client().workspace(workspace_id).create_dataset(SCHEMA).table()
    mine.push(orders(1))
    other.push(orders(1, start=7))
    targets: dict[int, list[Any]] = {
        0: [
            mine,
            mine.dataset,
            "Sales/Orders",
            (None, "Sales", "Orders"),
            ["Sales", "Orders"],
            f"{mine.dataset.id}/Orders",
            (None, mine.dataset.id, "Orders"),
            "My workspace/Sales/Orders",
        ],
        7: [
            other,
            other.dataset,
            "Finance/Sales/Orders",
            (workspace_id, "Sales", "Orders"),
            f"{workspace_id}/{other.dataset.id}/Orders",
        ],
    }
    for number, forms in targets.items():
        for target in forms:
            assert powerbi.rows(target) == [{"Id": number}], target


@pytest.mark.parametrize("target", ["Sales/orders", "sales/Orders", "Finance/Sales/Orders", (None, "X", "Orders")])
def test_rows_of_what_is_not_there_are_an_error_that_says_what_is(powerbi: Emulator, target: Any) -> None:
    make_table(powerbi)
    with pytest.raises(pbi.NotFoundError, match=r"Sales|Orders|My workspace"):
        powerbi.rows(target)


@pytest.mark.parametrize("target", ["Orders", "a/b/c/d", (), ("Sales",)])
def test_what_is_no_target_is_a_value_error(powerbi: Emulator, target: Any) -> None:
    with pytest.raises(ValueError, match="Dataset/Table"):
        powerbi.rows(target)


def test_values_come_back_by_the_type_of_their_column(powerbi: Emulator) -> None:
    types = {"I": "Int64", "D": "Double", "B": "Boolean", "T": "DateTime", "S": "String", "X": "Decimal"}
    table = powerbi.client().create_dataset(pbi.DatasetSchema("All", [pbi.TableSchema("T", types)])).table()
    moment = dt.datetime(2026, 7, 1, 12, 30, 15, 250_000)
    aware = moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=2)))
    rows: list[dict[str, Any]] = [
        {"I": 2**63 - 2, "D": 0.1, "B": True, "T": moment, "S": "ü😀\x00", "X": Decimal("1234567890.1230")},
        {"I": 1, "D": 2.0, "B": False, "T": aware, "S": "", "X": Decimal(-1)},
        {"I": None, "D": None, "B": None, "T": None, "S": None, "X": None},
        {"S": "only"},
    ]
    table.push(rows)
    first, second, third, fourth = powerbi.rows(table)
    assert first == rows[0]
    assert second == {**rows[1], "T": aware.astimezone(dt.UTC)}
    assert [type(value) for value in first.values()] == [int, float, bool, dt.datetime, str, Decimal]
    assert (first["T"].tzinfo, second["T"].tzinfo) == (None, dt.UTC)
    assert third == rows[2]
    assert fourth == {"S": "only"}


def test_requests_are_logged_as_they_came_and_without_secrets(powerbi: Emulator) -> None:
    make_table(powerbi).push(orders(2))
    assert [request.number for request in powerbi.requests] == [1, 2, 3]
    post = powerbi.requests[-1]
    assert (post.method, post.operation, post.status, post.rows, post.refusal) == (
        "POST",
        "Datasets_PostRows",
        200,
        2,
        None,
    )
    assert post.json() == {"rows": [{"Id": 0}, {"Id": 1}]}
    assert post.headers["authorization"] == "***"
    assert post.headers["content-type"] == "application/json"
    assert post.headers["content-length"] == str(len(post.body))
    assert "Bearer" not in repr(powerbi.requests)


def test_a_fifo_table_forgets_its_oldest_rows(powerbi: Emulator) -> None:
    schema = pbi.DatasetSchema("Fifo", SCHEMA.tables, retention="basicFIFO")
    table = powerbi.client().create_dataset(schema).table(ordered=True)
    table.push(orders(210_001))
    assert [row["Id"] for row in powerbi.rows(table)] == list(range(10_001, 210_001))


# Faults.


def test_a_fault_hits_the_route_that_it_was_ordered_for(powerbi: Emulator) -> None:
    table = make_table(powerbi, retry=None)
    powerbi.fail_next(404, route="Datasets_PostRows", times=2)
    powerbi.fail_next(403, route="/tables")
    assert len(powerbi.client().datasets()) == 1
    for _ in range(2):
        with pytest.raises(pbi.NotFoundError):
            table.push(orders(1))
    with pytest.raises(pbi.PermissionDeniedError):
        table.dataset.tables()
    assert table.push(orders(1)).ok
    assert [request.refusal for request in posts(powerbi)] == ["ordered by `fail_next`"] * 2 + [None]


def test_the_default_fault_is_a_quota(powerbi: Emulator) -> None:
    powerbi.fail_next()
    with pytest.raises(pbi.RateLimitedError):
        powerbi.client(retry=None).datasets()


@pytest.mark.parametrize("status", [0, 99, 199, 600, 1_000])
def test_a_fault_has_a_status_that_can_end_a_request(powerbi: Emulator, status: int) -> None:
    with pytest.raises(pbi.ConfigurationError, match="status"):
        powerbi.fail_next(status)
    assert powerbi.client().datasets() == []


def test_a_retry_after_with_a_line_break_is_refused(powerbi: Emulator) -> None:
    with pytest.raises(pbi.ConfigurationError, match="retry_after"):
        powerbi.fail_next(429, retry_after="1\r\nX: y")


def test_a_dropped_response_is_logged_without_a_status(powerbi: Emulator) -> None:
    table = make_table(powerbi, retry=QUICK)
    powerbi.drop_response()
    table.push(orders(2))
    assert [(post.status, post.rows) for post in posts(powerbi)] == [(None, 2), (200, 2)]


def test_reset_forgets_everything_but_tokens(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    powerbi.add_workspace("Finance")
    make_table(powerbi).push(orders(1))
    powerbi.fail_next(500, times=100)
    powerbi.drop_response(times=100)
    powerbi.reset()
    assert powerbi.requests == []
    assert powerbi.most_in_flight == 0
    with pytest.raises(pbi.NotFoundError, match="Finance"):
        powerbi.rows("Finance/Sales/Orders")
    assert powerbi.client(credential=token).datasets() == []
    assert make_table(powerbi).push(orders(1)).maybe_twice == 0


# Time.


def test_virtual_time_stands_still_until_it_is_moved(virtual: Emulator) -> None:
    assert virtual.now == 0
    assert make_table(virtual).push(orders(1)).ok
    assert virtual.now == 0
    virtual.advance(90.5)
    assert virtual.now == 90.5


def test_real_time_cannot_be_moved(powerbi: Emulator) -> None:
    with pytest.raises(pbi.ConfigurationError, match="real time"):
        powerbi.advance(1)


def test_a_clock_is_real_or_virtual() -> None:
    with pytest.raises(ValueError, match='"real" or "virtual"'):
        Emulator(clock="fast")  # type: ignore[arg-type]


@pytest.mark.timeout(10)
def test_real_time_is_back_once_a_virtual_emulator_is_closed() -> None:
    Emulator(clock="virtual").close()
    _time_passes()


@pytest.mark.timeout(10)
def test_real_time_is_back_once_a_virtual_emulator_is_forgotten() -> None:
    emulator = Emulator(clock="virtual")
    assert emulator.now == 0
    del emulator
    gc.collect()
    try:
        _time_passes()
    finally:
        Emulator(clock="virtual").close()  # so that the tests after this one have their time in any case


def _time_passes() -> None:
    """A client that is made now goes by the real time: silence ends by itself."""
    with FaultServer(SILENCE) as server, pytest.raises(pbi.InDoubtError):
        server.table(timeout=0.05, retry=None).push(orders(1))


# The page.


def test_the_page_is_told_what_has_arrived(powerbi: Emulator) -> None:
    make_table(powerbi).push([{"Id": 4_711, "Item": "<script>alert(1)</script>"}])
    status, page, headers = ask(powerbi, "/", token=None)
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Sales" not in page
    with urlopen(f"{powerbi.url}/emulator/changes", timeout=WATCHDOG) as told:  # noqa: S310 - it is http
        assert told.headers["content-type"] == "text/event-stream"
        assert [told.readline() for _ in range(2)] == [b"retry: 500\n", b"event: snapshot\n"]
        snapshot = json.loads(told.readline().removeprefix(b"data: "))
    dataset = snapshot["sections"][0]["datasets"][0]
    assert (dataset["name"], dataset["tables"][0]["name"]) == ("Sales", "Orders")
    assert dataset["tables"][0]["newest"] == [["4711", "<script>alert(1)</script>"]]


def test_the_page_comes_without_a_token_and_changes_nothing(powerbi: Emulator) -> None:
    make_table(powerbi).push(orders(1))
    before = powerbi.requests
    assert ask(powerbi, "/", token=None)[0] == 200
    assert ask(powerbi, "/", {"rows": []}, token=None)[0] in {401, 404, 405}
    assert ask(powerbi, "/", token=None, method="DELETE")[0] in {401, 404, 405}
    assert powerbi.requests[: len(before)] == before
    assert len(powerbi.rows("Sales/Orders")) == 1


# Life.


def test_a_port_that_is_taken_is_told(powerbi: Emulator) -> None:
    port = int(powerbi.url.rsplit(":", 1)[1])
    with pytest.raises(pbi.ConfigurationError, match=f"port {port}"):
        Emulator(port=port)


def test_a_port_can_be_chosen_and_is_free_again_afterwards() -> None:
    with Emulator() as first:
        port = int(first.url.rsplit(":", 1)[1])
        assert make_table(first).push(orders(1)).ok
    with Emulator(port=port) as second:
        assert second.url == first.url
        assert second.client().datasets() == []


def test_a_closed_emulator_can_be_read_and_closed_again() -> None:
    emulator = Emulator()
    table = make_table(emulator, retry=None)
    table.push(orders(2))
    emulator.close()
    emulator.close()
    assert arrived(emulator).total() == 2
    assert len(posts(emulator)) == 1
    # In doubt where the connection was still open when the request went, and nobody answered.
    with pytest.raises((pbi.TransportError, pbi.InDoubtError)):
        table.push(orders(1))


def test_two_emulators_know_nothing_of_each_other() -> None:
    with Emulator() as one, Emulator() as other:
        assert one.url != other.url
        make_table(one).push(orders(1))
        assert other.client().datasets() == []
        with pytest.raises(pbi.ServiceError):
            other.client(credential=one.credential).datasets()


def test_an_emulator_shows_where_it_listens_and_no_token(powerbi: Emulator) -> None:
    token = powerbi.credential.get_token().token
    assert repr(powerbi) == f"Emulator('{powerbi.url}')"
    assert token not in repr(powerbi.credential)


# The fixture: each of two tests leaves something behind, and neither finds it.


def _is_clean_and_is_left_dirty(powerbi: Emulator) -> None:
    assert powerbi.requests == []
    assert powerbi.client().datasets() == []
    make_table(powerbi).push(orders(1))
    powerbi.fail_next(500, times=100)


def test_the_fixture_is_clean_in_one_test(powerbi: Emulator) -> None:
    _is_clean_and_is_left_dirty(powerbi)


def test_the_fixture_is_clean_in_another(powerbi: Emulator) -> None:
    _is_clean_and_is_left_dirty(powerbi)
