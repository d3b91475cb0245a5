"""POWERBI_PUSH_EMULATOR: production code, unchanged, talks to the emulator and to nothing else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from threading import Event
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, WATCHDOG, orders
from entra_server import EntraServer
from fault_server import DATASET_ID, FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from powerbi_push.emulator import Emulator


def test_the_fixture_sends_every_client_to_the_emulator_with_its_own_sign_in(powerbi: Emulator) -> None:
    table = pbi.Client("a production token").create_dataset(SCHEMA).table()
    assert table.push(orders(2)).ok
    assert pbi.push(orders(1, start=2), "Sales/Orders").ok
    assert [row["Id"] for row in powerbi.rows("Sales/Orders")] == [0, 1, 2]
    assert pbi.Client().base_url == powerbi.url
    assert not any("production" in str(request.headers) for request in powerbi.requests)


def test_another_process_finds_the_emulator_too(powerbi: Emulator) -> None:
    pbi.Client().create_dataset(SCHEMA)
    program = "import powerbi_push as pbi; print(pbi.push([{'Id': 7}], 'Sales/Orders').confirmed)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert powerbi.rows("Sales/Orders") == [{"Id": 7}]


@pytest.mark.parametrize("url", ["https://api.powerbi.com", "http://example.org", "https://127.0.0.1:1", "127.0.0.1:1"])
def test_only_this_machine_can_be_the_emulator(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("POWERBI_PUSH_EMULATOR", url)
    for make in (lambda: pbi.Client("opaque"), lambda: pbi.push(orders(1), "Sales/Orders", credential="opaque")):
        with pytest.raises(pbi.ConfigurationError, match="POWERBI_PUSH_EMULATOR"):
            make()


def test_another_address_of_this_machine_is_not_the_emulator(powerbi: Emulator, powerbi_push_url: str) -> None:
    for other in ("127.0.0.2", "127.1.2.3", "[::1]"):
        with pytest.raises(pbi.ConfigurationError, match="leads elsewhere"):
            pbi.push(orders(1), powerbi_push_url.replace("127.0.0.1", other))
        with pytest.raises(pbi.ConfigurationError, match="leads elsewhere"):
            pbi.Client("opaque", base_url=powerbi.url.replace("127.0.0.1", other))
    assert pbi.StreamingDataset(powerbi_push_url.replace("127.0.0.1", "localhost")) is not None


def test_a_real_push_url_is_not_used_beside_the_emulator(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERBI_PUSH_URL", "https://api.powerbi.com/beta/t/datasets/d/rows?key=canary")
    with pytest.raises(pbi.ConfigurationError, match="leads elsewhere") as caught:
        pbi.StreamingDataset.from_env()
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("POWERBI_PUSH_URL", powerbi.streaming_dataset("Sensors", {"Id": "Int64"}))
    assert pbi.StreamingDataset.from_env().push(orders(1)).ok


URL = "https://api.powerbi.com/beta/t/datasets/d/rows?key=canary"
ROWS_ADDRESS = f"https://api.powerbi.com/v1.0/myorg/datasets/{DATASET_ID}/tables/Orders/rows"


@pytest.mark.parametrize(
    "begin",
    [
        lambda _: pbi.StreamingDataset(URL),
        lambda _: pbi.push(orders(1), URL),
        lambda _: pbi.push(orders(1), ROWS_ADDRESS),
        lambda _: pbi.push(orders(1), ROWS_ADDRESS, credential="opaque", base_url="https://api.powerbi.com"),
        lambda _: pbi.push(orders(1), "Sales/Orders", credential="opaque", base_url="https://api.powerbi.com"),
        lambda _: pbi.Client("opaque", base_url="https://api.powerbi.com"),
        lambda _: pbi.Client("opaque", base_url="http://127.0.0.1:9"),
        lambda _: pbi.Client("opaque", base_url="https://localhost:9"),
        lambda made: made.client.datasets(),
        lambda made: made.client.workspaces(),
        lambda made: made.client.workspace("W"),
        lambda made: made.client.create_dataset(SCHEMA),
        lambda made: asyncio.run(made.client.datasets_async()),
        lambda made: made.table.push(orders(1)),
        lambda made: asyncio.run(made.table.push_async(orders(1))),
        lambda made: made.table.replace(orders(1)),
        lambda made: made.table.delete_rows(),
        lambda made: made.table.sender(),
        lambda made: pbi.push(orders(1), made.table),
        lambda made: made.stream.push(orders(1)),
        lambda made: asyncio.run(made.stream.push_async(orders(1))),
        lambda made: made.stream.sender(),
        lambda made: pbi.push(orders(1), made.stream),
        lambda made: made.credential.get_token("https://analysis.windows.net/powerbi/api/.default"),
    ],
)
def test_beside_the_emulator_nothing_leads_elsewhere_whenever_it_was_made(
    begin: Callable[[Made], object], request: pytest.FixtureRequest
) -> None:
    with FaultServer() as server, EntraServer() as entra:
        made = Made(server, entra)
        powerbi: Emulator = request.getfixturevalue("powerbi")
        before = (len(server.received), len(entra.received))
        with pytest.raises(pbi.ConfigurationError) as caught:
            begin(made)
        assert "canary" not in str(caught.value) + repr(caught.value.hint)
        assert (len(server.received), len(entra.received), powerbi.requests) == (*before, [])


class Made:
    """What production code made when its modules were imported, here for servers that stand for the service."""

    def __init__(self, server: FaultServer, entra: EntraServer) -> None:
        """Make it; the dataset is looked for."""
        self.credential = entra.credential()
        self.client = pbi.Client(self.credential, base_url=server.url)
        self.table = self.client.dataset(DATASET_ID).table("Orders", {"Id": int})
        self.stream = pbi.StreamingDataset(f"{server.url}/beta/t/datasets/d/rows?key=canary")


def test_a_sender_that_was_made_before_keeps_its_rows_beside_the_emulator(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    heard: list[pbi.PowerBIPushError] = []
    told = Event()

    def hear(error: pbi.PowerBIPushError) -> None:
        heard.append(error)
        told.set()

    with FaultServer() as server:
        sender = server.table().sender(outbox=tmp_path / "o.db", max_delay=0.001, on_error=hear)
        request.getfixturevalue("powerbi")
        sender.send({"Id": 1})
        assert told.wait(WATCHDOG)
        sender.close(timeout=0.01)
        assert server.posts == []
    assert isinstance(heard[0], pbi.ConfigurationError)
    assert pbi.Outbox(tmp_path / "o.db").pending == 1


def test_a_plan_sends_nothing_and_may_be_made_beside_the_emulator(request: pytest.FixtureRequest) -> None:
    with FaultServer() as server:
        table = server.table()
        request.getfixturevalue("powerbi")
        assert table.plan(10).requests == 1


def test_doctor_asks_nobody_else_beside_the_emulator(powerbi: Emulator) -> None:
    for report in (pbi.doctor(credential="opaque", base_url="https://api.powerbi.com"), pbi.doctor(URL)):
        assert "leads elsewhere" in report.checks[-1].message
        assert not report.ok
    assert powerbi.requests == []


def test_every_name_of_this_machine_is_the_emulator_on_its_port(powerbi: Emulator) -> None:
    url = powerbi.streaming_dataset("Sensors", {"Id": "Int64"}).replace("127.0.0.1", "localhost")
    assert pbi.push(orders(1), url).ok
    assert powerbi.client(retry=None).datasets() is not None
