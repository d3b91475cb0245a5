"""Connections that fail, and answers that are none."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import QUICK, check_account, make_table, orders, time_passing
from fault_server import CLOSE, CONFIRMED, RESET, RESET_AT_HEAD, Answer, FaultServer, closed_port, http

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator


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
    client = pbi.Client("opaque", base_url=closed_port())
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
        with time_passing(virtual, server, 1):
            result = table.push(orders(3))
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
