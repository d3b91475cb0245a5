"""Measure this package against others, print a table, and keep it in docs/benchmarks.md.

python tests/bench/run.py [--rounds N] [--rows N] [--write] [group ...]
"""

from __future__ import annotations

import argparse
import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import command_line
import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measure import Figure

GROUPS = ["rows", "frames", "end_to_end", "footprint", "command_line", "microstrategy"]
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of the figures -->"
HEAD = "| work | ours | theirs | ratio | to reach | |\n|---|---:|---:|---:|---:|---|\n"


def main() -> None:
    """Run the groups that were asked for."""
    parser = argparse.ArgumentParser(description="Measure this package against others.")
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], default=[])
    parser.add_argument("--rounds", type=int, default=11, help="turns of everybody; the median counts")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/benchmarks.md")
    parser.add_argument("--rows", type=int, help="rows of the long CSV, on a machine that has others to serve")
    options = parser.parse_args()
    command_line.ROWS = options.rows or command_line.ROWS
    described = machine.describe()
    print(described)
    print(HEAD, end="", flush=True)
    lines = []
    for figure in _figures(options.groups or GROUPS, options.rounds):
        lines.append(_line(figure))
        print(lines[-1], flush=True)
    if options.write:
        when = datetime.now(UTC).date()
        _keep(f"{when}, medians of {options.rounds} rounds, on: {described}.\n\n{HEAD}" + "\n".join(lines))


def _figures(groups: list[str], rounds: int) -> Iterator[Figure]:
    for group in groups:
        yield from importlib.import_module(group).figures(rounds)


def _line(figure: Figure) -> str:
    word = "" if figure.reached else "**not reached**"
    return f"| {figure.work} | {figure.ours} | {figure.theirs} | {figure.ratio} | {figure.target} | {word} |"


def _keep(table: str) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


if __name__ == "__main__":
    main()
