"""Answers that come before the rows have gone out, and confirmations that say otherwise in their bodies."""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, check_account
from fault_server import CONFIRMED, Answer, FaultServer, http

if TYPE_CHECKING:
    from collections.abc import Callable

#: Ten million bytes: more than what lies between a client and a server that reads nothing.
ROWS = [{"Id": number, "Item": "x" * 1_000} for number in range(9_900)]
CHUNKED = Answer(b"HTTP/1.1 200 Ordered\r\nRequestId: r-1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
CONTINUED = Answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Ordered\r\nRequestId: r-1\r\nContent-Length: 0\r\n\r\n")


def early(answer: Answer, then: str = "hold") -> Answer:
    return replace(answer, then=then, early=True)


def to_table(server: FaultServer, **options: Any) -> Callable[..., pbi.PushResult]:
    return server.table(ordered=True, retry=QUICK, **options).push


def to_push_url(server: FaultServer, **options: Any) -> Callable[..., pbi.PushResult]:
    url = f"{server.url}/v1.0/datasets/d/tables/t/rows?key=canary"
    schema = {"Id": int, "Item": str}
    return pbi.StreamingDataset(url, schema, history=True, live_tiles=False, retry=QUICK, **options).push


@pytest.fixture(params=[to_table, to_push_url])
def push(request: pytest.FixtureRequest) -> Callable[[FaultServer], Callable[..., pbi.PushResult]]:
    """The two ways in which rows go."""
    way: Callable[[FaultServer], Callable[..., pbi.PushResult]] = request.param
    return way


@pytest.mark.parametrize("then", ["hold", "close", "reset"])
@pytest.mark.parametrize("answer", [CONFIRMED, CHUNKED, CONTINUED], ids=["200", "chunked", "after 100"])
def test_a_success_before_the_last_byte_went_out_confirms_nothing(
    answer: Answer, then: str, push: Callable[[FaultServer], Callable[..., pbi.PushResult]]
) -> None:
    with FaultServer(early(answer, then), CONFIRMED) as server:
        result = push(server)(ROWS)
        # A reset may swallow the answer; then it was plainly not sent.
        assert (result.confirmed, result.requests) == (9_900, 2)
        assert result.maybe_twice in ({9_900} if then == "hold" else {0, 9_900})
        assert server.arrived() == Counter(range(9_900))


def test_a_success_before_the_last_byte_went_out_is_doubt(
    push: Callable[[FaultServer], Callable[..., pbi.PushResult]],
) -> None:
    with FaultServer(early(CONFIRMED)) as server, pytest.raises(pbi.InDoubtError) as caught:
        push(server)(ROWS, on_doubt="raise")
    assert "the answer 200 came before all of the rows had been sent" in caught.value.message
    assert check_account(caught.value.result, Counter()).ranges == [(0, 9_900, "in_doubt")]


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_a_server_error_before_the_last_byte_went_out_was_not_applied(status: int) -> None:
    with FaultServer(early(http(status)), CONFIRMED) as server:
        result = to_table(server)(ROWS)
        assert (result.confirmed, result.maybe_twice, result.retries) == (9_900, 0, 1)


def test_a_body_that_is_too_large_is_halved_though_it_was_refused_early() -> None:
    with FaultServer(early(http(413)), CONFIRMED) as server:
        result = to_table(server)(ROWS)
        assert (result.confirmed, result.maybe_twice) == (9_900, 0)
        assert [len(request.body) > 4_000_000 for request in server.posts] == [True, True]


@pytest.mark.parametrize(("status", "error"), [(400, pbi.ServiceError), (403, pbi.PermissionDeniedError)])
def test_an_early_refusal_is_the_same_refusal(status: int, error: type[pbi.ServiceError]) -> None:
    said = early(http(status, b'{"error":{"code":"Because"}}'))
    with FaultServer(said) as server, pytest.raises(error, match="Because") as caught:
        to_table(server)(ROWS)
    assert caught.value.result is not None
    assert caught.value.result.rejected == 9_900


def test_an_early_quota_is_waited_for_and_nothing_is_in_doubt() -> None:
    with FaultServer(early(http(429, Retry_After="0")), CONFIRMED) as server:
        result = to_table(server)(ROWS)
        assert (result.confirmed, result.maybe_twice, result.requests) == (9_900, 0, 2)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"code": "RowsLost", "message": "gone"}}',
        b'{"error": {}}',
        b'{"error": "RowsLost"}',
        b'{"Error": 1}',
        b'\xef\xbb\xbf{"error": {"code": "RowsLost"}}',
        codecs.BOM_UTF16_LE + '{"error": {"code": "RowsLost"}}'.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + '{"error": {"code": "RowsLost"}}'.encode("utf-16-be"),
    ],
)
def test_a_success_whose_body_is_an_error_confirms_nothing(
    body: bytes, push: Callable[[FaultServer], Callable[..., pbi.PushResult]]
) -> None:
    rows = ROWS[:3]
    with FaultServer(http(200, body)) as server, pytest.raises(pbi.InDoubtError, match="speaks of an error") as caught:
        push(server)(rows, on_doubt="raise")
    assert caught.value.result is not None
    assert caught.value.result.ranges == [(0, 3, "in_doubt")]
    with FaultServer(http(200, body), CONFIRMED) as server:
        assert push(server)(rows).maybe_twice == 3
    with FaultServer(http(200, b'{"error": null}')) as server:
        assert push(server)(rows).maybe_twice == 0
