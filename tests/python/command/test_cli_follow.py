"""`powerbi-push push - TARGET --follow`: rows as they come, over outages and kills, until the end or a signal."""

from __future__ import annotations

import json
import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from command import Command
from powerbi_push import DatasetSchema, Outbox, TableSchema
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

SALES = DatasetSchema("Sales", [TableSchema("Orders", {"Id": int, "Item": str})])
#: Between SIGTERM and the end.
LIMIT = 5.0


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        emulator.client().create_dataset(SALES)
        yield Command(emulator, tmp_path)


@contextmanager
def following(command: Command, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with command.start("--json", "push", "-", "Sales/Orders", "--follow", *arguments) as process:
        try:
            yield process
        finally:
            process.kill()


def feed(process: subprocess.Popen[bytes], *lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(lines).encode())
    process.stdin.flush()


def heard(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def line(number: int) -> str:
    return json.dumps({"Id": number, "Item": "tea"}) + "\n"


def ids(command: Command) -> list[int]:
    return sorted(row["Id"] for row in command.emulator.rows("Sales/Orders"))


def wait_for(command: Command, count: int) -> None:
    """Until so many rows are there; a test that hangs here is ended by its watchdog."""
    while len(command.emulator.rows("Sales/Orders")) < count:
        pass


def test_rows_are_sent_while_the_input_is_open(command: Command) -> None:
    with following(command, "--max-delay", "0.01") as process:
        feed(process, line(1))
        wait_for(command, 1)
        feed(process, line(2), line(3)[:5])
        wait_for(command, 2)
        feed(process, line(3)[5:])
        out, err = process.communicate(timeout=50)
    told = json.loads(out)
    assert (process.returncode, told["ok"], told["confirmed"], told["accepted"]) == (0, True, 3, 3)
    assert err.decode().startswith("3 rows read: 3 confirmed; ")
    assert ids(command) == [1, 2, 3]


def test_a_signal_ends_it_in_time_with_what_it_has_delivered(command: Command) -> None:
    with following(command) as process:
        feed(process, line(1), line(2)[:-1])
        wait_for(command, 1)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(50)
        assert time.monotonic() - begun < LIMIT
        assert process.stderr is not None
        warning, account = process.stderr.read().decode().splitlines()
    assert warning == "warning: the last line had no end when the signal came, and was not taken"
    assert account.startswith("1 row read: 1 confirmed; ")
    assert (process.returncode, ids(command)) == (0, [1])


def test_a_signal_between_two_lines_of_csv_cuts_none_off(command: Command) -> None:
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    for piece, warned in (("Id,Item\n1,tea\n", False), ('Id,Item\n2,tea\n3,"a', True)):
        before = len(ids(command))
        with following(command, "--schema", "schema.json", "--max-delay", "0.01") as process:
            feed(process, piece)
            wait_for(command, before + 1)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=50)
        assert err.decode().startswith("warning: the last line had no end") is warned


@pytest.mark.parametrize(("outbox", "code"), [((), 1), (("--outbox", "rows.db"), 0)], ids=["memory", "outbox"])
def test_a_signal_ends_it_in_time_where_nothing_can_be_delivered(
    command: Command, outbox: tuple[str, ...], code: int
) -> None:
    command.emulator.fail_next(503, times=1_000_000, route="/rows")
    with following(command, "--max-delay", "0.01", *outbox) as process:
        feed(process, line(1))
        while not [one for one in command.emulator.requests if one.status == 503]:
            pass
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(50)
        assert time.monotonic() - begun < LIMIT
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.stdout is not None
        last = json.loads(process.stdout.read().splitlines()[-1])
    assert process.returncode == code
    assert "1 row read: 1 in doubt" in told
    assert ("1 row waits in rows.db for the next run" in told) is bool(outbox)
    if outbox:
        assert Outbox(command.folder / "rows.db").pending == 1
        assert (last["ok"], last["in_doubt"], last["pending"]) == (True, 1, 1)
    else:
        assert (last["ok"], last["result"]["in_doubt"]) == (False, 1)


@pytest.mark.parametrize(
    ("number", "outbox", "waiting"),
    [
        (signal.SIGTERM, (), 0),
        (signal.SIGINT, ("--outbox", "rows.db"), 0),
        (signal.SIGTERM, ("--outbox", "rows.db"), 1),
    ],
    ids=["memory", "new", "outbox"],
)
def test_a_signal_ends_it_in_time_while_its_target_is_looked_up(
    command: Command, number: signal.Signals, outbox: tuple[str, ...], waiting: int
) -> None:
    if waiting:
        command.emulator.fail_next(403, route="/rows")
        with following(command, "--outbox", "rows.db", "--close-timeout", "0.1") as process:
            feed(process, line(1))
            process.communicate(timeout=50)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(50)
        command.environment["POWERBI_PUSH_EMULATOR"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with following(command, *outbox) as process, silent.accept()[0] as asked:
            assert asked.recv(1)
            begun = time.monotonic()
            process.send_signal(number)
            # Its input stays open.
            process.wait(50)
            assert time.monotonic() - begun < LIMIT
            assert process.stdout is not None
            told = json.loads(process.stdout.read())
            assert process.stderr is not None
            err = process.stderr.read().decode()
    assert (process.returncode, told["ok"], told["accepted"], told["read"], told["pending"]) == (0, True, 0, 0, waiting)
    assert "0 rows read: nothing to send;" in err
    assert ("1 row waits in rows.db for the next run\n" in err) is bool(waiting)
    assert not waiting or Outbox(command.folder / "rows.db").pending == 1


def test_a_restart_of_the_service_is_survived(command: Command) -> None:
    command.emulator.fail_next(503, route="/rows")
    with following(command, "--max-delay", "0.01") as process:
        feed(process, line(1))
        out, _ = process.communicate(timeout=50)
    assert (process.returncode, json.loads(out)["confirmed"], ids(command)) == (0, 1, [1])


def test_a_broken_line_ends_it_and_what_came_before_is_delivered(command: Command) -> None:
    with following(command) as process:
        feed(process, line(1), "{broken\n", line(2))
        out, err = process.communicate(timeout=50)
    told = json.loads(out)
    assert (process.returncode, told["ok"], told["result"]["confirmed"], ids(command)) == (1, False, 1, [1])
    assert err.decode().startswith("error: stdin:2: is not JSON: Expecting property name enclosed in double quotes")


def test_a_broken_line_ends_it_with_a_word_of_the_rows_that_wait(command: Command) -> None:
    command.emulator.fail_next(403, route="/rows")
    with following(command, "--outbox", "rows.db", "--close-timeout", "0.1") as process:
        feed(process, line(1), "{broken\n")
        out, err = process.communicate(timeout=50)
    told = json.loads(out.splitlines()[-1])
    assert (process.returncode, told["ok"], told["pending"], told["result"]["unsent"]) == (1, False, 1, 1)
    assert "1 row waits in rows.db for the next run\n" in err.decode()


def test_a_wrong_row_ends_it_and_what_came_before_is_delivered(command: Command) -> None:
    with following(command) as process:
        feed(process, line(1), '{"Id": [2]}\n', line(3))
        _, err = process.communicate(timeout=50)
    assert (process.returncode, ids(command)) == (1, [1])
    assert err.decode().startswith("error: stdin:2: column `Id` takes a value of a column type, not list")


def test_bad_lines_are_set_aside_and_it_goes_on(command: Command) -> None:
    with following(command, "--rejects", "bad.ndjson") as process:
        feed(process, line(1), "{broken\n", '{"Id": [2]}\n', line(4), '{"Id": 5.5, "Item": "refused"}\n')
        out, _ = process.communicate(timeout=50)
    told = json.loads(out)
    assert (process.returncode, told["confirmed"], told["rejected"], ids(command)) == (0, 2, 3, [1, 4])
    entries = map(json.loads, (command.folder / "bad.ndjson").read_text().splitlines())
    assert sorted((entry["line"], entry.get("code")) for entry in entries if entry.get("code")) == [
        (3, "wrong_type"),
        (5, "refused"),
    ]


def test_csv_is_followed_over_quotes_that_are_open(command: Command) -> None:
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    with following(command, "--schema", "schema.json", "--max-delay", "0.01", "--rejects", "bad.ndjson") as process:
        feed(process, "Id,Item\n1,tea\n2,")
        wait_for(command, 1)
        feed(process, '"two\n')
        feed(process, 'lines"\nx,y\n')
        wait_for(command, 2)
        process.communicate(timeout=50)
    assert command.emulator.rows("Sales/Orders")[1] == {"Id": 2, "Item": "two\nlines"}
    (entry,) = map(json.loads, (command.folder / "bad.ndjson").read_text().splitlines())
    assert entry["line"] == 5


def test_a_line_may_hold_an_array(command: Command) -> None:
    with following(command) as process:
        feed(process, f"[{line(1)[:-1]}, {line(2)[:-1]}]\n")
        process.communicate(timeout=50)
    assert ids(command) == [1, 2]


def test_what_was_acknowledged_survives_a_kill(command: Command) -> None:
    command.emulator.fail_next(503, times=1_000_000, route="/rows")
    with following(command, "--outbox", "rows.db") as process:
        feed(process, line(1), line(2))
        while (acknowledged := heard(process)["accepted"]) < 2:
            pass
        process.kill()
        process.wait(50)
    assert (acknowledged, Outbox(command.folder / "rows.db").pending) == (2, 2)
    command.emulator.reset()
    command.emulator.client().create_dataset(SALES)


def test_what_an_earlier_run_left_goes_first(command: Command) -> None:
    command.emulator.fail_next(403, route="/rows")
    with following(command, "--outbox", "rows.db", "--close-timeout", "0.1") as process:
        feed(process, line(1))
        process.communicate(timeout=50)
    assert (process.returncode, ids(command)) == (0, [])
    with following(command, "--outbox", "rows.db") as process:
        feed(process, line(2))
        _, err = process.communicate(timeout=50)
    assert (process.returncode, ids(command)) == (0, [1, 2])
    assert err.decode().startswith("1 row of an earlier run waits in rows.db and goes first\n")


@pytest.mark.parametrize("given", [(), ("--schema", "schema.json")], ids=["bare", "schema"])
def test_what_an_earlier_run_left_goes_while_no_line_comes(command: Command, given: tuple[str, ...]) -> None:
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    command.emulator.fail_next(403, route="/rows")
    with following(command, "--outbox", "rows.db", "--close-timeout", "0.1") as process:
        feed(process, line(1))
        process.communicate(timeout=50)
    assert ids(command) == []
    with following(command, "--outbox", "rows.db", *given) as process:
        wait_for(command, 1)
        process.communicate(timeout=50)
    assert (process.returncode, ids(command)) == (0, [1])


def test_what_is_wrong_with_the_destination_is_told_before_a_line_is_taken(command: Command) -> None:
    command.emulator.client().create_dataset(DatasetSchema("Other", [TableSchema("Orders", {"Id": int})]))
    with following(command, "--outbox", "rows.db", "--max-delay", "0.01") as first:
        feed(first, line(1))
        wait_for(command, 1)
        for target, told in (
            ("Nowhere/Orders", "there is no dataset `Nowhere`"),
            ("Sales/Orders", "rows.db"),
        ):
            with command.start("push", "-", target, "--follow", "--outbox", "rows.db") as process:
                # Its input stays open, and nothing comes.
                process.wait(50)
                assert process.stderr is not None
                err = process.stderr.read().decode()
            assert (process.returncode, told in err.splitlines()[0]) == (1, True), err
        first.communicate(timeout=50)
    with command.start("push", "-", "Other/Orders", "--follow", "--outbox", "rows.db") as process:
        process.wait(50)
    assert process.returncode == 1


def test_csv_is_converted_whether_its_kind_was_said_or_seen(command: Command) -> None:
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    call = ("push", "-", "Sales/Orders", "--follow", "--schema", "schema.json")
    for said in ((), ("--format", "csv")):
        assert command(*call, *said, stdin=b"Id,Item\n1,2\n").code == 0
        refused = command(*call, *said, "--no-convert", stdin=b"Id,Item\n1,2\n")
        assert (refused.code, "column `Id` takes Int64, not str" in refused.err) == (1, True)
    # Of NDJSON nothing is converted that nobody says.
    assert command(*call, stdin=b'{"Id": "1"}\n').code == 1
    assert command.emulator.rows("Sales/Orders") == [{"Id": 1, "Item": "2"}] * 2


def test_csv_without_a_schema_is_a_wrong_call_once_it_is_seen(command: Command) -> None:
    ran = command("push", "-", "Sales/Orders", "--follow", stdin=b"Id,Item\n1,2\n")
    assert (ran.code, "--follow of CSV needs --schema" in ran.err) == (2, True)


def test_a_closed_stdout_ends_it_with_an_account(command: Command) -> None:
    with following(command, "--outbox", "rows.db") as process:
        assert process.stdout is not None
        process.stdout.close()
        feed(process, line(1))
        assert process.stderr is not None
        err = process.stderr.read().decode()
    assert err.startswith("error: stdout was closed: nobody hears what is accepted\nsent: 1 row read: 1 confirmed;")
    assert ids(command) == [1]
