"""The other commands as processes: what they write for people, and as JSON."""

from __future__ import annotations

import json
import shutil
import signal
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from command import Command
from powerbi_push import DatasetSchema, DeadlineError, TableSchema
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SALES = DatasetSchema("Sales", [TableSchema("Orders", {"Id": int}), TableSchema("Items", {"Id": int})])


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        yield Command(emulator, tmp_path)


def test_what_is_there_is_listed(command: Command) -> None:
    workspace = command.emulator.add_workspace("Shop")
    command.emulator.client().workspace("Shop").create_dataset(SALES)
    (dataset,) = command.emulator.client().workspace("Shop").datasets()
    assert command("workspaces").out == f"Shop  {workspace}\n"
    assert command("--json", "workspaces").json == [{"name": "Shop", "id": workspace}]
    assert command("datasets", "Shop").out == f"Sales  {dataset.id}  yes\n"
    assert command("--json", "datasets", "Shop").json == [
        {"name": "Sales", "id": dataset.id, "accepts_rows": True, "web_url": dataset.web_url}
    ]
    assert command("tables", "Shop/Sales").out == "Orders\nItems\n"
    assert command("--json", "tables", "Shop/Sales").json == [{"name": "Orders"}, {"name": "Items"}]
    assert (command("datasets").out, command("--json", "datasets").json) == ("", [])


def test_the_doctor_says_what_is_wrong(command: Command) -> None:
    command.emulator.client().create_dataset(SALES)
    well = command("--json", "doctor", "Sales/Orders")
    assert (well.code, well.json["ok"], well.json["checks"][-1]["name"]) == (0, True, "table")
    ill = command("doctor", "Sales/Nothing")
    assert (ill.code, "failed   table" in ill.out) == (1, True)


def test_a_plan_needs_no_sign_in(command: Command) -> None:
    command.write("rows.csv", "Id\n" + "1\n" * 10_001)
    nowhere = {"POWERBI_PUSH_EMULATOR": ""}
    assert command("plan", "2,500,000", where=nowhere).out.splitlines()[0] == (
        "2,500,000 rows in 250 requests, at least 2 h, held back by 1,000,000 rows an hour"
    )
    assert command("plan", "rows.csv", where=nowhere).out.startswith("10,001 rows in 2 requests, at least ")
    told = command("--json", "plan", "250_000", "--rows-in-table", "250000", where=nowhere).json
    assert (told["requests"], told["bound_by"]) == (25, None)


def test_rows_of_many_bytes_are_planned_by_their_requests(command: Command) -> None:
    text = "x" * 4_000
    command.write("rows.ndjson", "".join(f'{{"Text": "{text}"}}\n' for _ in range(9_000)))
    assert command("--json", "plan", "rows.ndjson").json["requests"] == 3


def test_validate_lists_every_problem_as_data(command: Command) -> None:
    command.write("rows.csv", "Id,Item\n1,a\nx,b\n2\n3,c\n")
    command.write("schema.json", '{"Id": "int", "Item": "string"}')
    told = command("--json", "validate", "rows.csv", "--schema", "schema.json")
    assert (told.code, told.json["row_count"], told.json["error_count"]) == (1, 4, 2)
    assert [(one["line"], one["column"], one["code"]) for one in told.json["problems"]] == [
        (3, "Id", "wrong_type"),
        (4, None, "broken"),
    ]
    command.write("rows.csv", "Id,Item\n1,a\n")
    well = command("validate", "rows.csv", "--schema", "schema.json")
    assert (well.code, well.out, well.err) == (0, "", "1 row checked: no problems\n")


def test_an_outbox_is_looked_into_delivered_and_cleared(command: Command) -> None:
    table = command.emulator.client().create_dataset(SALES).table("Orders")
    command.emulator.fail_next(403, times=1, route="/rows")
    with table.sender(outbox=command.folder / "rows.db", close_timeout=0.1, on_error=print) as sender:
        sender.send_many([{"Id": 1}, {"Id": 2}])
        with pytest.raises(DeadlineError):
            sender.flush(0.1)
    assert command("outbox", "status", "rows.db").out == "2 pending\n0 rejected\n"
    assert command("outbox", "export", "rows.db").out == '{"Id":1}\n{"Id":2}\n'
    assert command("--json", "outbox", "export", "rows.db", "rows.ndjson").json == {"rows": 2, "file": "rows.ndjson"}
    ran = command("--json", "outbox", "flush", "rows.db", "Sales/Orders")
    assert (ran.code, command.emulator.rows("Sales/Orders")) == (0, [{"Id": 1}, {"Id": 2}]), ran.err
    assert ran.json == {"ok": True, "delivered": 2, "rejected": 0, "pending": 0}
    assert command("--json", "outbox", "status", "rows.db").json == {"pending": 0, "rejected": []}
    assert command("outbox", "status", "nowhere.db").code == 1


def test_whoever_delivers_from_a_damaged_outbox_rescues_it(command: Command) -> None:
    table = command.emulator.client().create_dataset(SALES).table("Orders")
    with table.sender(outbox=command.folder / "rows.db", max_delay=600, close_timeout=0.1) as sender:
        sender.send_many([{"Id": 1}, {"Id": 2}])
        for left in ("killed.db", "killed too.db"):
            for suffix in ("", "-wal"):  # and no mark, without which nobody knows whether that is all
                shutil.copy(command.folder / f"rows.db{suffix}", command.folder / f"{left}{suffix}")
    table.delete_rows()
    assert "open it with its sender" in command("outbox", "status", "killed.db").err
    ran = command("--json", "outbox", "flush", "killed.db", "Sales/Orders")
    assert (ran.code, ran.json) == (0, {"ok": True, "delivered": 2, "rejected": 0, "pending": 0}), ran.err
    assert "an unknown number of accepted rows may be lost" in ran.err
    following = ("push", "-", "Sales/Orders", "--follow", "--outbox", "killed too.db")
    ran = command(*following, stdin=b'{"Id": 3}\n')
    assert (ran.code, "an unknown number of accepted rows may be lost" in ran.err) == (0, True), ran.err
    # Several requests are under way at once: which of them arrives first is not promised.
    assert sorted(row["Id"] for row in command.emulator.rows("Sales/Orders")) == [1, 1, 2, 2, 3]


def test_rejected_rows_of_an_outbox_are_tried_again_or_dropped(command: Command) -> None:
    table = command.emulator.client().create_dataset(SALES).table("Orders", {"Id": float})
    with table.sender(outbox=command.folder / "rows.db", on_error=print) as sender:
        sender.send({"Id": 1.5})
        sender.flush()
    told = command("--json", "outbox", "status", "rows.db").json
    assert [(one["row"], one["in_doubt"]) for one in told["rejected"]] == [({"Id": 1.5}, False)]
    assert command("outbox", "retry", "rows.db").out == "1 row waits again\n"
    ran = command("outbox", "flush", "rows.db", "Sales/Orders")
    assert (ran.code, ran.err.splitlines()[-1].split(";")[0]) == (1, "0 delivered, 1 rejected, 0 pending"), ran.err
    assert command("--json", "outbox", "drop", "rows.db").json == {"rows": 1}
    assert command("outbox", "status", "rows.db").out == "0 pending\n0 rejected\n"


def test_the_emulator_runs_with_its_seed_until_a_signal(command: Command) -> None:
    columns = [{"name": "Id", "dataType": "Int64"}]
    seed = [{"name": "Shop", "tables": [{"name": "Orders", "columns": columns, "rows": [{"Id": 7}]}]}]
    command.write("seed.json", json.dumps(seed))
    del command.environment["POWERBI_PUSH_EMULATOR"]
    process = command.start("--json", "emulator", "--port", "0", "--seed", "seed.json")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    with urlopen(url, timeout=20) as page:  # noqa: S310 - it is on this machine
        assert page.status == 200
    assert command("tables", "Shop", where={"POWERBI_PUSH_EMULATOR": url}).out == "Orders\n"
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=50)
    assert (process.returncode, told.decode().split(" in another")[0]) == (0, f"a local Power BI is at {url};")


SEED = """[
  {"name": "Shop", "tables": [
    {"name": "Orders", "columns": [{"name": "Id", "dataType": "Int64"}], "rows": [
      {"Id": 1},
      {"Id": "two"}
    ]}
  ]}
]
"""
FINE = SEED.replace('"two"', "2")


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (SEED.replace('"two"', "two"), "line 5: is not JSON: Expecting value"),
        (SEED, "line 5: row 1: column `Id` holds text that does not read as Int64: `'two'`"),
        (SEED.replace('"two"', "2").replace("Int64", "Money"), "line 2: "),
        (SEED.replace('"two"}', '2, "Item": "tea"}'), "line 5: row 1: column `Item` is not in table `Orders`"),
        (SEED.partition("[\n      {")[0] + "\n7}]}]", "line 4: `rows` is no array"),
        ("[\n7]", "line 2: is no dataset"),
        ('\n"Shop"', "line 2: is no array of datasets"),
        ('{"datasets":\n[{"tables":\n7}]}', "line 3: `tables` is no array"),
        (SEED.replace('"two"', '"NaN"},\n{"Id": NaN'), "line 6: is not JSON, which has no NaN"),
        (SEED.replace('"two"', "-Infinity"), "line 5: is not JSON, which has no -Infinity"),
        pytest.param("[\n" * 100_000, "line 1: is nested too deeply", id="deep"),
        (b"[\n\xff\xfe]", "line 2: is not UTF-8"),
        (f"{FINE[:-2]},{FINE[1:]}", "line 9: there is a dataset `Shop` already"),
    ],
)
def test_a_wrong_seed_is_told_with_its_line_and_nothing_is_kept(command: Command, seed: str | bytes, told: str) -> None:
    command.write("seed.json", seed)
    ran = command("emulator", "--port", "0", "--seed", "seed.json", "--keep", "state")
    assert (ran.code, ran.out, (command.folder / "state").exists()) == (1, "", False)
    assert ran.err.startswith(f"error: seed.json, {told}"), ran.err


def test_the_emulator_keeps_its_state_and_is_seeded_once(command: Command) -> None:
    command.write("seed.json", FINE)
    del command.environment["POWERBI_PUSH_EMULATOR"]
    command.write("more.csv", "Id\n3\n")
    start = ("--json", "emulator", "--port", "0", "--seed", "seed.json", "--keep", "state")
    for number in (1, 2):
        process = command.start(*start)
        assert process.stdout is not None
        where = {"POWERBI_PUSH_EMULATOR": json.loads(process.stdout.readline())["url"]}
        assert command("push", "more.csv", "Shop/Orders", where=where).code == 0
        other = command(*start)
        assert (other.code, json.loads(other.out)["error"]["message"]) == (
            1,
            "the file state is kept by another emulator that runs",
        )
        process.send_signal(signal.SIGTERM)
        assert (
            process.communicate(timeout=50)[1]
            .decode()
            .startswith("a local Power BI" if number == 1 else "state goes on as it was; seed.json is for a new one")
        )
        assert process.returncode == 0
    with Emulator(keep=command.folder / "state") as kept:
        assert [row["Id"] for row in kept.rows("Shop/Orders")] == [1, 2, 3, 3]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])  # noqa: S104 - it is refused
def test_only_in_a_container_it_listens_to_other_machines(command: Command, host: str) -> None:
    ran = command("emulator", "--port", "0", "--host", host)
    assert (ran.code, "it listens on 127.0.0.1 only" in ran.err) == (2, True), ran.err
    assert ("add --in-container" in ran.err) == (host == "0.0.0.0")  # noqa: S104 - it is refused


def test_in_a_container_it_listens_at_every_address_to_its_own_names(command: Command) -> None:
    process = command.start("--json", "emulator", "--port", "0", "--host", "0.0.0.0", "--in-container")  # noqa: S104 - so
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    port = int(url.rsplit(":", 1)[1])
    # Any address of 127.0.0.0/8 leads to this machine, and only who listens at every one hears it.
    for host, status in ((f"127.0.0.1:{port}", 200), (f"127.0.0.2:{port}", 403)):
        connection = HTTPConnection("127.0.0.2", port, timeout=20)
        connection.request("GET", "/", headers={"Host": host})
        assert connection.getresponse().status == status
        connection.close()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=50)
    assert process.returncode == 0


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_shells_are_told_how_to_complete(command: Command, shell: str, word: str) -> None:
    ran = command("completion", shell)
    if shell == "bash" and ran.code:
        pytest.skip("bash is missing or too old")
    assert (ran.code, word in ran.out, "_POWERBI_PUSH_COMPLETE" in ran.out) == (0, True, True)


def test_every_command_explains_itself(command: Command) -> None:
    listed = command("--help").out.partition("Commands:")[2]
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert names == [
        *("push", "schema", "validate", "plan", "workspaces", "datasets", "tables", "doctor"),
        *("login", "logout", "outbox", "emulator", "demo", "completion"),
    ]
    for name in names:
        ran = command(name, "--help")
        assert (ran.code, ran.out.startswith(f"Usage: powerbi-push {name}")) == (0, True)
    assert command("--version").out == "powerbi-push, version 0.1.0\n"
