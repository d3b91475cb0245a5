"""A traceback ends at the public verb: one frame of the package, and those of the caller's own functions."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import make_table, orders

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

HOME = str(Path(pbi.__path__[0]))


def frames(error: BaseException) -> list[str]:
    """The functions that the traceback shows behind this file's own first ones: `ours:` those of the package."""
    shown = traceback.extract_tb(error.__traceback__)
    first = next(place for place, frame in enumerate(shown) if frame.filename.startswith(HOME))
    return [f"{'ours:' if frame.filename.startswith(HOME) else ''}{frame.name}" for frame in shown[first:]]


def raised(call: Callable[[], Any]) -> list[str]:
    with pytest.raises((pbi.PowerBIPushError, LookupError, TypeError, OSError)) as caught:
        call()
    return frames(caught.value)


def test_a_traceback_has_one_frame_of_the_package(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    client = table.dataset.workspace
    wrong = [{"Id": "x"}]
    assert raised(lambda: table.push(wrong)) == ["ours:push"]
    assert raised(lambda: table.replace(wrong)) == ["ours:replace"]
    assert raised(lambda: client.dataset("Salse")) == ["ours:dataset"]
    assert raised(lambda: powerbi.client().dataset("Salse")) == ["ours:dataset"]
    assert raised(
        lambda: powerbi.client().create_dataset(pbi.DatasetSchema("Sales", [pbi.TableSchema("T", {"a": int})]))
    ) == ["ours:create_dataset"]
    assert raised(lambda: pbi.push(wrong, table)) == ["ours:push"]
    sign_in: dict[str, Any] = {"credential": powerbi.credential, "base_url": powerbi.url}
    assert raised(lambda: pbi.push(wrong, "Nowhere/Orders", **sign_in)) == ["ours:push"]
    with table.sender() as sender:
        assert raised(lambda: sender.send(wrong[0])) == ["ours:send"]
        assert raised(lambda: sender.send_many(wrong)) == ["ours:send_many"]


def test_so_has_that_of_an_argument_of_a_wrong_kind(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    wrong: Any = {"a": "varchar(20)"}
    assert raised(lambda: pbi.TableSchema("T", wrong)) == ["ours:__init__"]
    assert raised(lambda: pbi.TableSchema("T", [1])) == ["ours:__init__"]  # type: ignore[list-item]
    assert raised(lambda: pbi.TableSchema("T", {"a": int}, measures=[1])) == ["ours:__init__"]  # type: ignore[list-item]
    assert raised(lambda: pbi.TableSchema.infer("T", [{"a": 1}], types=wrong)) == ["ours:infer"]
    assert raised(lambda: pbi.DatasetSchema("S", {"T": wrong})) == ["ours:__init__"]
    assert raised(lambda: pbi.DatasetSchema("S", ["T"])) == ["ours:__init__"]  # type: ignore[list-item]
    assert raised(lambda: pbi.DatasetSchema.infer("S", {"T": [{"a": None}]})) == ["ours:infer"]
    assert raised(lambda: pbi.DatasetSchema.infer("S", [])) == ["ours:infer"]  # type: ignore[arg-type]
    of_file = raised(lambda: pbi.DatasetSchema.from_json("no such file"))
    assert [frame for frame in of_file if frame.startswith("ours:")] == ["ours:from_json"]
    assert raised(lambda: pbi.StreamingDataset("https://x", wrong)) == ["ours:__init__"]
    assert raised(lambda: pbi.push([], table, timeout=0)) == ["ours:push"]
    assert raised(lambda: pbi.push([], table, timeuot=1)) == ["ours:push"]  # type: ignore[call-arg]
    assert raised(lambda: table.push([], timeuot=1)) == ["ours:push"]  # type: ignore[call-arg]
    assert raised(lambda: table.sender(timeuot=1)) == ["ours:sender"]  # type: ignore[call-arg]
    assert raised(lambda: asyncio.run(pbi.push_async([], table, timeout=0))) == ["ours:push_async"]


def test_so_has_that_of_a_verb_that_is_awaited(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    wrong = [{"Id": "x"}]
    assert raised(lambda: asyncio.run(table.push_async(wrong))) == ["ours:push_async"]
    assert raised(lambda: asyncio.run(pbi.push_async(wrong, table))) == ["ours:push_async"]
    assert raised(lambda: asyncio.run(powerbi.client().dataset_async("Salse"))) == ["ours:dataset_async"]


def test_frames_of_the_callers_own_functions_stay(powerbi: Emulator) -> None:
    def look(_: pbi.Progress) -> None:
        raise LookupError

    def rows() -> Any:
        yield from orders(1)
        raise LookupError

    table = make_table(powerbi)
    assert raised(lambda: table.push(orders(1), progress=look)) == ["ours:push", "look"]
    assert raised(lambda: asyncio.run(table.push_async(orders(1), progress=look))) == ["ours:push_async", "look"]
    with pytest.raises(pbi.SourceError) as caught:
        table.push(rows())
    assert frames(caught.value) == ["ours:push"]
    assert caught.value.__cause__ is not None
    assert [frame.name for frame in traceback.extract_tb(caught.value.__cause__.__traceback__)] == ["rows"]


def test_a_cancelled_verb_raises_that_it_was_cancelled(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    powerbi.fail_next(429, retry_after=3_600, route="Datasets_PostRows")

    async def cancelled() -> None:
        task = asyncio.ensure_future(table.push_async(orders(1)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(cancelled())
