"""The file that keeps a local Power BI: what the next start has again, and what is said where it cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from conftest import wait_until
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path

MODEL = pbi.DatasetSchema("Sales", {"Orders": {"Id": int, "City": str, "Price": float}}, target="microstrategy")
ROWS = [{"Id": 1, "City": "Rome", "Price": 1.5}, {"Id": 2, "City": "Oslo", "Price": 0.1 + 0.2}]


def library(emulator: Emulator, password: str) -> pbi.microstrategy.Client:
    place = emulator.microstrategy
    return pbi.microstrategy.Client(place.base_url, username=place.username, password=password)


def test_datasets_of_microstrategy_and_its_password_are_there_again(tmp_path: Path) -> None:
    with Emulator(keep=tmp_path / "state") as emulator:
        password = emulator.microstrategy.password
        with library(emulator, password) as client:
            client.create_dataset(MODEL, ROWS, attributes=["Id"])
    with Emulator(keep=tmp_path / "state") as emulator:
        assert emulator.microstrategy.rows("Sales/Orders") == ROWS
        with library(emulator, password) as client:
            client.dataset("Sales").push([{"Id": 2, "City": "Oslo", "Price": 9.0}], policy="upsert")
        assert [row["Price"] for row in emulator.microstrategy.rows("Sales/Orders")] == [1.5, 9.0]


def test_a_link_to_the_file_is_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "state")
    taken = pytest.raises(pbi.ConfigurationError, match="/state is kept by another emulator that runs\n")
    with Emulator(keep=tmp_path / "state"), taken:
        Emulator(keep=tmp_path / "link")
    with Emulator(keep=tmp_path / "link") as emulator:
        emulator.streaming_dataset("Sensors", {"a": str})
    assert (tmp_path / "link").is_symlink()
    assert '"Sensors"' in (tmp_path / "state").read_text()


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(pbi.ConfigurationError, match=r"the file .*missing/state cannot be kept: No such file"):
        Emulator(keep=tmp_path / "missing" / "state")


def test_what_was_written_outlives_a_kill(tmp_path: Path) -> None:
    state = tmp_path / "state"
    program = [sys.executable, "-m", "powerbi_push", "--json", "emulator", "--port", "0", "--keep", str(state)]
    given = {name: value for name, value in os.environ.items() if not name.startswith("POWERBI_PUSH")}
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=given) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        code = (
            "import os, sys; os.environ['POWERBI_PUSH_EMULATOR'] = sys.argv[1]\n"
            "import powerbi_push as pbi; pbi.push([{'Id': 42}], 'Shop/Orders', create=True)"
        )
        subprocess.run([sys.executable, "-c", code, url], env=given, timeout=50, check=True)
        wait_until(lambda: '"rows":[{"Id":42}]' in state.read_text())
        process.kill()
    with Emulator(keep=state) as emulator:
        assert emulator.rows("Shop/Orders") == [{"Id": 42}]


def test_a_file_that_cannot_be_written_is_told_at_the_end_and_the_service_goes_on(tmp_path: Path) -> None:
    emulator = Emulator(keep=tmp_path / "state")
    kept = (tmp_path / "state").read_text()
    (tmp_path / "state.new").mkdir()
    url = emulator.streaming_dataset("Sensors", {"a": str})
    assert pbi.StreamingDataset(url).push([{"a": "b"}]).confirmed == 1
    with pytest.raises(pbi.ConfigurationError, match=r"^the state cannot be kept in .*state: "):
        emulator.close()
    assert (tmp_path / "state").read_text() == kept
    # Another may have the file now.
    (tmp_path / "state.new").rmdir()
    Emulator(keep=tmp_path / "state").close()
