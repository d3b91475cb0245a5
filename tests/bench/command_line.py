"""The command: its start, and a long CSV to the sink, held against pandas and polars that read it and push."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sink
from measure import Figure, Target, Times, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 10_000_000
#: Rows a second that the command has to reach, and MB above those of a CSV with one row.
RATE, MEMORY = 400_000, 64
COMMAND = [sys.executable, "-m", "powerbi_push"]
#: 100 and 150 ms where bare Python takes 10 of them, as the processor counts: what else the machine does is left out.
STARTS = {"powerbi-push --help": (["--help"], 10), "powerbi-push plan: a start": (["plan", "10000"], 15)}
SCHEMA = '{"Id": "int", "At": "DateTime", "Item": "string", "Price": "float", "Paid": "bool"}'
TABLE = """
import sys, powerbi_push as pbi
schema = {"Id": int, "At": "DateTime", "Item": str, "Price": float, "Paid": bool}
table = pbi.Client("opaque", base_url=sys.argv[1], quotas=None).dataset(sys.argv[2]).table("Sales", schema)
"""
OTHERS = {
    "pandas.read_csv + push": "import pandas; table.push(pandas.read_csv(sys.argv[3], parse_dates=['At']))",
    "polars batches + push": """
import polars
for batch in polars.scan_csv(sys.argv[3], try_parse_dates=True).collect_batches():
    table.push(batch)
""",
}


def figures(rounds: int) -> Iterator[Figure]:
    """All figures of the command."""
    for work, (arguments, most) in STARTS.items():
        times = {"": [*COMMAND, *arguments], "bare Python": [sys.executable, "-c", "pass"]}
        yield _starts(times, rounds).figure(work, "bare Python", Target(most, at_most=True))
    with tempfile.TemporaryDirectory() as folder, sink.running() as url:
        yield from _files(Path(folder), url)


def _starts(commands: dict[str, list[str]], rounds: int) -> Times:
    """Processor time of whole processes, by turns, after one turn that does not count."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            took = _ran(command).processor
            if turn > 0:
                times[name].append(took)
    return Times(times)


def _files(folder: Path, url: str) -> Iterator[Figure]:
    files = {count: _csv(folder / f"{count}.csv", count) for count in (1, ROWS)}
    schema = folder / "schema.json"
    schema.write_text(SCHEMA)

    def push(count: int) -> Ran:
        rest = ["push", str(files[count]), sink.rows_url(url), "--schema", str(schema)]
        return _ran([*COMMAND, "--quiet", "--base-url", url, "--quotas", "none", *rest])

    least, long = push(1), push(ROWS)
    work = f"{ROWS:,} rows of a CSV by the command"
    for what, seconds in {"rows a second": long.seconds, "rows a second of processor": long.processor}.items():
        rate = ROWS / seconds
        yield Figure(f"{work}: {what}", f"{rate:,.0f}", "", "", Target(RATE), Target(RATE).reached(rate))
    yield absolute(f"{work}: memory above that of one row", long.memory - least.memory, "MB", MEMORY)
    for name, program in OTHERS.items():
        theirs = _ran([sys.executable, "-c", TABLE + program, url, sink.DATASET_ID, str(files[ROWS])])
        ratio, target = theirs.seconds / long.seconds, Target(1)
        yield Figure(work, f"{long}", f"{theirs} {name}", f"{ratio:.2f} ×", target, target.reached(ratio))


def _csv(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write("Id,At,Item,Price,Paid\n")
        for row in range(count):
            day, minute, paid = row % 28 + 1, row % 60, "true" if row % 2 else "false"
            file.write(f"{row},2026-01-{day:02}T10:{minute:02}:00,item {row % 1000},{row % 997}.{row % 97:02},{paid}\n")
    return path


@dataclass(frozen=True)
class Ran:
    """What a process took: seconds, those of the processor, and MB at most."""

    seconds: float
    processor: float
    memory: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.memory:,.0f} MB"


def _ran(command: list[str]) -> Ran:
    where = {**os.environ, "POWERBI_PUSH_TOKEN": "opaque"}
    before = time.perf_counter()
    process = subprocess.Popen(command, env=where, stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Ran(took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1_000)
