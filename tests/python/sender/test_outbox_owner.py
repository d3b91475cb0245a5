"""Whose an outbox is: of one destination, one sender, one process; private, and made by a sender alone."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, WATCHDOG, arrived, check_parents_sender, in_a_child, make_table
from fault_server import CONFIRMED, FaultServer
from slow_senders import SLOW

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator


def test_an_outbox_belongs_to_one_destination(virtual: Emulator, path: Path) -> None:
    table = make_table(virtual)
    with table.sender(outbox=path) as sender:
        sender.send({"Id": 1})
    other = virtual.client().create_dataset(pbi.DatasetSchema("Other", SCHEMA.tables)).table("Orders")
    with pytest.raises(pbi.OutboxError, match="holds rows for another destination"):
        other.sender(outbox=path)
    table.sender(outbox=path).close()


def test_one_sender_at_a_time(virtual: Emulator, path: Path) -> None:
    table = make_table(virtual)
    with table.sender(outbox=path) as sender:
        with pytest.raises(pbi.OutboxError, match=f"already open in this process \\({os.getpid()}\\)"):
            table.sender(outbox=path)
        sender.send({"Id": 1})
    table.sender(outbox=path).close()


def test_one_process_at_a_time(path: Path) -> None:
    program = """
        import sys
        import powerbi_push as pbi

        try:
            pbi.Outbox(sys.argv[1]).drop()
        except pbi.OutboxError as error:
            print(pbi.Outbox(sys.argv[1]).pending, error)
    """
    with FaultServer(CONFIRMED) as server, server.table().sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        command = [sys.executable, "-c", dedent(program), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True)
    assert done.stdout.startswith("1 the outbox")
    assert f"is in use by process {os.getpid()}" in done.stdout


def test_a_forked_child_has_no_part_in_it(virtual: Emulator, path: Path) -> None:
    with make_table(virtual).sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        in_a_child(lambda: check_parents_sender(sender))
        sender.send({"Id": 3})
    assert arrived(virtual) == {1: 1, 3: 1}


def test_a_forked_child_clears_nothing_up(virtual: Emulator, path: Path) -> None:
    with make_table(virtual).sender(outbox=path, on_error=lambda _: None, **SLOW) as sender:
        virtual.fail_next(400, route="Datasets_PostRows")
        sender.send({"Id": 1})
        sender.flush()

        def drop() -> None:
            with pytest.raises(pbi.ClosedError, match=f"belongs to the process {os.getppid()}"):
                pbi.Outbox(path).drop()

        in_a_child(drop)
        assert [rejected.row for rejected in pbi.Outbox(path).rejected()] == [{"Id": 1}]


def test_the_file_is_private_and_holds_no_secret(virtual: Emulator, path: Path) -> None:
    url = virtual.streaming_dataset("Live", {"Id": "Number"})
    key = re.findall(r"key=([^&]+)", url)[0]
    sender = pbi.StreamingDataset(url).sender(outbox=path, **SLOW)
    sender.send({"Id": 1})
    table = make_table(virtual)
    with table.sender(outbox=path.with_name("other.db"), **SLOW) as other:
        other.send({"Id": 1})
    token = virtual.credential.get_token().token
    for file in path.parent.iterdir():
        content = file.read_bytes()
        assert key.encode() not in content
        assert token.encode() not in content
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    sender.close()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"outbox": 3}, "`outbox` takes the path of a file, or None"),
        (
            {"outbox": "rows.db", "outbox_bytes": 0},
            "`outbox_bytes` takes a whole number from 1",
        ),
        ({"outbox": "nowhere/rows.db"}, "the folder of the outbox `nowhere`: No such file"),
        ({"outbox": "."}, r"the outbox `\.` is a folder"),
        ({"outbox": "words.txt"}, "words.txt` is there and is not an outbox"),
    ],
)
def test_wrong_options_are_told_at_once(
    virtual: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("my shopping list")
    with pytest.raises((pbi.ConfigurationError, pbi.OutboxError), match=complaint):
        make_table(virtual).sender(**options)
    assert (tmp_path / "words.txt").read_text() == "my shopping list"


def test_an_outbox_that_is_not_there_is_not_made(path: Path) -> None:
    with pytest.raises(pbi.OutboxError, match="there is no outbox at"):
        pbi.Outbox(path)
    assert not path.exists()
