"""The list of mutants: faults that are put into the source on purpose, and the tests that must see them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.toml")

#: What can name tests, and where such tests are: Rust's in the source, of the core and of every sink, and pytest's.
KINDS = ("lib", "core", "conformance", "python")


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    lib: tuple[str, ...] = ()
    core: tuple[str, ...] = ()
    conformance: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    why: str = ""
    """Why no test can see it, where that is so."""

    @property
    def tests(self) -> list[tuple[str, str]]:
        """The tests that must turn red, each with its kind."""
        return [(kind, test) for kind in KINDS for test in getattr(self, kind)]

    def mutate(self, text: str) -> str:
        """The text of its file with the fault in it."""
        return text.replace(self.old, self.new)


def read(text: str) -> list[Mutant]:
    """The mutants of a list in TOML.

    Raises:
        ValueError: An entry has a key that means nothing, or lacks one.
    """
    return [entry(each) for each in tomllib.loads(text).get("mutant", [])]


def entry(given: dict[str, Any]) -> Mutant:
    """One mutant."""
    unknown = given.keys() - {field.name for field in fields(Mutant)}
    missing = {"name", "file", "old", "new"} - given.keys()
    if unknown or missing:
        raise ValueError(f"`{given.get('name')}`: unknown {sorted(unknown)}, missing {sorted(missing)}")
    told: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return Mutant(**told)


def problem(mutant: Mutant, root: Path = ROOT) -> str | None:
    """What is wrong with an entry of the list; `None` where it fits the tree at `root`."""
    file = root / mutant.file
    found = file.read_text(encoding="utf-8").count(mutant.old) if file.is_file() and mutant.old else 0
    if found != 1:
        return f"its old text occurs {found} times in {mutant.file}"
    if mutant.old == mutant.new:
        return "it changes nothing"
    if bool(mutant.tests) == bool(mutant.why):
        return "it needs tests that turn red, or a reason why there are none"
    missing = [test for kind, test in mutant.tests if not is_there(kind, test, root)]
    return f"there is no test {missing[0]}" if missing else None


def is_there(kind: str, test: str, root: Path = ROOT) -> bool:
    """Whether a test of this name is in the tree."""
    path, _, name = test.rpartition("::")
    if kind == "python":
        name, files = name.partition("[")[0], [root / path]
    else:
        rooms = path.split("::")
        folder, rooms = (root / "src", rooms[:-1]) if kind == "lib" else (root / "tests" / kind, rooms)
        files = [folder.joinpath(*rooms).with_suffix(".rs"), folder.joinpath(*rooms, "tests.rs")]
    return any(file.is_file() and f" {name}(" in file.read_text(encoding="utf-8") for file in files)
