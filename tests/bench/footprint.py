"""What the package takes: time and memory of an import, memory of an endless source, the size of the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import sink
from measure import Figure, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

GENERATED = 10_000_000
IMPORTS = {"": "pass", "powerbi_push": "import powerbi_push", "requests": "import requests"}
# An interpreter that tells how much processor time it took from its start, and what memory it holds.
TELL = """
import time
took = time.process_time()
with open("/proc/self/status") as status:
    print(took, next(line.split()[1] for line in status if line.startswith("VmRSS")))
"""
GENERATE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import end_to_end
print(json.dumps(end_to_end.from_generator(sys.argv[2], int(sys.argv[3]))))
"""


def figures(rounds: int) -> Iterator[Figure]:
    """All figures of this kind."""
    seconds, memory = _imports(2 * rounds)
    compared = f"{seconds['requests'] * 1_000:.1f} ms requests"
    yield absolute("import, above bare Python: time", seconds["powerbi_push"] * 1_000, "ms", 12, compared)
    yield absolute(
        "import, above bare Python: memory", memory["powerbi_push"], "MB", 6, f"{memory['requests']:.1f} MB requests"
    )
    with sink.running() as url:
        command = [sys.executable, "-c", GENERATE, str(Path(__file__).parent), url, str(GENERATED)]
        grown, took = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    yield absolute(f"{GENERATED:,} rows from a generator in {took:.0f} s: memory above the start", grown, "MB", 48)
    for wheel in sorted(Path("dist").glob("*.whl")):
        yield absolute("the wheel", wheel.stat().st_size / 1e6, "MB", 5)


def _imports(rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the processor and MB above bare Python, by turns, after one turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    memory: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for turn in range(rounds + 1):
        for name, statement in IMPORTS.items():
            command = [sys.executable, "-I", "-c", statement + TELL]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            if turn > 0:
                seconds[name].append(float(told[0]))
                memory[name].append(float(told[1]) / 1_000)
    return _above(seconds), _above(memory)


def _above(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: median(values[name]) - median(values[""]) for name in values}
