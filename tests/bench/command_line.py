"""The command: its start, and a long CSV to the sink, held against pandas and polars that read it and push."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import sink
from measure import Figure, Target, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 10_000_000
#: Rows a second that the command has to reach, and MB above those of a CSV with one row.
RATE, MEMORY = 400_000, 64
COMMAND = [sys.executable, "-m", "powerbi_push"]
STARTS = {"powerbi-push --help": (["--help"], 100), "powerbi-push plan: a start": (["plan", "10000"], 150)}
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
    bare = _start([sys.executable, "-c", "pass"], rounds)
    for work, (arguments, most) in STARTS.items():
        took = _start([*COMMAND, *arguments], rounds)
        yield absolute(work, took * 1_000, "ms", most, f"{bare * 1_000:.1f} ms bare Python")
    with tempfile.TemporaryDirectory() as folder, sink.running() as url:
        yield from _files(Path(folder), url)


def _start(command: list[str], rounds: int) -> float:
    return median(_ran(command)[0] for _ in range(rounds + 1))


def _files(folder: Path, url: str) -> Iterator[Figure]:
    files = {count: _csv(folder / f"{count}.csv", count) for count in (1, ROWS)}
    schema = folder / "schema.json"
    schema.write_text(SCHEMA)

    def push(count: int) -> tuple[float, float]:
        rest = ["push", str(files[count]), sink.rows_url(url), "--schema", str(schema)]
        return _ran([*COMMAND, "--quiet", "--base-url", url, "--quotas", "none", *rest])

    (_, least), (seconds, most) = push(1), push(ROWS)
    rate = ROWS / seconds
    work = f"{ROWS:,} rows of a CSV by the command"
    yield Figure(f"{work}: rows a second", f"{rate:,.0f}", "", "", Target(RATE), Target(RATE).reached(rate))
    yield absolute(f"{work}: memory above that of one row", most - least, "MB", MEMORY)
    for name, program in OTHERS.items():
        took, held = _ran([sys.executable, "-c", TABLE + program, url, sink.DATASET_ID, str(files[ROWS])])
        ratio, target = took / seconds, Target(1)
        theirs = f"{took:.1f} s, {held:,.0f} MB {name}"
        ours = f"{seconds:.1f} s, {most:,.0f} MB"
        yield Figure(work, ours, theirs, f"{ratio:.2f} ×", target, target.reached(ratio))


def _csv(path: Path, count: int) -> Path:
    with path.open("w") as file:
        file.write("Id,At,Item,Price,Paid\n")
        for row in range(count):
            day, minute, paid = row % 28 + 1, row % 60, "true" if row % 2 else "false"
            file.write(f"{row},2026-01-{day:02}T10:{minute:02}:00,item {row % 1000},{row % 997}.{row % 97:02},{paid}\n")
    return path


def _ran(command: list[str]) -> tuple[float, float]:
    """How many seconds a process took, and how many MB it held at most."""
    where = {**os.environ, "POWERBI_PUSH_TOKEN": "opaque"}
    before = time.perf_counter()
    process = subprocess.Popen(command, env=where, stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - before, used.ru_maxrss / 1_000
