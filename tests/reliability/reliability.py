"""Measure what is promised about delivery, print a table, and keep it in docs/reliability.md.

python tests/reliability/reliability.py [--write] [accepting] [restart] [ctrl_c] [endless] [rate] [million] [outage]

It ends with 1 where an aim is missed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figures import Figure

#: Those in real time first: nothing of a virtual clock is left in the process then.
GROUPS = ["accepting", "restart", "ctrl_c", "endless", "rate", "million", "outage"]
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: written by make reliability -->", "<!-- end of the figures -->"
HEAD = "| figure | aim | measured | | how |\n|---|---|---|---|---|\n"
WORDS = {True: "", False: "**missed**"}


def main() -> int:
    """Take the groups that were asked for."""
    parser = argparse.ArgumentParser(description="Measure what is promised about delivery.")
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], default=[])
    parser.add_argument("--write", action="store_true", help="keep the table in docs/reliability.md")
    options = parser.parse_args()
    described = machine.describe(())
    print(described)
    print(HEAD, end="", flush=True)
    taken = []
    for figure in _figures(options.groups or GROUPS):
        taken.append(figure)
        print(_line(figure), flush=True)
    if options.write:
        lines = "\n".join(_line(figure) for figure in taken)
        _keep(f"{datetime.now(UTC).date()}, on: {described}.\n\n{HEAD}{lines}")
    return int(not all(figure.reached for figure in taken))


def _figures(groups: list[str]) -> Iterator[Figure]:
    for group in groups:
        yield from importlib.import_module(group).figures()


def _line(figure: Figure) -> str:
    return f"| {figure.what} | {figure.aim} | {figure.measured} | {WORDS[figure.reached]} | {figure.how} |"


def _keep(table: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
