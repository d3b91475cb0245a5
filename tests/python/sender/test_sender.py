"""Senders: what is accepted is delivered, however long that takes, and accounted for."""

from __future__ import annotations

import asyncio
import pickle
import socket
import subprocess
import sys
import threading
from itertools import pairwise
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, WATCHDOG, arrived, check_parents_sender, in_a_child, make_table, orders, posts, wait_until
from fault_server import CONFIRMED, SILENCE, FaultServer, http
from powerbi_push.emulator import Emulator
from slow_senders import SLOW, send_each

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def test_single_rows_become_full_requests() -> None:
    with Emulator() as emulator:
        with make_table(emulator).sender(**SLOW) as sender:
            for row in orders(25_000):
                sender.send(row)
            result = sender.flush()
        assert (result.read, result.confirmed, result.ok) == (25_000, 25_000, True)
        assert arrived(emulator) == dict.fromkeys(range(25_000), 1)
        assert sorted(request.rows for request in posts(emulator)) == [5_000, 10_000, 10_000]


def test_a_lone_row_does_not_wait_for_the_next() -> None:
    with Emulator() as emulator, make_table(emulator).sender(max_delay=0.05) as sender:
        sender.send({"Id": 7})
        wait_until(lambda: arrived(emulator) == {7: 1})


def test_a_row_waits_for_others_as_long_as_it_may(virtual: Emulator) -> None:
    with make_table(virtual).sender(max_delay=60.0) as sender:
        sender.send_many(orders(2))
        wait_until(lambda: len(posts(virtual)) == 1)
        assert posts(virtual)[0].rows == 2
        assert posts(virtual)[0].at >= 60.0


def test_the_largest_request_can_be_chosen(virtual: Emulator) -> None:
    with make_table(virtual).sender(max_rows=3, **SLOW) as sender:
        sender.send_many(orders(7))
    assert sorted(request.rows for request in posts(virtual)) == [1, 3, 3]


def test_no_request_is_larger_than_the_destination_takes(virtual: Emulator) -> None:
    url = virtual.streaming_dataset("Live", {"text": "Text"})
    with pbi.StreamingDataset(url, {"text": str}).sender(max_rows=50_000, max_bytes=10**9, **SLOW) as sender:
        sender.send_many([{"text": "x" * 1_000}] * 40)
    assert len(virtual.rows("Live/RealTimeData")) == 40
    assert all(len(request.body) <= 15_000 for request in virtual.requests)


def test_many_rows_of_any_kind(virtual: Emulator) -> None:
    with make_table(virtual).sender() as sender:
        sender.send_many(orders(3))
        sender.send_many(iter(orders(3, 3)))
        sender.send_many([])
        assert sender.flush().confirmed == 6
    assert arrived(virtual) == dict.fromkeys(range(6), 1)


def test_an_invalid_row_is_refused_and_the_others_are_not_touched(virtual: Emulator) -> None:
    with make_table(virtual).sender() as sender:
        sender.send({"Id": 0})
        with pytest.raises(pbi.ValidationError, match=r"column `Id`: row 0: takes Int64"):
            sender.send({"Id": "one"})
        with pytest.raises(pbi.ValidationError) as caught:
            sender.send_many([{"Id": 1}, {"Idd": 2}])
        assert caught.value.errors[0].row == 1
        with pytest.raises(pbi.ValidationError, match="must be a mapping"):
            sender.send(3)
        sender.send({"Id": 4})
        assert sender.flush().read == 2
    assert arrived(virtual) == {0: 1, 4: 1}


def test_a_source_that_raises_keeps_what_was_accepted_before(virtual: Emulator) -> None:
    def broken() -> Iterator[Any]:
        yield from orders(10_500)
        raise OSError

    with make_table(virtual).sender(**SLOW) as sender:
        sender.send({"Id": 10_500})
        with pytest.raises(pbi.SourceError, match="at row 10500") as caught:
            sender.send_many(broken())
        result = caught.value.result
        assert result is not None
        assert (result.read, result.confirmed + result.unsent) == (10_001, 10_001)
        assert caught.value.__notes__ == ["10000 rows of this call were accepted"]
        assert sender.flush().read == 10_001


def test_however_many_rows_end_early_the_account_says_how_many_were_accepted(virtual: Emulator) -> None:
    def invalid() -> Iterator[Any]:
        yield from orders(10_001)
        yield {"Id": "x"}

    def closing() -> Iterator[Any]:
        yield from orders(10_000, 20_000)
        yield {"Id": 30_000}
        sender.close()
        yield {"Id": 30_001}

    with make_table(virtual).sender(**SLOW) as sender:
        for rows, kind, read, accepted in (
            (invalid(), pbi.ValidationError, 10_000, "10000 rows of this call were accepted"),
            ([{"Id": 1}, {"Id": "x"}], pbi.ValidationError, 10_000, "0 rows of this call were accepted"),
            (closing(), pbi.ClosedError, 20_000, "10000 rows of this call were accepted"),
        ):
            with pytest.raises(kind) as caught:
                sender.send_many(rows)
            assert caught.value.result is not None
            assert caught.value.result.read == read
            assert caught.value.__notes__ == [accepted]


def test_closed_is_closed(virtual: Emulator) -> None:
    sender = make_table(virtual).sender()
    sender.send({"Id": 1})
    result = sender.close()
    assert result is not None
    assert (result.read, result.confirmed) == (1, 1)
    assert sender.close() is None
    assert sender.stats.state == "closed"
    for verb in (lambda: sender.send({"Id": 2}), lambda: sender.send_many([]), sender.flush):
        with pytest.raises(pbi.ClosedError, match="the sender is closed"):
            verb()


def test_the_stats_add_up(virtual: Emulator) -> None:
    with make_table(virtual).sender(**SLOW) as sender:
        sender.send_many(orders(12_000))
        wait_until(lambda: sender.stats.confirmed == 10_000)
        stats = sender.stats
        assert (stats.accepted, stats.pending, stats.state, stats.last_error) == (12_000, 2_000, "running", None)
        sender.flush()
        assert (sender.stats.confirmed, sender.stats.pending) == (12_000, 0)


def test_an_outage_is_waited_out_and_nothing_is_lost(virtual: Emulator) -> None:
    table = make_table(virtual, retry=None)
    virtual.fail_next(503, times=40, route="Datasets_PostRows")
    with table.sender(max_delay=0.1) as sender:
        sender.send_many(orders(500))
        wait_until(lambda: sender.stats.state == "waiting" and sender.stats.last_error)
        assert "503" in str(sender.stats.last_error)
        result = sender.flush()
    assert (result.confirmed, result.maybe_twice) == (500, 500)
    assert arrived(virtual) == dict.fromkeys(range(500), 1)


def test_a_refused_request_is_counted_and_the_next_one_goes() -> None:
    with FaultServer(http(400, b'{"error":{"code":"BadRequest"}}'), CONFIRMED) as server:
        told: list[pbi.PowerBIPushError] = []
        with server.table(ordered=True).sender(on_error=told.append, on_refused="raise", **SLOW) as sender:
            sender.send_many(orders(20_000))
            result = sender.flush()
        assert result.ranges == [(0, 10_000, "rejected"), (10_000, 20_000, "confirmed")]
        wait_until(lambda: told)
        (error,) = told
        assert isinstance(error, pbi.ServiceError)
        assert error.status == 400


def test_without_a_listener_the_first_refusal_is_raised_once() -> None:
    with FaultServer(http(400), http(400), CONFIRMED) as server:
        sender = server.table(ordered=True).sender(on_refused="raise", **SLOW)
        sender.send_many(orders(30_000))
        wait_until(lambda: sender.stats.confirmed == 10_000)
        with pytest.raises(pbi.ServiceError) as caught:
            sender.send({"Id": 30_000})
        assert caught.value.status == 400
        sender.send({"Id": 30_000})
        result = sender.close()
        assert result is not None
        assert (result.read, result.confirmed, result.rejected) == (30_001, 10_001, 20_000)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_where_somebody_has_to_mend_it_a_sender_pauses_keeps_its_rows_and_probes(
    virtual: Emulator, status: int
) -> None:
    told: list[pbi.PowerBIPushError] = []
    table = make_table(virtual)
    virtual.fail_next(status, times=6, route="Datasets_PostRows")
    with table.sender(on_error=told.append, max_delay=0.1) as sender:
        sender.send_many(orders(100))
        result = sender.flush()
    assert (result.confirmed, result.rejected, result.in_doubt) == (100, 0, 0)
    assert arrived(virtual) == dict.fromkeys(range(100), 1)
    probes = [request.at for request in posts(virtual)]
    pauses = [later - earlier for earlier, later in pairwise(probes) if later - earlier > 1]
    assert pauses, "it paused"
    assert all(300 <= pause < 302 for pause in pauses)
    wait_until(lambda: told)


def test_what_is_left_to_the_next_attempt_counts_what_the_place_is_left_alone_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/beta/t/datasets/d/rows?key=k"
    place = pbi.StreamingDataset(address, {"Id": int}, retry=pbi.Retry(first_delay=0.001))
    sender = place.sender(on_error=lambda _: None, max_delay=0.01)
    sender.send_many(orders(1))
    wait_until(lambda: (sender.stats.next_attempt_in or 0) > 10)
    assert sender.stats.state == "waiting"
    with pytest.raises(pbi.UndeliveredError):
        sender.close(timeout=0.05)


def test_while_it_pauses_only_one_request_probes() -> None:
    with FaultServer(http(403)) as server:
        sender = server.table(retry=QUICK).sender(on_error=lambda _: None, **SLOW)
        sender.send_many(orders(80_000))
        wait_until(lambda: sender.stats.state == "paused" and len(server.posts) >= 4)
        stats = sender.stats
        assert stats.next_attempt_in is not None
        assert 290 < stats.next_attempt_in <= 300
        assert isinstance(stats.last_error, pbi.PermissionDeniedError)
        with pytest.raises(pbi.UndeliveredError) as caught:
            sender.close(timeout=0.05)
        assert len(server.posts) == 4, "no courier began another request"
        result = caught.value.result
        assert result is not None
        assert (result.read, result.unsent) == (80_000, 80_000)
        assert isinstance(caught.value.__cause__, pbi.PermissionDeniedError)


def test_close_in_an_outage_is_in_time_and_honest() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table(ordered=True).sender(**SLOW)
        sender.send_many(orders(30_000))
        server.wait_for_posts(1)
        with pytest.raises(pbi.UndeliveredError, match="30000 rows that could not be delivered") as caught:
            sender.close(timeout=0.05)
        result = caught.value.result
        assert result is not None
        assert (result.in_doubt, result.unsent) == (10_000, 20_000)


def test_doubt_can_be_left_as_doubt() -> None:
    with FaultServer(http(503), CONFIRMED) as server:
        told: list[pbi.PowerBIPushError] = []
        with server.table(ordered=True, retry=QUICK).sender(on_doubt="raise", on_error=told.append, **SLOW) as sender:
            sender.send_many(orders(20_000))
            result = sender.flush()
        assert result.ranges == [(0, 10_000, "in_doubt"), (10_000, 20_000, "confirmed")]
        wait_until(lambda: told)
        assert [type(error) for error in told] == [pbi.InDoubtError]


def test_a_full_buffer_raises_where_that_is_wanted() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(buffer_bytes=1_000, on_full="error", **SLOW)
        with pytest.raises(pbi.OutboxFullError, match="rows come faster"):
            send_each(sender, 1_000)
        assert 50 < sender.stats.accepted < 150
        with pytest.raises(pbi.UndeliveredError):
            sender.close(timeout=0.01)


def test_a_full_buffer_blocks_for_a_while() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(buffer_bytes=1_000, full_timeout=0.05, **SLOW)
        with pytest.raises(pbi.OutboxFullError, match="full_timeout"):
            sender.send_many(iter(orders(50_000)))
        with pytest.raises(pbi.UndeliveredError):
            sender.close(timeout=0.01)


def test_a_full_buffer_drops_the_oldest_where_that_is_wanted() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(buffer_bytes=100_000, on_full="drop_oldest", max_rows=100, **SLOW)
        for row in orders(50_000):
            sender.send(row)
        stats = sender.stats
        assert stats.dropped > 30_000
        assert stats.accepted == 50_000 == stats.dropped + stats.pending
        with pytest.raises(pbi.UndeliveredError) as caught:
            sender.close(timeout=0.01)
        assert caught.value.result is not None
        assert caught.value.result.ranges[-1][1] == 50_000


def test_flush_has_its_own_timeout() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(**SLOW)
        sender.send({"Id": 1})
        with pytest.raises(pbi.DeadlineError, match="timeout of flush") as caught:
            sender.flush(timeout=0.05)
        assert caught.value.result is not None
        assert caught.value.result.read == 1
        with pytest.raises(pbi.UndeliveredError):
            sender.close(timeout=0.01)


def test_threads_share_a_sender(virtual: Emulator) -> None:
    with make_table(virtual).sender() as sender:

        def work(start: int) -> None:
            for row in orders(1_000, start):
                sender.send(row)

        threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 16_000, 1_000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WATCHDOG)
        assert sender.flush().confirmed == 16_000
    assert arrived(virtual) == dict.fromkeys(range(16_000), 1)


def test_a_row_that_sends_rows_itself(virtual: Emulator) -> None:
    with make_table(virtual).sender() as sender:

        class Talkative(dict[str, Any]):
            def __getitem__(self, key: str) -> Any:
                sender.send({"Id": 1})
                return super().__getitem__(key)

        sender.send(Talkative(Id=0))
        assert sender.flush().confirmed == 2
    assert arrived(virtual) == {0: 1, 1: 1}


def test_the_error_of_the_block_is_the_one_that_is_raised() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(close_timeout=0.01, **SLOW)
        with pytest.raises(KeyError) as caught, sender:
            send_each(sender, 1, then=KeyError())
        assert "closing the sender failed" in caught.value.__notes__[0]


def test_what_is_awaited_sends_and_answers_alike(virtual: Emulator) -> None:
    async def rows() -> AsyncIterator[Any]:
        for row in orders(10, 10):
            await asyncio.sleep(0)
            yield row

    async def main() -> None:
        async with make_table(virtual).sender(**SLOW) as sender:
            await sender.send_async({"Id": 0})
            await sender.send_many_async(orders(9, 1))
            await sender.send_many_async(rows())
            assert (await sender.flush_async()).confirmed == 20
            result = await sender.close_async()
            assert result is not None
            assert result.confirmed == 20

    asyncio.run(main())
    assert arrived(virtual) == dict.fromkeys(range(20), 1)


def test_waiting_for_room_does_not_keep_the_loop() -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(buffer_bytes=100, full_timeout=0.1, **SLOW)

        async def main() -> None:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.01)

            beside = asyncio.create_task(tick())
            with pytest.raises(pbi.OutboxFullError):
                await asyncio.gather(*(sender.send_async(row) for row in orders(100)))
            beside.cancel()
            assert ticks >= 3

        asyncio.run(main())
        with pytest.raises(pbi.UndeliveredError):
            sender.close(timeout=0.01)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"max_rows": 0}, "`max_rows` takes a whole number from 1"),
        ({"max_delay": -1}, "`max_delay` takes a number of seconds"),
        ({"on_full": "wait"}, '`on_full` takes "block" or "error" or "drop_oldest"'),
        ({"on_error": 3}, "`on_error` takes a callable or None"),
        ({"close_timeout": None}, "`close_timeout` takes a number of seconds"),
    ],
)
def test_wrong_options_are_told_at_once(virtual: Emulator, options: Any, complaint: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match=complaint):
        make_table(virtual).sender(**options)


def test_an_unknown_option_is_a_type_error(virtual: Emulator) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_row'"):
        make_table(virtual).sender(max_row=1)  # type: ignore[call-arg]


def test_a_sender_stays_in_its_process(virtual: Emulator) -> None:
    with make_table(virtual).sender(**SLOW) as sender:
        sender.send({"Id": 1})
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(sender)
        in_a_child(lambda: check_parents_sender(sender))
    assert arrived(virtual) == {1: 1}


def run_program(text: str) -> subprocess.CompletedProcess[str]:
    before = "import powerbi_push as pbi, sys\nfrom powerbi_push.emulator import Emulator\n"
    before += "SCHEMA = pbi.DatasetSchema('Sales', [pbi.TableSchema('Orders', {'Id': int})])\n"
    command = [sys.executable, "-c", before + dedent(text)]
    return subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=False)


def test_at_the_end_of_python_what_was_accepted_is_delivered() -> None:
    done = run_program("""
        emulator = Emulator().__enter__()
        import atexit
        atexit.register(lambda: print(len(emulator.rows("Sales/Orders"))))
        sender = emulator.client().create_dataset(SCHEMA).table().sender(max_delay=3600)
        for number in range(12_345):
            sender.send({"Id": number})
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "12345\n", "")


def test_at_the_end_of_python_one_line_says_what_was_left() -> None:
    done = run_program("""
        emulator = Emulator().__enter__()
        table = emulator.client().create_dataset(SCHEMA).table()
        emulator.fail_next(403, times=99, route="Datasets_PostRows")
        sender = table.sender(max_delay=3600, close_timeout=0.1)
        for number in range(37):
            sender.send({"Id": number})
    """)
    line = "the sender was closed with 37 rows that could not be delivered"
    expected = f"Sender(Table('Sales', 'Orders')) at the end of Python: {line}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", expected)
