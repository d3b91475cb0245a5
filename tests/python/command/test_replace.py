"""`push --if-exists replace`: a file that is not what it claims to be leaves the table as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from command import Command
from powerbi_push import DatasetSchema, TableSchema
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEFORE = [{"A": 1, "B": "x"}]
EARLIER = '{"line": 7, "reason": "of an earlier run", "text": "x"}\n'
REJECTS = ("--rejects", "bad.ndjson")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        made = emulator.client().create_dataset(DatasetSchema("D", [TableSchema("T", {"A": int, "B": str})]))
        made.table("T").push(BEFORE)
        command = Command(emulator, tmp_path)
        command.write("schema.json", '{"A": "int", "B": "string"}')
        command.write("bad.ndjson", EARLIER)
        yield command


def replacing(*more: str, file: str = "q.csv") -> tuple[str, ...]:
    return ("push", file, "D/T", "--schema", "schema.json", "--if-exists", "replace", *more)


NO_COLUMN = "q.csv:1: column `Id` is not in table `T` (and 1 more)"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Id,Name\n", NO_COLUMN),
        ("Id,Name\n1,x\n", NO_COLUMN),
        ("A,C", "q.csv:1: column `C` is not in table `T`"),
        ("a,B\n", "q.csv:1: column `a` is not in table `T`; did you mean `A`?"),
        ("<html><body>moved</body></html>\n", "q.csv:1: is HTML or XML, not CSV"),
        ("moved permanently\n", "q.csv:1: column `moved permanently` is not in table `T`"),
    ],
)
def test_a_header_that_does_not_fit_leaves_the_table(command: Command, text: str, told: str) -> None:
    command.write("q.csv", text)
    ran = command(*replacing(*REJECTS))
    assert (ran.code, ran.err.splitlines()[0]) == (1, f"error: {told}")
    assert (command.emulator.rows("D/T"), (command.folder / "bad.ndjson").read_text()) == (BEFORE, EARLIER)


@pytest.mark.parametrize(
    "call",
    [
        replacing(),
        ("push", "q.csv", "D/T", "--schema", "schema.json"),
        (*replacing(), "--dry-run"),
        ("validate", "q.csv", "--schema", "schema.json", "--table", "T"),
    ],
)
def test_every_command_holds_the_header_against_the_schema(command: Command, call: tuple[str, ...]) -> None:
    command.write("q.csv", "Id,Name\n")
    ran = command(*call)
    assert (ran.code, ran.err.splitlines()[:2]) == (1, [f"error: {NO_COLUMN}", "hint: --schema has A, B"])
    assert command.emulator.rows("D/T") == BEFORE


def test_columns_that_may_be_ignored_are_no_error_unless_none_is_known(command: Command) -> None:
    ignoring = ("--unknown-columns", "ignore")
    command.write("q.csv", "Id,Name\n")
    ran = command(*replacing(*ignoring))
    assert (ran.code, ran.err.splitlines()[:2]) == (1, [f"error: {NO_COLUMN}", "hint: --schema has A, B"])
    assert command.emulator.rows("D/T") == BEFORE
    command.write("q.csv", "A,Name\n2,x\n")
    assert command(*replacing(*ignoring)).code == 0
    assert command.emulator.rows("D/T") == [{"A": 2}]


def test_the_hint_says_which_columns_there_are(command: Command) -> None:
    command.write("q.csv", "A,C\n")
    assert command(*replacing()).err.splitlines()[1] == (
        "hint: --schema has A, B; --unknown-columns ignore leaves others out"
    )


def test_a_stream_is_told_of_a_header_that_does_not_fit(command: Command) -> None:
    ran = command("push", "-", "D/T", "--follow", "--schema", "schema.json", *REJECTS, stdin=b"Id,Name\n1,x\n")
    assert (ran.code, ran.err.splitlines()[0]) == (1, f"error: {NO_COLUMN.replace('q.csv', 'stdin')}")


@pytest.mark.parametrize("rows", [[], [1]], ids=["empty", "rows"])
def test_columns_of_parquet_that_do_not_fit_leave_the_table(command: Command, rows: list[int]) -> None:
    parquet.write_table(pa.table({"C": pa.array(rows, pa.int64())}), command.folder / "q.parquet")
    ran = command(*replacing(*REJECTS, file="q.parquet"))
    assert (ran.code, ran.err.splitlines()[0]) == (1, "error: q.parquet: column `C` is not in table `T`")
    assert command.emulator.rows("D/T") == BEFORE


@pytest.mark.parametrize(("text", "more"), [("A,B\n", ()), ("B\n", REJECTS)])
def test_a_file_with_the_right_header_and_no_rows_empties_the_table(
    command: Command, text: str, more: tuple[str, ...]
) -> None:
    command.write("q.csv", text)
    assert command(*replacing(*more)).code == 0
    assert command.emulator.rows("D/T") == []


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        ("q.csv", "A,B\nx,y\n1\n,y,z\n", 3),
        ("q.ndjson", '{"A": "x"}\n5\n{broken\n', 3),
        ("q.json", '[{"A": "x"}, 5]', 2),
    ],
)
def test_where_every_row_is_rejected_nothing_is_deleted(command: Command, name: str, text: str, count: int) -> None:
    command.write(name, text)
    ran = command("--json", *replacing(*REJECTS, file=name))
    told = f"all {count:,} rows of {name} were rejected: the rows of the table stay"
    assert (ran.code, ran.json["error"]["message"], command.emulator.rows("D/T")) == (1, told, BEFORE)
    result = ran.json["result"]
    assert (result["read"], result["rejected"], result["deleted"]) == (count, count, False)
    entries = [json.loads(line) for line in (command.folder / "bad.ndjson").read_text().splitlines()]
    assert len({entry["line"] for entry in entries}) == (1 if name == "q.json" else count)
    assert "hint: they are in bad.ndjson, with lines and reasons\n" in ran.err


def test_where_no_line_is_a_row_nothing_is_deleted_without_a_schema_either(command: Command) -> None:
    command.write("q.ndjson", "broken\n")
    ran = command("push", "q.ndjson", "D/T", "--if-exists", "replace", *REJECTS)
    told = "error: the one row of q.ndjson was rejected: the rows of the table stay"
    assert (ran.code, ran.err.splitlines()[0], command.emulator.rows("D/T")) == (1, told, BEFORE)
    # Without --if-exists replace that is no failure: all others were confirmed.
    assert command("push", "q.ndjson", "D/T", *REJECTS).code == 0


@pytest.mark.parametrize("text", ["A,B\nx,y\n2,y\n", "A,B\n1\n2,y\n"])
def test_a_wrong_first_row_leaves_the_table_unless_rows_are_set_aside(command: Command, text: str) -> None:
    command.write("q.csv", text)
    assert command(*replacing()).code == 1
    assert command.emulator.rows("D/T") == BEFORE
    assert command(*replacing(*REJECTS)).code == 0
    assert command.emulator.rows("D/T") == [{"A": 2, "B": "y"}]


def test_rows_that_come_behind_many_rejected_ones_take_the_place_of_the_others(command: Command) -> None:
    # They are more than are read at once.
    command.write("q.csv", "A,B\n" + f"x,{'y' * 100}\n" * 6_000 + "2,y\n")
    ran = command("--json", *replacing(*REJECTS))
    assert (ran.code, ran.json["confirmed"], ran.json["rejected"]) == (0, 1, 6_000)
    assert (command.folder / "bad.ndjson").read_text().count("\n") == 6_000
    assert command.emulator.rows("D/T") == [{"A": 2, "B": "y"}]
