"""How a push into MicroStrategy ends where something goes wrong: lost answers, ended sessions, refusals, full disks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from library_client import FAST, ORDERS, ROWS, calls, client_of, result_of

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator, MicroStrategy


@pytest.mark.parametrize("workflow", ["one", "many"])
def test_a_session_that_ends_is_begun_once_more(
    workflow: Any, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"], workflow=workflow)
    microstrategy.expire_sessions()
    assert dataset.push([{"Id": 3, "City": "Bern", "Price": 1.0}]).confirmed == 1
    assert len(microstrategy.rows("Sales/Orders")) == 3
    assert calls(powerbi).count("POST auth/login") == 2


@pytest.mark.parametrize("at", ["PutChunk", "Publish"])
def test_an_upload_is_begun_again_where_its_session_has_ended(
    at: str, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(401, code="ERR009", message="expired", route=f"MicroStrategy_{at}")
    assert dataset.push(ROWS).confirmed == 2
    assert microstrategy.rows("Sales/Orders") == ROWS


@pytest.mark.parametrize("route", ["Projects", "CreateUpload", "PutChunk", "Publish", "PublishStatus", "DeleteUpload"])
def test_an_answer_that_gets_lost_loses_and_doubles_no_row(
    route: str, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"], workflow="many")
    powerbi.drop_response(route=f"MicroStrategy_{route}")
    assert dataset.push([{"Id": 3, "City": "Bern", "Price": 1.0}]).confirmed == 1
    assert len(microstrategy.rows("Sales/Orders")) == 3


@pytest.mark.parametrize("policy", ["add", "update", "upsert", "replace"])
@pytest.mark.parametrize("how", ["dropped", "busy", "dropped, then refused", "dropped, then expired and refused"])
def test_one_request_that_may_have_been_done_leaves_its_rows_in_doubt(
    how: str, policy: Any, powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, ROWS, attributes=["Id"])
    route = "MicroStrategy_UpdateTable"
    if how == "busy":
        powerbi.fail_next(503, route=route, times=FAST.attempts)
    else:
        powerbi.drop_response(route=route, times=FAST.attempts if how == "dropped" else 1)
    if "expired" in how:
        powerbi.fail_next(401, code="ERR009", message="expired", route=route)
    if "refused" in how:
        powerbi.fail_next(403, code="ERR014", message="no", route=route)
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS, policy=policy)
    assert result_of(raised.value).ranges == [(0, 2, "in_doubt")]


def test_a_failed_chunk_raises_and_leaves_nothing_behind(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(
        500,
        route="MicroStrategy_PutChunk",
        body='{"code":"ERR002","iServerCode":-2147214568,"message":"no space","ticketId":"0123456789abcdef"}',
    )
    with pytest.raises(pbi.ServiceError) as raised:
        dataset.push(ROWS)
    assert "no space (iServerCode -2147214568) (ticketId 0123456789abcdef)" in raised.value.message
    assert (raised.value.code, raised.value.request_id, raised.value.status) == ("ERR002", "0123456789abcdef", 500)
    assert (result_of(raised.value).unsent, result_of(raised.value).confirmed) == (2, 0)
    assert microstrategy.open_uploads == 0
    assert calls(powerbi)[-1].startswith("DELETE ")


def test_a_publish_without_any_answer_leaves_the_rows_in_doubt(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_Publish")
    powerbi.fail_next(503, route="MicroStrategy_PublishStatus", times=3)
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS)
    assert result_of(raised.value).ranges == [(0, 2, "in_doubt")]
    assert isinstance(raised.value.__cause__, pbi.ServiceError)
    assert calls(powerbi).count(f"POST {calls(powerbi)[-1].split()[1]}/publish") == 1


@pytest.mark.parametrize(
    ("status", "body"), [(204, ""), (200, "<html>"), (200, "{}"), (302, ""), (403, "<html>"), (404, "not here")]
)
def test_an_answer_by_somebody_else_while_the_service_publishes_is_borne_with(
    status: int, body: str, powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(status, body=body, route="MicroStrategy_PublishStatus")
    assert dataset.push(ROWS).confirmed == 2
    assert microstrategy.rows("Sales/Orders") == ROWS
    assert sum(call.endswith("/publishStatus") for call in calls(powerbi)) == 3


def test_a_refusal_by_the_service_itself_while_it_publishes_ends_the_upload(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(404, code="ERR004", message="no upload", route="MicroStrategy_PublishStatus")
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS)
    assert result_of(raised.value).in_doubt == 2
    assert sum(call.endswith("/publishStatus") for call in calls(powerbi)) == 1


def test_a_time_limit_that_ends_a_publication_says_to_look_at_the_dataset(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_PublishStatus", retry_after=60)
    with pytest.raises(pbi.DeadlineError) as raised:
        dataset.push(ROWS, timeout=1)
    assert result_of(raised.value).in_doubt == 2
    assert raised.value.hint == "look for them before sending them again"


def test_a_session_that_ends_while_the_service_publishes_leaves_the_rows_in_doubt(
    powerbi: Emulator, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(401, code="ERR009", message="expired", route="MicroStrategy_PublishStatus")
    with pytest.raises(pbi.InDoubtError) as raised:
        dataset.push(ROWS)
    assert result_of(raised.value).in_doubt == 2


def test_a_full_disk_abandons_the_push(powerbi: Emulator, microstrategy: MicroStrategy, tmp_path: Path) -> None:
    with client_of(microstrategy, spool_dir=tmp_path / "none") as client:
        dataset = client.create_dataset(ORDERS, attributes=["Id"])
        before = len(powerbi.requests)
        with pytest.raises(pbi.OutboxError, match="spool_dir"):
            dataset.push(ROWS)
        upload = dataset.upload()
        with pytest.raises(pbi.OutboxError, match="spool_dir"):
            upload.push(ROWS)
        with pytest.raises(pbi.ClosedError, match="the upload is over"):
            upload.publish()
        assert len(powerbi.requests) == before
    with client_of(microstrategy, spool_dir=tmp_path) as client:
        assert client.dataset("Sales").push(ROWS, policy="replace").confirmed == 2
    assert list(tmp_path.iterdir()) == []


def test_a_time_limit_leaves_no_upload_behind(powerbi: Emulator, client: pbi.microstrategy.Client) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_PutChunk", retry_after=60)
    with pytest.raises(pbi.DeadlineError) as raised:
        dataset.push(ROWS, timeout=0.5)
    assert result_of(raised.value).unsent == 2
    assert calls(powerbi)[-1].startswith("DELETE ")


def test_a_cancelled_push_leaves_no_upload_behind(
    powerbi: Emulator, microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    powerbi.fail_next(503, route="MicroStrategy_PutChunk", retry_after=60)

    async def cancel() -> None:
        push = asyncio.create_task(dataset.push_async(ROWS))
        while not any(call.startswith("PUT") for call in calls(powerbi)):  # noqa: ASYNC110 - the emulator tells nobody
            await asyncio.sleep(0)
        push.cancel()
        await push

    with pytest.raises(asyncio.CancelledError) as raised:
        asyncio.run(cancel())
    assert raised.value.result.unsent == 2  # type: ignore[attr-defined]
    assert calls(powerbi)[-1].startswith("DELETE ")
    assert microstrategy.open_uploads == 0


def test_a_progress_that_raises_in_the_end_does_not_hide_what_was_published(
    microstrategy: MicroStrategy, client: pbi.microstrategy.Client
) -> None:
    def raise_in_the_end(now: pbi.Progress) -> None:
        if now.confirmed:
            raise ZeroDivisionError

    dataset = client.create_dataset(ORDERS, attributes=["Id"])
    with pytest.raises(ZeroDivisionError) as raised:
        dataset.push(ROWS, progress=raise_in_the_end)
    assert raised.value.result.confirmed == 2  # type: ignore[attr-defined]
    assert microstrategy.rows("Sales/Orders") == ROWS
