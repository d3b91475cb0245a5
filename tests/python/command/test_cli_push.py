"""`powerbi-push push` as a process: files of every kind arrive, and the account is right."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from command import Command
from powerbi_push import DatasetSchema, TableSchema
from powerbi_push.documentation import SITE
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CSV = "Id,Item,Price,Paid,At\n1,tea,2.5,true,2026-01-02\n2,milk,,false,2026-01-03T10:00:00\n"
ROWS = [
    {"Id": 1, "Item": "tea", "Price": 2.5, "Paid": True, "At": datetime(2026, 1, 2)},
    {"Id": 2, "Item": "milk", "Price": None, "Paid": False, "At": datetime(2026, 1, 3, 10)},
]
PREVIEW = """\
types read off all 2 rows of orders.csv (--schema FILE says others):
  Id     Int64
  Item   String
  Price  Double
  Paid   Boolean
  At     DateTime
"""
OBJECTS = [{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]

CURE = "; a number is digits, sign and point alone, and None is a missing value"


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        yield Command(emulator, tmp_path)


def arrived(command: Command, target: str = "Sales/Orders") -> list[dict[str, Any]]:
    return command.emulator.rows(target)


def test_a_csv_arrives_with_the_types_that_it_means(command: Command) -> None:
    command.write("orders.csv", CSV)
    ran = command("push", "orders.csv", "Sales/Orders", "--create")
    seconds = ran.err.removeprefix(PREVIEW).split(" in ")[1]
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"{PREVIEW}2 rows read: 2 confirmed; 1 request in {seconds}"
    assert arrived(command) == ROWS


def test_json_gives_the_account_as_one_document(command: Command) -> None:
    command.write("orders.csv", CSV)
    told = command("--json", "--quiet", "push", "orders.csv", "Sales", "--table", "Orders", "--create")
    assert (told.code, told.err) == (0, "")
    for varying in ("elapsed_seconds", "waited_seconds", "bytes_sent"):
        assert told.json[varying] >= 0
    assert {name: told.json[name] for name in ("ok", "read", "confirmed", "unsent", "requests", "ranges")} == {
        "ok": True,
        "read": 2,
        "confirmed": 2,
        "unsent": 0,
        "requests": 1,
        "ranges": [{"start": 0, "stop": 2, "state": "confirmed"}],
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("orders.ndjson", "\n".join(map(json.dumps, OBJECTS))),
        ("orders.jsonl", "\r\n\r\n".join(map(json.dumps, OBJECTS)) + "\r\n"),
        ("orders.json", json.dumps(OBJECTS, indent=2)),
        ("rows.json", json.dumps({"rows": OBJECTS})),
        ("orders.csv.gz", gzip.compress(b"Id,Item\n1,tea\n2,milk\n", mtime=0)),
        ("orders.json.gz", gzip.compress(json.dumps(OBJECTS).encode(), mtime=0)),
        ("bom.csv", b"\xef\xbb\xbfId,Item\r\n1,tea\r\n\r\n2,milk"),
        ("excel.csv", "Id,Item\n1,tea\n2,milk\n".encode("utf-16")),
        ("orders.tsv", "Id\tItem\n1\ttea\n2\tmilk\n"),
    ],
)
def test_every_kind_of_file_is_read(command: Command, name: str, content: str | bytes) -> None:
    command.write(name, content)
    ran = command("push", name, "Sales/Orders", "--create")
    assert (ran.code, arrived(command)) == (0, OBJECTS), ran.err


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_is_read(command: Command, packed: bool) -> None:  # noqa: FBT001 - pytest's way
    path = command.folder / "orders.parquet"
    parquet.write_table(pa.table({"Id": [1, 2], "Item": ["tea", "milk"]}), path, row_group_size=1)
    if packed:
        command.write("orders.parquet.gz", gzip.compress(path.read_bytes()))
    ran = command("push", f"orders.parquet{'.gz' * packed}", "Sales/Orders", "--create")
    assert (ran.code, arrived(command)) == (0, OBJECTS), ran.err


@pytest.mark.parametrize(
    "given",
    [
        b"Id,Item\n1,tea\n2,milk\n",
        b'{"Id": 1, "Item": "tea"}\n{"Id": 2, "Item": "milk"}',
        b'[{"Id": 1, "Item": "tea"}, {"Id": 2, "Item": "milk"}]',
        gzip.compress(b"Id,Item\n1,tea\n2,milk\n"),
    ],
    ids=["csv", "ndjson", "json", "gzip"],
)
def test_stdin_is_what_its_first_bytes_say(command: Command, given: bytes) -> None:
    ran = command("push", "-", "Sales/Orders", "--create", stdin=given)
    assert (ran.code, arrived(command)) == (0, OBJECTS), ran.err
    assert ran.err.startswith("types read off the first 10,000 rows of stdin")


def test_parquet_on_stdin_is_read(command: Command) -> None:
    path = command.folder / "orders.parquet"
    parquet.write_table(pa.table({"Id": [1, 2], "Item": ["tea", "milk"]}), path)
    ran = command("push", "-", "Sales/Orders", "--create", stdin=path.read_bytes())
    assert (ran.code, arrived(command)) == (0, OBJECTS), ran.err


def test_what_stdin_brings_behind_the_first_rows_must_fit_the_types_of_those(command: Command) -> None:
    many = "".join(f"{number}\n" for number in range(10_000))
    ran = command("push", "-", "Sales/Orders", "--create", stdin=f"Id\n{many}x\n".encode())
    assert ran.code == 1
    assert "error: stdin:10002: column `Id` holds text that does not read as Int64: `'x'`" + CURE + "\n" in ran.err
    assert ran.err.endswith(
        "hint: --rejects FILE sets such rows aside and goes on; `powerbi-push validate` finds all of them; "
        "the dataset `Sales` has been made all the same, its table `Orders` with Id Int64; "
        "line 10,002 is the first that is not confirmed\n"
        f"more: {SITE}troubleshooting/#wrong_type\n"
        f"sent: 10,001 rows read: 10,000 confirmed, 1 rejected; 1 request in {ran.err.split(' in ')[-1]}"
    )
    assert len(arrived(command)) == 10_000


def test_a_schema_file_says_the_types_and_a_written_one_is_one(command: Command) -> None:
    command.write("orders.csv", "Id,Zip\n1,12345\n")
    written = command("schema", "orders.csv", "--table", "Orders")
    command.write("schema.json", written.out.replace('"Int64"', '"String"'))
    ran = command("push", "orders.csv", "Sales/Orders", "--create", "--schema", "schema.json")
    assert ran.err.startswith("1 row read")
    assert arrived(command) == [{"Id": "1", "Zip": "12345"}]
    command.write("columns.json", '{"Id": "int", "Zip": "string"}')
    assert command("push", "orders.csv", "More/Orders", "--create", "--schema", "columns.json").code == 0
    assert arrived(command, "More/Orders") == [{"Id": 1, "Zip": "12345"}]


def test_replace_deletes_the_rows_first(command: Command) -> None:
    command.write("orders.csv", CSV)
    for _ in range(2):
        assert command("push", "orders.csv", "Sales/Orders", "--create", "--if-exists", "replace").code == 0
    assert arrived(command) == ROWS


def test_bad_rows_are_set_aside_with_their_lines_and_the_others_arrive(command: Command) -> None:
    command.write("schema.json", '{"Id": "int", "Note": "string"}')
    command.write("bad.csv", 'Id,Note\n1,"two\nlines"\nx,a\n\n2\n3,b\n\xff4,c\n'.encode("latin-1"))
    ran = command("push", "bad.csv", "S/T", "--create", "--schema", "schema.json", "--rejects", "bad.ndjson")
    assert (ran.code, arrived(command, "S/T")) == (0, [{"Id": 1, "Note": "two\nlines"}, {"Id": 3, "Note": "b"}])
    assert ran.err.splitlines()[1:] == ["the rejected rows are in bad.ndjson, with their lines and reasons"]
    assert ran.err.startswith("5 rows read: 2 confirmed, 3 rejected; 1 request in ")
    entries = [json.loads(line) for line in (command.folder / "bad.ndjson").read_text().splitlines()]
    entries.sort(key=lambda entry: entry["line"])
    assert [(entry["line"], entry.get("row", entry.get("text"))) for entry in entries] == [
        (4, {"Id": "x", "Note": "a"}),
        (6, ["2"]),
        (8, {"Id": "\\xff4", "Note": "c"}),
    ]
    assert entries[0]["reason"] == "column `Id` holds text that does not read as Int64: `'x'`" + CURE
    assert entries[1]["reason"] == "1 cell where the header has 2"
    assert (command.folder / "bad.ndjson").stat().st_mode & 0o777 == 0o600


def test_rows_that_the_service_refuses_are_among_the_rejects(command: Command) -> None:
    client = command.emulator.client()
    client.create_dataset(DatasetSchema("Sales", [TableSchema("Orders", {"Id": int})]))
    command.write("orders.ndjson", '{"Id": 1}\n\n{"Id": 2.5}\n{"Id": 4}\n')
    ran = command("--json", "push", "orders.ndjson", "Sales/Orders", "--rejects", "bad.ndjson")
    assert (ran.code, sorted(row["Id"] for row in arrived(command))) == (0, [1, 4]), ran.err
    assert (ran.json["ok"], ran.json["read"], ran.json["rejected"], ran.json["rejects"]) == (True, 3, 1, "bad.ndjson")
    (entry,) = map(json.loads, (command.folder / "bad.ndjson").read_text().splitlines())
    assert (entry["line"], entry["code"]) == (3, "refused")


def test_a_line_with_a_key_twice_is_set_aside_and_colons_in_texts_are_none(command: Command) -> None:
    well = '{"Id": 1, "At": "2026-01-02T10:00:00", "Item": "a\\": b"}'
    command.write("orders.ndjson", f'{well}\n{{"Id": 2, "Item": "tea", "Item": "milk"}}\n{well}\n')
    ran = command("push", "orders.ndjson", "Sales/Orders", "--create", "--rejects", "bad.ndjson")
    assert (ran.code, [row["Item"] for row in arrived(command)]) == (0, ['a": b'] * 2), ran.err
    (entry,) = map(json.loads, (command.folder / "bad.ndjson").read_text().splitlines())
    assert entry == {
        "line": 2,
        "reason": "has the key 'Item' twice",
        "text": '{"Id": 2, "Item": "tea", "Item": "milk"}',
    }


def test_one_broken_line_among_many_is_named(command: Command) -> None:
    lines = [json.dumps({"Id": number}) for number in range(30_000)]
    lines[25_000] = '{"Id": 25000'
    command.write("orders.ndjson", "\n".join(lines))
    command.write("schema.json", '{"Id": "int"}')
    ran = command("push", "orders.ndjson", "Sales/Orders", "--create", "--schema", "schema.json")
    assert ran.code == 1
    assert ran.err.startswith("error: orders.ndjson:25001: is not JSON: Expecting ',' delimiter at character 13\n")
    assert {row["Id"] for row in arrived(command)} <= set(range(25_000))
    assert len(arrived(command)) >= 20_000


def test_a_rehearsal_lists_what_is_wrong_or_plans_and_sends_nothing(command: Command) -> None:
    command.write("orders.csv", CSV)
    command.write("schema.json", '{"Id": "int", "Item": "int", "Price": "float", "Paid": "bool", "At": "DateTime"}')
    well = command("--json", "push", "orders.csv", "Sales/Orders", "--dry-run")
    assert (well.code, well.json["ok"], well.json["row_count"], well.json["plan"]["requests"]) == (0, True, 2, 1)
    wrong = command("push", "orders.csv", "Sales/Orders", "--dry-run", "--schema", "schema.json")
    assert (wrong.code, wrong.err) == (1, "2 rows checked: 2 problems\n")
    assert wrong.out == (
        "orders.csv:2: column `Item` holds text that does not read as Int64: `'tea'`" + CURE + "\n"
        "orders.csv:3: column `Item` holds text that does not read as Int64: `'milk'`" + CURE + "\n"
    )
    assert command.emulator.requests == []


def test_a_push_url_comes_from_a_file_or_the_environment_and_is_no_argument(command: Command) -> None:
    url = command.emulator.streaming_dataset("Sensors", {"Id": "Number"})
    key = url.partition("?")[2]
    command.write("orders.csv", "Id\n1\n")
    command.write("url.txt", f"{url}\n")
    assert command("push", "orders.csv", "@url.txt").code == 0
    assert command("push", "orders.csv", where={"POWERBI_PUSH_URL": url}).code == 0
    refused = command("push", "orders.csv", url)
    assert (refused.code, key in refused.err) == (2, False)
    assert "a push URL is a secret, and every user of this machine can read arguments" in refused.err
    assert command("push", "orders.csv", url, "--allow-url-in-argv").code == 0
    assert len(command.emulator.rows("Sensors/RealTimeData")) == 3


def test_a_date_with_a_zone_is_sent_as_utc(command: Command) -> None:
    command.write("at.ndjson", '{"At": "2026-01-02T10:00:00+02:00"}\n')
    command.write("schema.json", '{"At": "DateTime"}')
    assert command("push", "at.ndjson", "S/T", "--create", "--schema", "schema.json").code == 0
    assert arrived(command, "S/T") == [{"At": datetime(2026, 1, 2, 8, tzinfo=UTC)}]
