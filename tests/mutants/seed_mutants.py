"""Puts each mutant of the list into a copy of the tree, and sees whether the tests that it names turn red.

The copy and what is built from it are in `target/mutants`; the working tree is only read. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mutants import KINDS, LIST, ROOT, Mutant, problem, read

if TYPE_CHECKING:
    from collections.abc import Iterable

COPY = ROOT / "target" / "mutants"
TREE = COPY / "tree"
#: An environment that has what `.venv` has, and the copy in the place of the working tree.
VENV = COPY / "venv"
PYTHON = VENV / "bin" / "python"
MODULE = f"python/powerbi_push/_core{sysconfig.get_config_var('EXT_SUFFIX')}"

#: Seconds. A mutant may wait for ever, which is as good as a failure.
WATCHDOG = 60.0
#: Seconds. The first build makes everything anew.
BUILD = 3_600.0

#: Our own crate is built anew for each mutant: quickly, not well.
PROFILE = [
    word
    for setting in ("opt-level=0", "debug=0")
    for word in ("--config", f"profile.dev.package.powerbi-push.{setting}")
]
BUILDS = {
    "lib": ["cargo", "test", "--quiet", "--lib", "--no-run"],
    "core": ["cargo", "test", "--quiet", "--test", "core", "--no-run"],
    "conformance": ["cargo", "test", "--quiet", "--test", "conformance", "--no-run"],
    "python": ["cargo", "rustc", "--quiet", "--lib", "--crate-type", "cdylib", "--features", "python"],
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int | None
    """`None` where the watchdog ended it."""
    said: str


def run(command: list[str], patience: float) -> Ended:
    """Run a command in the copy, and whatever it starts, for no longer than `patience`."""
    version = f"cpython-{sysconfig.get_python_version()}-64bit"
    told = {
        "CARGO_TARGET_DIR": str(COPY / "build"),
        # What maturin tells pyo3's build scripts.
        "PYO3_PYTHON": str(PYTHON),
        "PYO3_BUILD_EXTENSION_MODULE": "1",
        "PYO3_ENVIRONMENT_SIGNATURE": version,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        command,
        cwd=TREE,
        env=os.environ | told,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        return Ended(None, said.decode(errors="replace"))
    return Ended(process.returncode, said.decode(errors="replace"))


def copy_tree() -> None:
    """Make the copy as the working tree is; what has not changed keeps its time, so that builds stay short."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    wanted = {TREE / name: ROOT / name for name in names if name and (ROOT / name).is_file()}
    for there in TREE.rglob("*"):
        if there.is_file() and there not in wanted:
            there.unlink()
    for there, here in wanted.items():
        content = here.read_bytes()
        if not there.is_file() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)


def make_venv() -> None:
    """Make the environment. Folders named in a `.pth` are not looked through for others: the working tree is out."""
    venv.create(VENV, clear=True, symlinks=True)
    places = {name: Path(sysconfig.get_path(name)).relative_to(sys.prefix) for name in ("purelib", "platlib")}
    lines = [str(TREE / "python"), *{str(ROOT / ".venv" / place) for place in places.values()}]
    (VENV / places["purelib"] / "copy.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def build(kind: str) -> Ended:
    """Build what tests of this kind run."""
    ended = run([*BUILDS[kind], *PROFILE], BUILD)
    if kind == "python" and ended.code == 0:
        # A new file, not the old one changed: that may still be open in a process.
        (TREE / MODULE).unlink(missing_ok=True)
        shutil.copyfile(COPY / "build" / "debug" / "libpowerbi_push.so", TREE / MODULE)
    return ended


def try_tests(kind: str, tests: Iterable[str], patience: float = WATCHDOG) -> Ended:
    """Run tests of one kind, each named in full."""
    if kind == "python":
        watched = ["-p", "no:cacheprovider", "--timeout=30", "--timeout-method=thread"]
        return run([str(PYTHON), "-m", "pytest", "-q", *watched, *tests], patience)
    command = [word for word in BUILDS[kind] if word not in {"--no-run", "--quiet"}]
    return run([*command, *PROFILE, "--", "--exact", "--nocapture", *tests], patience)


def is_skipped(ended: Ended) -> bool:
    """Whether a test says that it cannot run here."""
    return "skipped: " in ended.said or " skipped in " in ended.said


def check_whole(mutants: list[Mutant]) -> list[str]:
    """What is wrong before any mutant: tests that are red, or are not there."""
    wrong = []
    for kind in KINDS:
        tests = sorted({test for mutant in mutants for of, test in mutant.tests if of == kind})
        if not tests:
            continue
        ended = build(kind)
        if ended.code == 0:
            ended = try_tests(kind, tests, BUILD)
        counted = kind == "python" or f"{len(tests)} passed" in ended.said
        if ended.code != 0 or not counted:
            wrong.append(f"without any mutant, the tests of `{kind}` are not green:\n{ended.said}")
    return wrong


def verdict(mutant: Mutant) -> str:
    """What became of one mutant, whose tree is the copy."""
    red = []
    for kind, test in mutant.tests:
        built = build(kind)
        if built.code != 0:
            return f"BROKEN: it does not build\n{built.said}"
        ended = try_tests(kind, [test])
        if ended.code == 0:
            return f"not run: {test} skips here" if is_skipped(ended) else f"SURVIVED {test}"
        red.append(f"{test}{' (hangs)' if ended.code is None else ''}")
    return f"killed by {', '.join(red)}"


def seed(mutant: Mutant) -> str:
    """Put one mutant into the copy, see what becomes of it, and take it out again."""
    file = TREE / mutant.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(mutant.mutate(whole), encoding="utf-8")
    try:
        return verdict(mutant)
    finally:
        file.write_text(whole, encoding="utf-8")


def main() -> int:
    """Try the mutants whose names hold one of the words given, or all; answer 1 where one survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants with one of these words in their names")
    parser.add_argument(
        "--part", default="1/1", help="one of several parts, such as 2/3: every third, from the second on"
    )
    arguments = parser.parse_args()
    words, (part, parts) = arguments.words, map(int, arguments.part.split("/"))
    mutants = read(LIST.read_text(encoding="utf-8"))[part - 1 :: parts]
    mutants = [mutant for mutant in mutants if not words or any(word in mutant.name for word in words)]
    copy_tree()
    make_venv()
    wrong = [f"{mutant.name}: {why}" for mutant in mutants if (why := problem(mutant, TREE))]
    wrong = wrong or check_whole(mutants)
    if wrong:
        print("\n".join(wrong))
        return 1
    failed = 0
    for mutant in mutants:
        begun = time.monotonic()
        became = seed(mutant) if mutant.tests else f"explained: {mutant.why}"
        failed += became.startswith(("SURVIVED", "BROKEN"))
        print(f"{mutant.name:<60} {time.monotonic() - begun:5.1f} s  {became}", flush=True)
    print(f"{len(mutants)} mutants, {failed} of them not seen")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
