"""What the command says of files that are broken, of disks that are full and of calls that are wrong."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from command import PROGRAM, Command
from powerbi_push import DatasetSchema
from powerbi_push.documentation import SITE
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = b"Id,Item\n" + b"".join(b"%d,tea\n" % number for number in range(50_000))


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        yield Command(emulator, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "Id,Item\n1,tea\n2\n", "a.csv:3: 1 cell where the header has 2"),
        ("a.csv", "Id,Id\n1,2\n", "a.csv:1: the header has `Id` twice"),
        ("a.csv", "Id,\n1,2\n", "a.csv:1: column 2 of the header has no name"),
        ("a.csv", "", "a.csv: is empty: there is no header"),
        ("a.csv", "Id;Item\n1;2\n", "a.csv:1: the header is one single name that holds semicolons"),
        ("a.csv", 'Id,Item\n1,"tea\n2,milk\n', "a.csv:2: a quote is opened that is never closed"),
        ("a.csv", 'Id,"It"em\n1,tea\n', "a.csv:1: a quote stands where none may: ',' expected after '\"'"),
        ("a.csv", b"PAR1" + bytes(20), "a.csv: is Parquet, not CSV"),
        ("a.csv", b"PK\x03\x04" + bytes(20), "a.csv: is a zip archive, such as a workbook of Excel, not CSV"),
        ("a.csv", "Id\n1\n".encode("utf-16-le"), "a.csv: holds zero bytes and is no text, not CSV"),
        ("a.csv", '{"Id": 1}\n', "a.csv: is JSON, not CSV"),
        ("a.csv", '[{"Id":1},\n{"Id":2}]', "a.csv: is JSON, not CSV"),
        ("a.csv", '[\n {"Id": 1}\n]', "a.csv: is JSON, not CSV"),
        ("a.csv", "Größe\n1\n".encode("latin-1"), "a.csv:1: is no UTF-8"),
        ("a.ndjson", '{"Id": 1}\n{"Id": }\n', "a.ndjson:2: is not JSON: Expecting value at character 8"),
        ("a.csv", "Id,Item\n1,tea\n2,Grüße\n".encode("latin-1"), "a.csv:3: is no UTF-8"),
        ("a.ndjson", '{"Id": 1}\n{"Id": 2, "Item": "Grüße"}\n'.encode("latin-1"), "a.ndjson:2: is no UTF-8"),
        ("a.ndjson", '{"Id": 1}\n{"Id": 2, "Id": 3}\n', "a.ndjson:2: has the key 'Id' twice"),
        ("a.ndjson", '{"Id": 1, "At" :"10:00", "At":""}', "a.ndjson:1: has the key 'At' twice"),
        ("a.json", '[{"Id": 1},\n{"Id": 2,\n"Id": 3}]', "a.json:2: has the key 'Id' twice"),
        ("a.ndjson", "Id,Item\n1,tea\n", "a.ndjson:1: is not JSON: Expecting value at character 1"),
        ("a.json", "Id,Item\n1,tea\n", "a.json: is no JSON array of objects"),
        ("a.ndjson", "[1]", "a.ndjson: is a JSON array, not one object a line"),
        ("a.json", '[{"Id": 1},\n{"Id": 2}\n', "a.json:3: the array has no end"),
        ("a.json", '[{"Id": 1},\n{"Id": 2]', "a.json:2: is not JSON: Expecting ',' delimiter at character 9"),
        ("a.json", '[{"Id": 1}] 2', "a.json:1: something follows behind the array"),
        ("a.json", '[{"Id": 1},\n{"Id": 2},\n]', "a.json:3: is not JSON: the array ends behind a comma"),
        ("a.csv", b"Id,Item\n1,\0\n", "a.csv: holds zero bytes and is no text, not CSV"),
        (
            "a.csv",
            b"Id,Item\n" + b"1,tea\n" * 9_000 + b"2,\0\n",
            "a.csv:9002: holds zero bytes and is no text, not CSV",
        ),
        ("a.json", '{"Id": 1}\n{"Id": 2}\n', "a.json: is no array of objects"),
        ("a.json", "", "a.json: is empty: there is no array"),
        ("a.parquet", "Id\n1\n", "a.parquet: is not Parquet"),
        ("a.parquet", b"PAR1" + bytes(40), "a.parquet: the Parquet file is damaged: Parquet magic bytes not found"),
        ("a.csv.gz", "Id\n1\n", "a.csv.gz: is not gzip, though its name says so"),
        ("a.xlsx", "", "`a.xlsx` does not end in one of .csv, .tsv"),
    ],
)
def test_a_broken_file_is_named_with_its_line(command: Command, name: str, content: str | bytes, told: str) -> None:
    command.write(name, content)
    ran = command("push", name, "Sales/Orders", "--create")
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert errors[0].startswith(f"error: {told}"), ran.err
    assert ran.code == (2 if name == "a.xlsx" else 1)
    assert name == "a.xlsx" or (ran.err.splitlines()[-1].startswith("sent: "), "confirmed" in ran.err) == (True, False)
    assert "Traceback" not in ran.err


def test_another_encoding_on_stdin_is_told_with_its_line(command: Command) -> None:
    ran = command("push", "-", "Sales/Orders", "--create", stdin="Id,Item\n1,tea\n2,Grüße\n".encode("latin-1"))
    assert ran.err.splitlines() == [
        "error: stdin:3: is no UTF-8",
        "hint: --encoding cp1252 reads what Windows writes in the West",
        "sent: nothing",
    ]


@pytest.mark.parametrize(("name", "content"), [("a.csv", "Id\n"), ("a.ndjson", ""), ("a.json", "[]")])
def test_a_file_without_rows_is_no_error(command: Command, name: str, content: str) -> None:
    command.emulator.client().create_dataset(DatasetSchema("S", {"T": {"Id": int}}))
    command.write(name, content)
    assert command("--json", "push", name, "S/T", "--create").json["read"] == 0
    assert command.emulator.rows("S/T") == []


def test_where_there_are_no_rows_each_command_knows_what_to_do(command: Command) -> None:
    command.emulator.client().create_dataset(DatasetSchema("S", {"T": {"Id": int}}))
    command.write("a.csv", "Id\n")
    assert command("push", "a.csv", "S/T", "--rejects", "rejects").err.startswith("0 rows read: nothing to send;")
    assert command("push", "a.csv", "S/T", "--dry-run").err == "0 rows checked: no problems\n"
    assert command("plan", "a.csv").out.startswith("0 rows in 0 requests")
    nowhere = command("push", "a.csv", "Other/T", "--create")
    assert (nowhere.code, nowhere.err.splitlines()[1]) == (1, "hint: --schema FILE names the columns")
    assert command("schema", "a.csv").err == "error: a.csv: there are no rows to read types off\n"


def test_a_byte_order_mark_is_no_error(command: Command) -> None:
    for name, content in (("a.csv", "Id,Item\n1,Grüße\n"), ("a.ndjson", '{"Id": 1, "Item": "Grüße"}\n')):
        for encoding in ("utf-8-sig", "utf-16", "utf-32"):
            command.write(name, content.encode(encoding))
            ran = command("push", name, "S/T", "--create", "--if-exists", "replace")
            assert (ran.code, command.emulator.rows("S/T")) == (0, [{"Id": 1, "Item": "Grüße"}]), ran.err


def test_a_gzip_that_is_cut_off_says_what_was_sent(command: Command) -> None:
    command.write("a.csv.gz", gzip.compress(ALL)[:-2000])
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    ran = command("push", "a.csv.gz", "Sales/Orders", "--create", "--schema", "schema.json")
    first, hint, sent = ran.err.splitlines()
    line = int(first.split(":")[2])
    assert first == f"error: a.csv.gz:{line}: the gzip file ends in the middle: it is cut off"
    there = len(command.emulator.rows("Sales/Orders"))
    made = "the dataset `Sales` has been made all the same, its table `Orders` with Id Int64, Item String"
    assert hint == f"hint: fetch it again; {made}; line {there + 2:,} is the first that is not confirmed"
    assert sent.startswith(f"sent: {line - 2:,} rows read: {there:,} confirmed, {line - 2 - there:,} unsent;")
    assert there >= 10_000


def test_a_column_of_lists_is_named(command: Command) -> None:
    parquet.write_table(pa.table({"Id": [1], "Tags": [["a"]]}), command.folder / "a.parquet")
    ran = command("push", "a.parquet", "Sales/Orders", "--create")
    assert (ran.code, "`Tags`" in ran.err, "Traceback" in ran.err) == (1, True, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_for_rejects_ends_the_push_and_says_so(command: Command) -> None:
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    command.write("a.csv", ALL + b"x,y\n")
    ran = command("push", "a.csv", "S/T", "--create", "--schema", "schema.json", "--rejects", "/dev/full")
    assert ran.code == 1
    assert ran.err.splitlines()[0] == "error: /dev/full: No space left on device"
    there = len(command.emulator.rows("S/T"))
    assert f" {there:,} confirmed" in ran.err.splitlines()[-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_for_rejects_before_the_first_request_says_that_nothing_was_sent(command: Command) -> None:
    command.write("schema.json", '{"Id": "int"}')
    command.write("a.csv", "Id\nx\n1\n")
    ran = command("push", "a.csv", "S/T", "--create", "--schema", "schema.json", "--rejects", "/dev/full")
    assert (ran.code, ran.err.splitlines()) == (1, ["error: /dev/full: No space left on device", "sent: nothing"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_for_data_is_an_error_and_one_for_the_log_is_none(command: Command) -> None:
    command.write("a.csv", "Id\n1\n")
    with Path("/dev/full").open("w") as full:
        run = partial(subprocess.run, cwd=command.folder, env=command.environment, timeout=50, check=False)
        data = run([*PROGRAM, "plan", "1"], stdout=full, stderr=subprocess.PIPE, text=True)
        assert (data.returncode, data.stderr) == (1, "error: stdout: No space left on device\n")
        log = run([*PROGRAM, "push", "a.csv", "S/T", "--create"], stderr=full)
    assert (log.returncode, command.emulator.rows("S/T")) == (0, [{"Id": 1}])


def test_streams_that_are_closed_are_named(command: Command) -> None:
    program = f'exec "{sys.executable}" -m powerbi_push'
    command.emulator.client().create_dataset(DatasetSchema("S", {"T": {"Id": int}}))
    closed = "stdin: is closed"
    for rest, told in (
        ("plan 1 >&-", "stdout: Bad file descriptor"),
        ("push - S/T <&-", closed),
        ("push - S/T --follow <&-", closed),
    ):
        ran = subprocess.run(
            ["/bin/sh", "-c", f"{program} {rest}"],
            stderr=subprocess.PIPE,
            env=command.environment,
            text=True,
            timeout=50,
            check=False,
        )
        assert (ran.returncode, ran.stderr.splitlines()[0]) == (1, f"error: {told}")


@pytest.mark.parametrize(
    "call",
    [
        ("push", "{}", "S/T"),
        ("plan", "{}"),
        ("push", "a.csv", "{}"),
        ("doctor", "{}"),
        ("push", "a.csv", "S/T", "--schema", "{}"),
        ("push", "a.csv", "S/T", "--rejects", "{}"),
        ("outbox", "status", "{}"),
    ],
)
def test_a_url_in_the_arguments_is_refused_and_its_key_not_repeated(command: Command, call: tuple[str, ...]) -> None:
    command.write("a.csv", "Id\n1\n")
    url = "https://api.powerbi.com/beta/x/datasets/y/rows?key=FORGOTTENKEY"
    ran = command(*(word.format(url) for word in call))
    assert (ran.code in (1, 2), "FORGOTTENKEY" in ran.out + ran.err, "Traceback" in ran.err) == (True, False, False)


def test_the_source_itself_cannot_be_the_file_of_rejects(command: Command) -> None:
    command.write("a.csv", "Id\n1\n")
    ran = command("push", "a.csv", "S/T", "--rejects", "./a.csv")
    assert (ran.code, (command.folder / "a.csv").read_text()) == (2, "Id\n1\n")


def test_a_closed_pipe_is_quiet(command: Command) -> None:
    command.write("a.csv", "Id\n" + "x\n" * 20_000)
    command.write("schema.json", '{"Id": "int"}')
    arguments = ["validate", "a.csv", "--schema", "schema.json", "--max-errors", "20000"]
    process = command.start(*arguments)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, told = process.communicate(timeout=50)
    assert (process.returncode, told) == (1, b"")


def test_a_push_that_is_ended_by_a_signal_gives_its_account(command: Command) -> None:
    command.write("schema.json", '{"Id": "int"}')
    process = command.start("push", "-", "S/T", "--create", "--schema", "schema.json", "--format", "ndjson")
    assert process.stdin is not None
    process.stdin.write(b"".join(b'{"Id": %d}\n' % number for number in range(40_000)))
    process.stdin.flush()
    wait_for_rows(command, "S/T")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=50)
    lines = told.decode().splitlines()
    there = len(command.emulator.rows("S/T"))
    assert (process.returncode, lines[0]) == (1, "error: interrupted")
    assert f" {there:,} confirmed" in lines[-1]


def wait_for_rows(command: Command, target: str) -> None:
    """Until some are there; a test that hangs here is ended by its watchdog."""
    while True:
        with suppress(Exception):
            if command.emulator.rows(target):
                return


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("psh",), "No such command 'psh'."),
        (("push", "a.csv"), "TARGET is missing"),
        (("push", "a.csv", "Sales"), "'Sales' is no target; name the table too"),
        (("push", "a.csv", "A", "--table", "B/C"), "--table is the name of one table, without a slash: 'B/C'"),
        (("outbox",), "Missing command."),
        (("completion",), "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"),
        (("push", "a.csv", "Sales/Orders", "--outbox", "x"), "--outbox goes with --follow"),
        (("push", "a.csv", "Sales/Orders", "--delimiter", "ab"), "--delimiter is one character"),
        (("push", "a.csv", "Sales/Orders", "--delimiter", '"'), "--delimiter is neither a quote nor the end of a line"),
        (("push", "-", "Sales/Orders", "--follow", "--dry-run"), "--dry-run does not go with --follow"),
        (("push", "-", "Sales/Orders", "--follow", "--create"), "--follow --create needs --schema"),
        (
            ("push", "-", "Sales/Orders", "--follow", "--max-delay", "nan"),
            "'--max-delay': 'nan' is no number of seconds",
        ),
        (("push", "-", "Sales/Orders", "--follow", "--max-delay", "-1"), "'--max-delay': '-1' is no number of seconds"),
        (("push", "a.csv", "Sales/Orders", "--timeout", "inf"), "'--timeout': 'inf' is no number of seconds from 0"),
        (("push", "a.csv", "Sales/Orders", "--timeout", "long"), "'--timeout': 'long' is no number of seconds from 0"),
        (("outbox", "flush", "rows.db", "S/T", "--timeout", "-1"), "'--timeout': '-1' is no number of seconds from 0"),
        (("plan", "-5"), "No such option '-5'."),
        (("plan", "--", "-5"), "COUNT is a number of rows from 0, not -5"),
        (("plan", "5", "--rows-in-table", "-1"), "'--rows-in-table': -1 is not in the range x>=0."),
        (("validate", "a.csv", "--max-errors", "-1"), "'--max-errors': -1 is not in the range x>=0."),
        (("push", "-", "Sales/Orders", "--follow", "--format", "csv"), "--follow of CSV needs --schema"),
    ],
)
def test_a_wrong_call_is_2_and_says_why(command: Command, arguments: tuple[str, ...], told: str) -> None:
    command.write("a.csv", "Id\n1\n")
    ran = command("--json", *arguments)
    assert (ran.code, ran.json["ok"], ran.json["error"]["type"]) == (2, False, "UsageError")
    assert told in ran.json["error"]["message"]
    assert f"error: {ran.json['error']['message']}" in ran.err
    assert ran.err.splitlines()[-1].startswith("hint: powerbi-push")


def test_an_encoding_that_is_none_of_text_is_named(command: Command) -> None:
    command.write("a.csv", "Id\n1\n")
    command.write("a.ndjson", '{"Id": 1}\n')
    for name in ("a.csv", "a.ndjson"):
        ran = command("push", name, "S/T", "--create", "--encoding", "rot13")
        assert ran.err.splitlines()[:2] == [
            f"error: {name}: `rot13` is no encoding of text",
            "hint: such as utf-8, cp1252, latin-1 or utf-16",
        ]


def test_a_text_in_utf_16_without_a_mark_is_told_which_way_its_bytes_stand(command: Command) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        command.write("a.csv", "Id\n1\n".encode(encoding))
        ran = command("push", "a.csv", "S/T", "--create")
        assert f"--encoding {encoding}\n" in ran.err
        assert command("push", "a.csv", "S/T", "--create", "--encoding", encoding).code == 0


def test_an_error_of_the_service_has_its_words_as_json_too(command: Command) -> None:
    command.write("a.csv", "Id\n1\n")
    ran = command("--json", "push", "a.csv", "Sales/Orders")
    assert (ran.code, ran.json["error"]["type"]) == (1, "NotFoundError")
    assert ran.json["error"]["message"] == "there is no dataset `Sales`: there are none"
    page = f"{SITE}troubleshooting/#notfounderror"
    assert ran.json["error"]["help_url"] == page
    words = ran.err.splitlines()
    assert [line.split(":")[0] for line in words[-4:]] == ["error", "hint", "more", "sent"]
    assert words[-2] == f"more: {page}"


def test_a_traceback_comes_only_where_it_is_asked_for(command: Command) -> None:
    command.write("a.csv", "Id\n1\n")
    assert "Traceback" not in command("push", "a.csv", "Sales/Orders").err
    assert "Traceback" in command("--traceback", "push", "a.csv", "Sales/Orders").err


def test_colours_are_for_terminals_that_want_them(command: Command) -> None:
    command.write("a.csv", "Id\n1\n")
    call = [sys.executable, "-m", "powerbi_push", "push", "a.csv", "Sales/Orders"]
    for wanted, colour in (({}, b"\x1b[31m"), ({"NO_COLOR": "1"}, b"error:")):
        master, slave = os.openpty()
        where = {**command.environment, **wanted}
        subprocess.run(call, cwd=command.folder, env=where, stderr=slave, stdout=slave, timeout=50, check=False)
        os.close(slave)
        told = b""
        with suppress(OSError):
            while piece := os.read(master, 65_536):
                told += piece
        os.close(master)
        assert (colour in told, b"\x1b[31m" in told) == (True, not wanted)


def test_without_click_the_command_says_what_is_missing(command: Command) -> None:
    program = "import sys; sys.modules['click'] = None; from powerbi_push.cli import main; main(['plan', '1'])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "error: the command needs the package `click`, which is not installed\nhint: pip install click\n"
    )
    del command


def test_a_tab_may_be_typed_as_it_is_written(command: Command) -> None:
    command.write("a.csv", "Id\tItem\n1\ttea\n")
    for tab in ("\\t", "\t"):
        assert command("push", "a.csv", "S/T", "--create", "--delimiter", tab).code == 0
    assert command.emulator.rows("S/T") == [{"Id": 1, "Item": "tea"}] * 2


def test_only_a_command_that_has_a_target_speaks_of_one(command: Command) -> None:
    assert "TARGET is the dataset alone then" in command("push", "--help").out
    for verb in ("schema", "validate", "plan"):
        assert "TARGET" not in command(verb, "--help").out
