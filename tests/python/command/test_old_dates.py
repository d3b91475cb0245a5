"""The warning about dates before 1900 comes once, and names the line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from command import Command
from powerbi_push import DatasetSchema, TableSchema
from powerbi_push.cli.dates import old_dates
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "A,Z\n1,2020-01-01\nx,1700-01-01\n2,1800-01-01\n3,1801-01-01\n"
SCHEMA = ("--schema", "schema.json")
FILE = ("a.csv", "D/T", *SCHEMA)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    types = {"A": "Int64", "Z": "DateTime"}
    with Emulator() as emulator:
        emulator.client().create_dataset(DatasetSchema("D", [TableSchema("T", types)]))
        command = Command(emulator, tmp_path)
        command.write("schema.json", '{"A": "Int64", "Z": "DateTime"}')
        command.write("a.csv", TEXT)
        command.write("well.csv", TEXT.replace("x", "7"))
        yield command


@pytest.mark.parametrize(
    ("call", "place"),
    [
        (("push", *FILE, "--rejects", "bad.ndjson"), ", first on line 4"),
        (("push", *FILE), ", first on line 3"),
        (("push", "well.csv", "D/T", *SCHEMA, "--dry-run"), ", first on line 3"),
        (("validate", "a.csv", *SCHEMA), ", first on line 3"),
        (("plan", "well.csv", *SCHEMA), ", first on line 3"),
        (("push", "-", "D/T", *SCHEMA, "--follow", "--rejects", "bad.ndjson"), ""),
    ],
    ids=["rejects", "push", "rehearsal", "validate", "plan", "follow"],
)
def test_dates_before_1900_are_told_once_and_with_their_line(
    command: Command, call: tuple[str, ...], place: str
) -> None:
    ran = command(*call, stdin=TEXT.encode() if "--follow" in call else b"")
    warnings = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    told = f"warning: column `Z` has dates before 1900{place}: they are sent as they are, but DAX counts from 1900 on"
    assert warnings == [told], ran.err


def test_what_else_is_told_passes_as_it_is() -> None:
    with old_dates(None) as dates:
        for _ in range(2):
            record = logging.makeLogRecord({"msg": "%s", "args": ("waiting, first in row 3",)})
            assert (dates.filter(record), record.getMessage()) == (True, "waiting, first in row 3")
        assert dates in logging.getLogger("powerbi_push").filters
    assert dates not in logging.getLogger("powerbi_push").filters
