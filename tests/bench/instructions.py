"""Count the instructions that a row costs, by callgrind: a number that other work on the machine does not change.

    python tests/bench/instructions.py [--store]

Each case runs twice, once with more rows, so that what remains is the rows' own. It fails where one takes over 5 % more
than what is stored, and skips, saying why, where the figures cannot be compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FEW, MORE = 1_000, 3_000
ALLOWED = 1.05
STORED = Path(__file__).with_suffix(".json")
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import data
rows = data.sales(int(sys.argv[2]))
for body in data.SALES.payloads(rows[:int(sys.argv[3])], check="batch"):
    pass
"""


def main() -> int:
    """Count, then store or compare; answers 1 where a row has become dearer."""
    parser = argparse.ArgumentParser(description="Count the instructions of a row.")
    parser.add_argument("--store", action="store_true", help="keep what was counted as the figure to hold to")
    store = parser.parse_args().store
    here = _here()
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    if why := _cannot(here, {} if store else stored):
        print(f"instructions: skipped: {why}")
        return 0
    counted = round((_count(MORE) - _count(FEW)) / (MORE - FEW))
    if store:
        STORED.write_text(json.dumps(here | {"instructions of a row": counted}, indent=4) + "\n")
        print(f"instructions: {counted} for a row, stored")
        return 0
    before = stored["instructions of a row"]
    print(f"instructions: {counted} for a row, stored are {before}: {counted / before - 1:+.1%}")
    return 0 if counted <= before * ALLOWED else 1


def _here() -> dict[str, str]:
    """What the count depends on besides our own source."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return {"machine": platform.machine(), "rustc": rustc, "python": platform.python_version(), "profile": "dev"}


def _cannot(here: dict[str, str], stored: dict[str, str]) -> str | None:
    """Why there is nothing to compare."""
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    if importlib.util.find_spec("powerbi_push") is None:
        return "powerbi_push is not built: make develop"
    differing = [
        f"{name} {here[name]} instead of {stored[name]}" for name in here if stored and stored[name] != here[name]
    ]
    return f"the stored figure is for another build: {', '.join(differing)}" if differing else None


def _count(rows: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-c", PROGRAM]
        command += [str(Path(__file__).parent), str(MORE), str(rows)]
        # Where hashes differ from run to run, so do the walks of dicts.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        totals = next(line for line in out.read_text().splitlines() if line.startswith("totals:"))
    return int(totals.split()[1])


if __name__ == "__main__":
    sys.exit(main())
