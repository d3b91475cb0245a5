"""POWERBI_PUSH_EMULATOR: production code, unchanged, talks to the emulator and to nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, orders

if TYPE_CHECKING:
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


def test_a_real_push_url_is_not_used_beside_the_emulator(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERBI_PUSH_URL", "https://api.powerbi.com/beta/t/datasets/d/rows?key=canary")
    with pytest.raises(pbi.ConfigurationError, match="leads elsewhere") as caught:
        pbi.StreamingDataset.from_env()
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("POWERBI_PUSH_URL", powerbi.streaming_dataset("Sensors", {"Id": "Int64"}))
    assert pbi.StreamingDataset.from_env().push(orders(1)).ok


def test_an_address_that_is_given_wins(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERBI_PUSH_EMULATOR", "http://127.0.0.1:1")
    assert powerbi.client().base_url == powerbi.url
