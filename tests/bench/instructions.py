"""Count the instructions that a row takes on its way into a body, by callgrind: other work on the machine changes none.

    python tests/bench/instructions.py [--store]

What is counted is the crate `counted`: the source of the road, built as the release is. It fails where a row takes over
5 % more than what is stored, and skips, saying why, what cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from counted_rows import KINDS, ROWS

ALLOWED = 1.05
HERE = Path(__file__).parent
STORED = HERE / "instructions.json"
CRATE = HERE / "counted"
TARGET = HERE.parents[1] / "target" / "counted"
MODULE = TARGET / "release" / "libcounted.so"

Counts = dict[str, dict[str, int]]
"""For each kind of rows: `ours`, the instructions in our own code, and `all`, with those of others on our behalf."""


def main() -> int:
    """Count, then store or compare; answers 1 where a row has become dearer."""
    parser = argparse.ArgumentParser(description="Count the instructions of a row.")
    parser.add_argument("--store", action="store_true", help="keep what was counted as the figures to hold to")
    store = parser.parse_args().store
    if why := _cannot():
        print(f"instructions: skipped: {why}")
        return 0
    here = _here()
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    for name in ("machine", "rustc"):
        if not store and stored[name] != here[name]:
            print(f"instructions: skipped: {name} is {here[name]}, the stored figures are for {stored[name]}")
            return 0
    _build()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        counts = dict(zip(KINDS, pool.map(_count, KINDS), strict=True))
    if store:
        STORED.write_text(json.dumps(here | {"instructions of a row": counts}, indent=4) + "\n", encoding="utf-8")
    same_python = store or stored["python"] == here["python"]
    return _compare(counts, counts if store else stored["instructions of a row"], same_python=same_python)


def _cannot() -> str | None:
    """Why nothing can be counted."""
    if platform.system() != "Linux":
        return "it is counted on Linux"
    if shutil.which("valgrind") is None:
        return "valgrind is not installed (Debian: apt-get install valgrind)"
    return None


def _here() -> dict[str, str]:
    """What the counts depend on besides our own source."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    python = f"{platform.python_version()}, {platform.python_compiler()}"
    return {"machine": platform.machine(), "rustc": rustc, "python": python}


def _build() -> None:
    """Build the module as the release is built, from the same versions of the same crates."""
    shutil.copyfile(HERE.parents[1] / "Cargo.lock", CRATE / "Cargo.lock")
    environment = {**os.environ, "PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    package = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    command = ["cargo", "rustc", "--lib", "--release", "--quiet", "--target-dir", str(TARGET)]
    command += ["--", *package["tool"]["maturin"]["rustc-args"]]
    subprocess.run(command, cwd=CRATE, env=environment, check=True)


def _count(kind: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=*counted_fill*", f"--callgrind-out-file={out}"]
        command += [sys.executable, str(HERE / "counted_rows.py"), str(MODULE), kind]
        # Where hashes differ from run to run, so do the walks of dicts.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        ended = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if ended.returncode != 0:
            raise RuntimeError(ended.stderr)
        return {name: round(count / ROWS) for name, count in _read(out.read_text()).items()}


def _read(profile: str) -> dict[str, int]:
    """The sums of a profile: lines of a place and a cost, in the object named last; `calls=` has another's below."""
    names: dict[str, str] = {}
    ours, total, is_call, in_ours = 0, 0, False, False
    for line in profile.splitlines():
        if found := re.match(r"c?ob=\((\d+)\)(?: (.+))?", line):
            number, name = found.groups()
            names[number] = name or names[number]
            if line.startswith("ob="):
                in_ours = names[number].endswith(MODULE.name)
        elif line.startswith("calls="):
            is_call = True
        elif found := re.match(r"[+*-]?\d* (\d+)$", line):
            cost = 0 if is_call else int(found.group(1))
            total, ours, is_call = total + cost, ours + (cost if in_ours else 0), False
    return {"ours": ours, "all": total}


def _compare(counts: Counts, stored: Counts, *, same_python: bool) -> int:
    """Print all figures beside the stored ones; answers 1 where one is too large.

    What Python did may become ours, as long as all of it becomes less.
    """
    failed = False
    names = ("ours", "all") if same_python else ("ours",)
    for kind, count in counts.items():
        before = stored.get(kind, count)
        fewer = same_python and count["all"] < before["all"]
        for name in names:
            ratio = count[name] / before[name]
            is_too_many = ratio > ALLOWED and not fewer
            failed |= is_too_many
            figures = f"{kind:24} {name:4} {count[name]:6}, stored {before[name]:6}: {ratio - 1:+.1%}"
            print(f"instructions: {figures}{'  TOO MANY' if is_too_many else ''}")
    if not same_python:
        print("instructions: all of them are not compared: the stored figures are for another Python")
    if failed:
        print("instructions: a row takes over 5 % more than before; where that is meant: make instructions STORE=yes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
