"""The page on reliability names the test of each fault, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def named() -> list[tuple[str, bool]]:
    """Each file of tests in the table of faults, and whether it is said to be one of the torture."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    lines = [line for line in page.partition("## Which test holds what")[2].splitlines() if line.startswith("| F")]
    found = [match for line in lines for match in re.finditer(r"`([\w/]+\.(?:py|rs))`( \(torture\))?", line)]
    return [(match[1], bool(match[2])) for match in found]


def places(name: str, *, tortures: bool) -> list[Path]:
    """Where a file of this name is."""
    if name.endswith(".rs"):
        return [path for path in (ROOT / name,) if path.is_file()]
    return list((ROOT / "tests").glob(f"torture/{name}" if tortures else f"python/*/{name}"))


def test_each_file_that_the_table_names_is_there_once() -> None:
    files = named()
    assert len(files) > 40
    assert [name for name, tortures in files if len(places(name, tortures=tortures)) != 1] == []
    assert places("tests/core/quotas/told.rs", tortures=False) == []
    assert places("test_forks.py", tortures=False) == []
