"""Failures say where, what the system said, and what kept a call until its time limit; and they say it soon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import make_table, orders, posts
from fault_server import RESET_IN_BODY, SILENCE, FaultServer, closed_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

DATASET = "cfafbeb1-8037-4d0c-896e-a46fb27ff229"


def place(url: str) -> str:
    """Host and port."""
    return url.partition("//")[2]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the package logs."""
    caplog.set_level("WARNING", logger="powerbi_push")
    return caplog


def table_at(url: str, **options: object) -> pbi.Table:
    client = pbi.Client("opaque", base_url=url, **options)  # type: ignore[arg-type]
    workspace = client.workspace("f089354e-8366-4e18-aea3-4cb4a3a50b48")
    info = {"id": DATASET, "name": "Sales", "accepts_rows": True, "web_url": None}
    return pbi.Dataset(client._core, workspace, info, None).table("Orders")  # noqa: SLF001 - nobody is there to ask


def test_a_connection_that_is_refused_is_told_with_host_port_and_the_systems_words() -> None:
    url = closed_port()
    for call in (
        lambda: pbi.Client("opaque", base_url=url, retry=None).datasets(),
        lambda: table_at(url, retry=None).push(orders(1)),
        lambda: pbi.StreamingDataset(f"{url}/rows?key=secret-value", retry=None).push(orders(1)),
    ):
        with pytest.raises(pbi.TransportError) as caught:
            call()
        assert re.search(rf"could not connect to {place(url)}: .*[Rr]efused", caught.value.message)
        assert "secret-value" not in str(caught.value)


def test_a_connection_that_ends_and_a_silence_are_told_with_their_place() -> None:
    for answer, words in ((RESET_IN_BODY, "ended"), (SILENCE, "no answer came within")):
        with FaultServer(answer) as server:
            table = server.table(retry=None, timeout=0.2)
            with pytest.raises(pbi.PowerBIPushError, match=words) as caught:
                table.push(orders(10_000))
            assert place(server.url) in caught.value.message


def test_a_time_limit_keeps_the_last_failure_as_its_cause() -> None:
    url = closed_port()
    with pytest.raises(pbi.DeadlineError, match=f"the last failure: could not connect to {place(url)}") as caught:
        table_at(url).push(orders(1), timeout=0.2)
    cause = caught.value.__cause__
    assert isinstance(cause, pbi.TransportError)
    assert place(url) in cause.message
    assert caught.value.result is not None
    assert caught.value.result.unsent == 1


def test_a_time_limit_keeps_it_while_the_table_is_looked_for_and_emptied_too() -> None:
    url = closed_port()
    calls: list[Callable[[], object]] = [
        lambda: pbi.push(orders(1), "Sales/Orders", credential="opaque", base_url=url, timeout=0.2),
        lambda: table_at(url).replace(orders(1), timeout=0.2),
    ]
    for call in calls:
        with pytest.raises(pbi.DeadlineError, match=f"the last failure: .*{place(url)}") as caught:
            call()
        assert isinstance(caught.value.__cause__, pbi.TransportError)


def test_a_time_limit_of_flush_keeps_it_too() -> None:
    sender = table_at(closed_port()).sender(max_delay=0)
    sender.send({"Id": 1})
    with pytest.raises(pbi.DeadlineError) as caught:
        sender.flush(timeout=0.5)
    assert isinstance(caught.value.__cause__, pbi.TransportError)
    with pytest.raises(pbi.UndeliveredError):
        sender.close(timeout=0.01)


def test_a_service_that_is_down_is_said_once_by_the_log_within_two_seconds(
    virtual: Emulator, log: pytest.LogCaptureFixture
) -> None:
    table = make_table(virtual)
    virtual.fail_next(503, route="Datasets_PostRows", times=4)
    assert table.push(orders(10)).ok
    (line,) = [record.getMessage() for record in log.records]
    assert re.fullmatch(
        r"table `Orders`: sending rows: the service answered 503.*; trying again, the next time in \d+ s", line
    )
    assert len(posts(virtual)) == 5


def test_a_moments_failure_is_not_said(virtual: Emulator, log: pytest.LogCaptureFixture) -> None:
    table = make_table(virtual)
    virtual.fail_next(503, route="Datasets_PostRows")
    assert table.push(orders(10)).ok
    assert log.records == []


def test_an_operation_says_it_too(log: pytest.LogCaptureFixture) -> None:
    url = closed_port()
    with pytest.raises(pbi.TransportError):
        pbi.Client("opaque", base_url=url, retry=pbi.Retry(attempts=2, first_delay=4.0)).datasets()
    (line,) = [record.getMessage() for record in log.records]
    assert line.startswith(f"Power BI: could not connect to {place(url)}: ")
    assert "; trying again, the next time in" in line
