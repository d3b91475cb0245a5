"""The twins that end in ``_async``: the same answers, on an event loop that others can use meanwhile."""

from __future__ import annotations

import asyncio
import gc
import inspect
import socket
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import powerbi_push as pbi
from conftest import SCHEMA, WATCHDOG, arrived, check_account, make_table, orders, posts
from fault_server import CONFIRMED, SILENCE, FaultServer
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

    from powerbi_push import Client, PushResult, Table

#: A turn of ours on the loop lasts 5 ms of the processor's time; ten times that is a failure and not a slow machine.
LONGEST_TURN = 0.05


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run `work` to its end, or fail."""

    async def watched() -> Any:
        return await asyncio.wait_for(work, WATCHDOG)

    return asyncio.run(watched())


async def each(rows: list[Any]) -> AsyncIterator[Any]:
    """Rows that are awaited one by one."""
    for row in rows:
        await asyncio.sleep(0)
        yield row


async def until(claim: Callable[[], object]) -> None:
    """Wait until `claim` holds."""
    for _ in range(int(WATCHDOG * 1_000)):
        if claim():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it never came")


async def cancelled(task: asyncio.Task[PushResult]) -> PushResult:
    """Cancel a push; the result that its CancelledError carries."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert type(caught.value) is asyncio.CancelledError
    result: PushResult = caught.value.result  # type: ignore[attr-defined]
    assert caught.value.__notes__ == [result.summary()]
    return result


def test_every_verb_that_asks_the_service_has_a_twin_with_the_same_parameters() -> None:
    verbs = {
        pbi.Client: ["workspaces", "workspace", "datasets", "dataset", "create_dataset", "close"],
        pbi.Workspace: ["datasets", "dataset", "create_dataset"],
        pbi.Dataset: ["tables", "delete"],
        pbi.Table: ["push", "replace", "delete_rows", "update_schema", "sequence_numbers"],
        pbi.StreamingDataset: ["push"],
        pbi: ["push"],
    }
    for owner, names in verbs.items():
        for name in names:
            verb, twin = getattr(owner, name), getattr(owner, f"{name}_async")
            assert inspect.iscoroutinefunction(twin), name
            assert inspect.signature(verb) == inspect.signature(twin), name


def test_the_whole_house_can_be_awaited(virtual: Emulator) -> None:
    async def main(client: Client) -> None:
        place = virtual.add_workspace("Sales")
        async with client:
            assert [workspace.id for workspace in await client.workspaces_async()] == [place]
            workspace = await client.workspace_async("Sales")
            assert await (await client.workspace_async(place)).name_async() == "Sales"
            made = await workspace.create_dataset_async(SCHEMA)
            assert [dataset.id for dataset in await workspace.datasets_async()] == [made.id]
            table = (await (await workspace.dataset_async("Sales")).tables_async())[0]
            assert (await table.push_async(orders(3))).confirmed == 3
            assert (await table.replace_async(orders(2))).confirmed == 2
            assert [row["Id"] for row in virtual.rows(table)] == [0, 1]
            await table.delete_rows_async()
            assert virtual.rows(table) == []
            await made.delete_async()
            assert await workspace.datasets_async() == []
            assert await client.datasets_async() == []
            mine = await client.create_dataset_async(SCHEMA)
            assert (await client.dataset_async(mine.id)).name == "Sales"
        with pytest.raises(pbi.ClosedError):
            await client.workspaces_async()

    run(main(virtual.client()))


def test_errors_are_the_same(virtual: Emulator) -> None:
    table = make_table(virtual)
    with pytest.raises(pbi.NotFoundError) as missing:
        run(virtual.client().dataset_async("Nothing"))
    with pytest.raises(pbi.NotFoundError) as missing_too:
        virtual.client().dataset("Nothing")
    assert str(missing.value) == str(missing_too.value)
    with pytest.raises(pbi.ValidationError) as invalid:
        run(table.push_async([{"Id": "one"}]))
    assert invalid.value.result is not None
    assert (invalid.value.result.read, invalid.value.result.rejected) == (1, 1)
    with pytest.raises(TypeError, match=r"wrap it in a list"):
        run(table.push_async({"Id": 1}))


def test_pushes_share_a_loop(virtual: Emulator) -> None:
    table = make_table(virtual)

    async def main() -> list[PushResult]:
        return await asyncio.gather(*(table.push_async(orders(2_000, start)) for start in range(0, 20_000, 2_000)))

    assert [result.confirmed for result in run(main())] == [2_000] * 10
    assert arrived(virtual) == dict.fromkeys(range(20_000), 1)


@pytest.mark.parametrize("kind", [list, iter, each])
def test_rows_of_every_kind(virtual: Emulator, kind: Callable[[Any], Any]) -> None:
    table = make_table(virtual)
    result = check_account(run(table.push_async(kind(orders(25_000)))), arrived(virtual))
    assert (result.confirmed, result.ok) == (25_000, True)
    assert len(posts(virtual)) == 3


@pytest.fixture
def without_collections() -> Iterator[None]:
    """Keep Python's garbage collector out: it walks everything that other tests have left."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collections")
@pytest.mark.parametrize("kind", [list, iter, each, pl.DataFrame])
def test_the_loop_is_never_held_for_long(kind: Callable[[Any], Any]) -> None:
    with FaultServer(CONFIRMED) as server:
        table = server.table()

        async def main() -> tuple[PushResult, float]:
            longest = 0.0

            async def others() -> None:
                nonlocal longest
                while True:
                    before = time.thread_time()
                    await asyncio.sleep(0)
                    longest = max(longest, time.thread_time() - before)

            beside = asyncio.create_task(others())
            result = await table.push_async(kind(orders(50_000)))
            beside.cancel()
            return result, longest

        result, longest = run(main())
    assert result.confirmed == 50_000
    assert longest < LONGEST_TURN


def test_rows_are_read_on_the_loops_own_thread(virtual: Emulator) -> None:
    table = make_table(virtual)
    loops = set()

    def rows() -> Iterator[Any]:
        for row in orders(3):
            loops.add(asyncio.get_running_loop())
            yield row

    async def main() -> bool:
        await table.push_async(rows())
        return loops == {asyncio.get_running_loop()}

    assert run(main())


def test_an_async_iterable_that_raises_says_at_which_row(virtual: Emulator) -> None:
    table = make_table(virtual)

    async def broken() -> AsyncIterator[Any]:
        for row in orders(12_000):
            yield row
        msg = "the sensor is gone"
        raise OSError(msg)

    with pytest.raises(pbi.SourceError, match=r"at row 12000: OSError: the sensor is gone") as caught:
        run(table.push_async(broken()))
    assert isinstance(caught.value.__cause__, OSError)
    result = check_account(caught.value.result, arrived(virtual))
    assert result.ranges == [(0, 10_000, "confirmed"), (10_000, 12_000, "unsent")]


def test_rows_that_are_cancelled_themselves_are_no_end(virtual: Emulator) -> None:
    table = make_table(virtual)

    async def main() -> None:
        source: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        source.cancel()

        async def rows() -> AsyncIterator[Any]:
            yield {"Id": 0}
            await source

        await table.push_async(rows())

    with pytest.raises(asyncio.CancelledError):
        run(main())
    assert posts(virtual) == []


def test_rows_that_are_there_do_not_wait_for_the_next() -> None:
    with Emulator() as emulator:
        table = make_table(emulator)

        async def main() -> PushResult:
            sent = asyncio.Event()

            async def rows() -> AsyncIterator[Any]:
                for row in orders(10_000):
                    yield row
                await sent.wait()

            task = asyncio.create_task(table.push_async(rows()))
            await until(lambda: len(posts(emulator)) == 1)
            sent.set()
            return await task

        assert run(main()).confirmed == 10_000


def test_async_rows_are_told_where_to_go_by_a_verb_that_cannot_await_them(virtual: Emulator) -> None:
    table = make_table(virtual)
    with pytest.raises(TypeError, match=r"use push_async"):
        table.push(each(orders(1)))
    with pytest.raises(TypeError, match=r"use push_async"):
        pbi.TableSchema("Orders", {"Id": int}).validate(each(orders(1)))
    assert posts(virtual) == []


def test_replace_awaits_all_rows_before_it_deletes_any(virtual: Emulator) -> None:
    table = make_table(virtual)
    table.push(orders(3))

    async def broken() -> AsyncIterator[Any]:
        for row in orders(15_000):
            yield row
        raise OSError

    with pytest.raises(pbi.SourceError) as caught:
        run(table.replace_async(broken()))
    assert caught.value.result is not None
    assert caught.value.result.deleted is False
    assert len(virtual.rows(table)) == 3
    assert run(table.replace_async(each(orders(15_000)))).confirmed == 15_000
    assert arrived(virtual) == dict.fromkeys(range(15_000), 1)


def test_the_one_liner_infers_from_async_rows_and_loses_none(virtual: Emulator) -> None:
    sign_in: dict[str, Any] = {"credential": virtual.credential, "base_url": virtual.url}
    result = run(pbi.push_async(each(orders(10_500)), "New/Orders", create=True, **sign_in))
    assert result.confirmed == 10_500
    assert arrived(virtual, "New/Orders") == dict.fromkeys(range(10_500), 1)
    assert run(pbi.push_async(each(orders(5)), "New/Orders", create=True, **sign_in)).confirmed == 5
    url = virtual.streaming_dataset("Live", {"Id": "Number"})
    assert run(pbi.push_async(each(orders(5)), url)).confirmed == 5


def test_cancelled_while_an_answer_is_awaited_it_is_waited_for_and_recorded() -> None:
    with Emulator() as emulator:
        table = make_table(emulator, ordered=True)

        async def main() -> PushResult:
            seen = asyncio.Event()

            async def endless() -> AsyncIterator[Any]:
                for row in orders(10_000):
                    yield row
                seen.set()
                await asyncio.Event().wait()

            task = asyncio.create_task(table.push_async(endless()))
            await seen.wait()
            await until(lambda: posts(emulator))
            return await cancelled(task)

        result = check_account(run(main()), arrived(emulator))
        assert result.ranges == [(0, 10_000, "confirmed")]


def test_cancelled_before_its_first_request_a_push_sends_nothing(virtual: Emulator) -> None:
    table = make_table(virtual)

    async def main() -> PushResult:
        begun = asyncio.Event()

        async def slow() -> AsyncIterator[Any]:
            yield {"Id": 0}
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(table.push_async(slow()))
        await begun.wait()
        return await cancelled(task)

    assert run(main()).ranges == [(0, 1, "unsent")]
    assert posts(virtual) == []


def test_what_was_not_begun_is_withdrawn_by_a_cancellation() -> None:
    with FaultServer(CONFIRMED, SILENCE) as server:
        table = server.table(ordered=True)

        async def main() -> PushResult:
            task = asyncio.create_task(table.push_async(orders(50_000)))
            await until(lambda: len(server.posts) == 2)
            task.cancel()
            await asyncio.sleep(0)
            assert not task.done(), "what is on the wire is waited for"
            return await cancelled(task)  # and the second time it is not

        result = check_account(run(main()), server.arrived())
        assert result.ranges == [(0, 10_000, "confirmed"), (10_000, 20_000, "in_doubt"), (20_000, 50_000, "unsent")]
        assert len(server.posts) == 2


def test_a_timeout_of_asyncio_is_a_timeout_and_nothing_is_sent_behind_it() -> None:
    with FaultServer(CONFIRMED, CONFIRMED, SILENCE) as server:
        table = server.table(ordered=True, timeout=0.2, retry=None)

        async def main() -> None:
            async with asyncio.timeout(None) as limit:
                push = table.push_async(orders(100_000))

                async def third_request_is_out() -> None:
                    await until(lambda: len(server.posts) == 3)
                    limit.reschedule(asyncio.get_running_loop().time())

                beside = asyncio.create_task(third_request_is_out())
                await push
            await beside

        with pytest.raises(TimeoutError):
            run(main())
        assert len(server.posts) == 3


def test_a_cancelled_request_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = pbi.Client("opaque", base_url=f"http://127.0.0.1:{server.getsockname()[1]}")

        async def main() -> bytes:
            task = asyncio.create_task(client.datasets_async())
            connection, _ = await asyncio.to_thread(server.accept)
            with connection:
                assert await asyncio.to_thread(connection.recv, 65_536)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                connection.settimeout(WATCHDOG)
                return await asyncio.to_thread(connection.recv, 65_536)

        assert run(main()) == b""


def test_cancellations_at_any_moment_keep_an_exact_account() -> None:
    with Emulator() as emulator:
        table = make_table(emulator)
        outcomes: set[int | None] = set()

        async def main() -> None:
            start = 0
            for turn in range(200):
                task = asyncio.create_task(table.push_async(orders(50, start)))
                for _ in range(turn):
                    await asyncio.sleep(0)
                task.cancel()
                result: PushResult | None
                try:
                    result = await task
                except asyncio.CancelledError as error:
                    result = getattr(error, "result", None)
                outcomes.add(None if result is None else result.confirmed)
                there = arrived(emulator)
                mine = {row for row in there if start <= row < start + 50}
                if result is None:
                    assert mine == set()
                else:
                    assert (result.in_doubt, len(mine)) == (0, result.confirmed)
                start += 50

        run(main())
        assert {None, 50} <= outcomes <= {None, 0, 50}, "cancelled before it began, before it sent, and too late"


class AsyncCredential:
    """As azure-identity's own asynchronous ones are."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def get_token(self, *scopes: str, **_: Any) -> Any:
        """Answer a token, after a while."""
        assert scopes == ("https://analysis.windows.net/powerbi/api/.default",)
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return self.emulator.credential.get_token(*scopes)


def client_with(emulator: Emulator, credential: object) -> Client:
    """A client of the emulator that signs in with `credential`."""
    return pbi.Client(credential, base_url=emulator.url)


def test_an_async_credential_is_awaited_on_the_loop(virtual: Emulator) -> None:
    credential = AsyncCredential(virtual)

    async def main() -> Table:
        dataset = await client_with(virtual, credential).create_dataset_async(SCHEMA)
        table = dataset.table("Orders")
        await table.push_async(orders(3))
        assert credential.loops == {asyncio.get_running_loop()}
        return table

    run(main())
    assert len(arrived(virtual)) == 3


def test_an_async_credential_in_a_verb_that_cannot_await_it(virtual: Emulator) -> None:
    client = client_with(virtual, AsyncCredential(virtual))
    with pytest.raises(pbi.ConfigurationError, match=r"asynchronous") as caught:
        client.datasets()
    assert "_async" in str(caught.value.hint)
    hidden = client_with(virtual, lambda: AsyncCredential(virtual).get_token())
    with pytest.raises(pbi.AuthenticationError, match=r"asynchronous"):
        hidden.datasets()
    assert virtual.requests == []


def test_an_async_credential_that_fails_says_why(virtual: Emulator) -> None:
    async def refused() -> str:
        await asyncio.sleep(0)
        msg = "no sign-in today"
        raise RuntimeError(msg)

    with pytest.raises(pbi.AuthenticationError, match=r"RuntimeError: no sign-in today"):
        run(client_with(virtual, refused).datasets_async())


def test_one_client_serves_loop_after_loop_and_threads_too(virtual: Emulator) -> None:
    table = make_table(virtual)
    for start in range(0, 30, 10):
        assert run(table.push_async(orders(10, start))).confirmed == 10
    assert table.push(orders(10, 30)).confirmed == 10

    async def both() -> Awaitable[PushResult]:
        first = table.push_async(orders(10, 40))
        second = asyncio.to_thread(table.push, orders(10, 50))
        await asyncio.gather(first, second)
        return first

    run(both())
    assert arrived(virtual) == dict.fromkeys(range(60), 1)
