"""Mixtures of faults, and answers of the hostile kind: what was injected is what is counted, exactly."""

from __future__ import annotations

import random
from collections import Counter
from itertools import cycle, islice
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import arrived, check_account, make_table, meanwhile, orders, posts
from fault_server import (
    CLOSE,
    CONFIRMED,
    RESET,
    RESET_AT_HEAD,
    RESET_IN_BODY,
    SILENCE,
    Answer,
    FaultServer,
    http,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

PATIENT = pbi.Retry(attempts=1_000)
FREE: dict[str, Any] = {"quotas": None, "retry": PATIENT, "ordered": True}
SLOW: dict[str, Any] = {"max_delay": 3_600.0, "on_error": lambda _: None}

BROKEN_HEAD = Answer(b"HTTP/1.1 200 OK\r\nRequestId: 1\r\nContent-Le", "close")
DOUBTFUL = [RESET, BROKEN_HEAD, CLOSE, http(503), http(200, request_id=False)]
TRUNCATED = [
    http(200, b"{}", length=100, then="close"),
    http(200, b"{}", length=100, then="reset"),
    Answer(b"HTTP/1.1 200 OK\r\nRequestId: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "close"),
]


def script(dice: random.Random, faults: list[Answer], count: int) -> tuple[list[Answer], list[list[Answer]]]:
    """Answers to `count` requests, one after the other, and those that each of them got."""
    each = [[*dice.choices(faults, k=dice.choice([0, 0, 1, 2])), CONFIRMED] for _ in range(count)]
    return [answer for answers in each for answer in answers], each


# Connections that break (F01 to F03).


@pytest.mark.parametrize("seed", range(3))
def test_of_all_ways_to_break_a_connection_only_those_after_the_last_byte_are_doubt(
    virtual: Emulator, seed: int
) -> None:
    del virtual  # it makes the time pass
    faults = [RESET_AT_HEAD, RESET_IN_BODY, RESET, BROKEN_HEAD]
    answers, each = script(random.Random(seed), faults, 8)  # noqa: S311 - dice are no secrets
    # Larger than what the kernel's buffers hold: what was not read by the server was not sent whole.
    rows = [{"Id": number, "Item": "x" * 4_000} for number in range(8 * 2_000)]
    with FaultServer(*answers) as server, server.table(**FREE).sender(max_rows=2_000, **SLOW) as sender:
        sender.send_many(rows)
        result = check_account(sender.flush(), server.arrived())
        doubtful = [sum(answer in {RESET, BROKEN_HEAD} for answer in got) for got in each]
        assert sum(doubtful), "the fault happened"
        assert result.maybe_twice == 2_000 * sum(count > 0 for count in doubtful)
        assert server.arrived() == Counter({number: 1 + doubtful[number // 2_000] for number in range(len(rows))})
        assert (result.confirmed, result.in_doubt, result.requests) == (len(rows), 0, len(answers))


@pytest.mark.parametrize("lost", DOUBTFUL)
def test_one_lost_answer_in_ten_is_counted_to_the_row(virtual: Emulator, lost: Answer) -> None:
    del virtual
    answers = [lost if place % 10 == 3 else CONFIRMED for place in range(111)]
    with FaultServer(*answers) as server, server.table(**FREE).sender(max_rows=10, **SLOW) as sender:
        sender.send_many(orders(1_000))
        result = check_account(sender.flush(), server.arrived())
        assert (result.maybe_twice, result.requests, result.retries) == (110, 111, 11)
        assert server.arrived().total() == 1_000 + 110
        assert (result.confirmed, result.in_doubt, result.rejected) == (1_000, 0, 0)


@pytest.mark.parametrize("lost", DOUBTFUL)
def test_one_lost_answer_in_ten_that_is_not_sent_again_is_in_doubt_to_the_row(virtual: Emulator, lost: Answer) -> None:
    del virtual
    answers = [lost if place % 10 == 3 else CONFIRMED for place in range(100)]
    sending: dict[str, Any] = {"max_rows": 10, "on_doubt": "raise", **SLOW}
    with FaultServer(*answers) as server, server.table(**FREE).sender(**sending) as sender:
        sender.send_many(orders(1_000))
        result = check_account(sender.flush(), server.arrived())
        assert (result.in_doubt, result.confirmed, result.maybe_twice, result.retries) == (100, 900, 0, 0)
        assert [start for start, _, state in result.ranges if state == "in_doubt"] == list(range(30, 1_000, 100))
        assert server.arrived() == Counter(range(1_000))


def test_truncated_successes_cause_no_resend(virtual: Emulator) -> None:
    del virtual
    answers = islice(cycle([*TRUNCATED, *[CONFIRMED] * 7]), 100)
    with FaultServer(*answers) as server, server.table(**FREE).sender(max_rows=10, **SLOW) as sender:
        sender.send_many(orders(1_000))
        result = check_account(sender.flush(), server.arrived())
        assert (result.confirmed, result.maybe_twice, result.requests, result.retries) == (1_000, 0, 100, 0)
        assert server.arrived() == Counter(range(1_000))


# Servers that trickle or stall (F04).


def trickle(emulator: Emulator, head: bytes, again: bytes) -> Iterator[bytes]:
    """A head, and then `again` every five seconds, without end."""
    yield head
    pause = Event()
    while not pause.wait(0.002):
        yield again
        emulator.advance(5)


@pytest.mark.parametrize("again", [b"a", b"HTTP/1.1 102 Processing\r\n\r\n"], ids=["a header", "interim answers"])
def test_a_head_that_trickles_is_silence_and_doubt(virtual: Emulator, again: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nRequestId: 1\r\nX-More: a" if again == b"a" else again
    with FaultServer(Answer(trickle(virtual, head, again)), CONFIRMED) as server:
        result = check_account(server.table(**FREE).push(orders(3)), server.arrived())
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 3, 2)


def test_a_body_that_trickles_is_left_after_a_success(virtual: Emulator) -> None:
    head = b"HTTP/1.1 200 OK\r\nRequestId: 1\r\nContent-Length: 2147483648\r\n\r\n"
    with FaultServer(Answer(trickle(virtual, head, b" "))) as server:
        result = check_account(server.table(**FREE).push(orders(3)), server.arrived())
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 0, 1)


def test_a_server_that_does_not_read_causes_no_doubt(virtual: Emulator) -> None:
    came_again = Event()

    def stall() -> Answer:
        # The time limit of the first request passes, then the wait before the second one: that is not to be late, too.
        virtual.advance(31)
        while not came_again.wait(0.05):
            virtual.advance(1)
        return RESET_AT_HEAD

    def again() -> Answer:
        came_again.set()
        return CONFIRMED

    rows = [{"Id": number, "Item": "x" * 4_000} for number in range(3_000)]
    with FaultServer(stall, again) as server:
        result = check_account(server.table(**FREE).push(rows), server.arrived())
        assert (result.confirmed, result.maybe_twice) == (3_000, 0)
        assert (result.requests, result.retries) == (2, 1)
        assert server.arrived() == Counter(range(3_000))
        assert came_again.is_set(), "the fault happened"


def test_a_request_that_hangs_holds_nobody_else() -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table, other = server.table(quotas=None), server.table(quotas=None)
        with meanwhile(lambda: table.push(orders(3))):
            server.wait_for_posts(1)
            assert all(other.push(orders(3)).ok for _ in range(50))
            assert len(server.posts) == 51
            server.drop_connections()


# Answers that nobody should trust (F10, F11).


@pytest.mark.parametrize("status", [299, 600, 999])
def test_a_status_that_nobody_knows_is_doubt(status: int) -> None:
    with FaultServer(http(status)) as server, pytest.raises(pbi.InDoubtError) as caught:
        server.table(retry=None).push(orders(3))
    assert check_account(caught.value.result, server.arrived()).in_doubt == 3


def test_a_head_of_a_megabyte_is_no_answer(virtual: Emulator) -> None:
    del virtual
    with FaultServer(http(200, Padding="x" * 1_000_000, then="close"), CONFIRMED) as server:
        result = check_account(server.table(**FREE).push(orders(3)), server.arrived())
        assert (result.confirmed, result.maybe_twice, result.requests) == (3, 3, 2)


@pytest.mark.parametrize("headers", ["Content-Type: application/json", "Content-Encoding: gzip"])
@pytest.mark.parametrize("status", [200, 400])
def test_a_body_without_end_is_left(status: int, headers: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield f"HTTP/1.1 {status} OK\r\nRequestId: 1\r\n{headers}\r\nContent-Length: 2147483648\r\n\r\n".encode()
        while True:
            yield b"x" * 65_536
            sent += 65_536

    with FaultServer(Answer(endless())) as server:
        table = server.table(retry=None)
        if status == 200:
            assert check_account(table.push(orders(3)), server.arrived()).confirmed == 3
        else:
            with pytest.raises(pbi.ServiceError) as caught:
                table.push(orders(3))
            assert len(str(caught.value)) < 10_000
    assert sent < 32_000_000, "what the kernel holds, and no more"


def test_what_a_terminal_would_obey_is_shown_as_text() -> None:
    said = '{"error":{"code":"BadRequest","message":"\\u001b[2J\\u001b]0;owned\\u0007 red\\r\\nsecond line"}}'
    with FaultServer(http(400, said.encode())) as server, pytest.raises(pbi.ServiceError) as caught:
        server.table(retry=None).push(orders(3))
    assert "owned" in str(caught.value)
    assert all(character.isprintable() for character in str(caught.value)), repr(str(caught.value))


# Redirects (F12).


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["/v1.0/myorg/elsewhere", "{url}/elsewhere", "http://localhost:{port}/", "//{host}/"])
def test_a_redirect_anywhere_is_not_followed(status: int, where: str) -> None:
    with FaultServer() as trap:
        host = trap.url.removeprefix("http://")
        location = where.format(url=trap.url, host=host, port=host.split(":")[1])
        with FaultServer(http(status, Location=location)) as server:
            table = server.table()
            before = len(server.received)
            with pytest.raises(pbi.ServiceError, match="redirects are never followed"):
                table.push(orders(3))
            assert (len(server.received) - before, trap.received) == (1, [])


# Time (F14).


def test_a_machine_that_slept_for_eight_hours_goes_on_without_a_storm(virtual: Emulator) -> None:
    table = make_table(virtual, quotas=None)
    table.push(orders(10))
    with table.sender(max_delay=1.0) as sender:
        for round_ in range(1, 4):
            virtual.advance(8 * 3_600)
            sender.send_many(orders(10, start=10 * round_))
            result = sender.flush()
        assert (result.confirmed, result.maybe_twice, result.retries) == (30, 0, 0)
    assert arrived(virtual) == Counter(range(40))
    assert len(posts(virtual)) == 4
