"""Rows that an outbox keeps aside: retried, dropped, exported."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, WATCHDOG, orders, wait_until
from fault_server import CONFIRMED, SILENCE, FaultServer, http
from slow_senders import SLOW, leave


def test_a_poison_request_is_set_aside_and_the_rest_goes_on(path: Path) -> None:
    answer = http(400, b'{"error":{"code":"BadRequest","message":"no such column"}}')
    with FaultServer(answer, CONFIRMED) as server:
        table = server.table(ordered=True)
        refused: dict[str, Any] = {"on_refused": "raise", "on_error": lambda _: None}
        with table.sender(outbox=path, max_rows=2, **refused, **SLOW) as sender:
            sender.send_many([{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}, {"Id": 2}])
            result = sender.flush()
        assert result.ranges == [(0, 2, "rejected"), (2, 3, "confirmed")]
        outbox = pbi.Outbox(path)
        assert outbox.pending == 0
        rejected = outbox.rejected()
        assert [told.row for told in rejected] == [{"Id": 0, "Item": "tea"}, {"Id": 1, "Item": None}]
        assert {told.in_doubt for told in rejected} == {False}
        assert "no such column" in str(rejected[0].error)
        assert isinstance(rejected[0].error, pbi.ServiceError)
        assert (rejected[0].error.status, rejected[0].error.code) == (400, "BadRequest")
        assert rejected[0].at.tzinfo is not None


def reject(path: Path, count: int) -> pbi.Outbox:
    """An outbox with rejected rows, and one that waits."""
    with FaultServer(http(400), SILENCE) as server:
        table = server.table(ordered=True)
        sender = table.sender(outbox=path, max_rows=count, on_refused="raise", on_error=lambda _: None, **SLOW)
        sender.send_many(orders(count + 1))
        wait_until(lambda: sender.stats.rejected == count)
        sender.close(timeout=0.01)
    return pbi.Outbox(path)


def test_rejected_rows_can_be_retried(path: Path) -> None:
    outbox = reject(path, 3)
    assert (outbox.pending, len(outbox.rejected())) == (1, 3)
    assert outbox.retry() == 3
    assert (outbox.pending, outbox.rejected()) == (4, [])
    assert outbox.retry() == 0


def test_rejected_rows_can_be_retried_while_their_sender_is_open(path: Path) -> None:
    with FaultServer(http(400), CONFIRMED) as server:
        table = server.table(ordered=True)
        with table.sender(outbox=path, on_refused="raise", on_error=lambda _: None, max_delay=0.01) as sender:
            sender.send_many(orders(3))
            wait_until(lambda: sender.stats.rejected == 3)
            assert pbi.Outbox(path).retry() == 3
            wait_until(lambda: sender.stats.confirmed == 3)
        assert len(server.posts) == 2
        assert pbi.Outbox(path).pending == 0


def test_rejected_rows_can_be_dropped(path: Path) -> None:
    outbox = reject(path, 3)
    assert outbox.drop() == 3
    assert (outbox.pending, outbox.rejected(), outbox.drop()) == (1, [], 0)


def test_rows_can_be_exported(path: Path, tmp_path: Path) -> None:
    outbox = reject(path, 2)
    target = tmp_path / "rows.jsonl"
    assert outbox.export(target) == 3
    assert [json.loads(line) for line in target.read_text().splitlines()] == [{"Id": 2}, {"Id": 0}, {"Id": 1}]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    text, raw = io.StringIO(), io.BytesIO()
    assert outbox.export(text, rows="rejected") == 2
    assert outbox.export(raw, rows="pending") == 1
    assert (text.getvalue(), raw.getvalue()) == ('{"Id":0}\n{"Id":1}\n', b'{"Id":2}\n')
    with pytest.raises(pbi.ConfigurationError, match='"all" or "pending" or "rejected"'):
        outbox.export(text, rows="some")  # type: ignore[arg-type]
    assert (outbox.pending, len(outbox.rejected())) == (1, 2), "they stay"


def test_an_export_over_a_file_that_others_may_read_closes_it_to_them(path: Path, tmp_path: Path) -> None:
    outbox = reject(path, 2)
    target, link = tmp_path / "rows.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(target)
    for file in (target, link):
        target.write_text("what was there before, and longer than what comes\n" * 9)
        target.chmod(0o644)
        modes: list[int] = []
        assert outbox.export(file) == 3
        modes.append(stat.S_IMODE(target.stat().st_mode))
        assert target.read_text() == '{"Id":2}\n{"Id":0}\n{"Id":1}\n'
        assert modes == [0o600]


def test_an_export_onto_what_belongs_to_the_outbox_is_refused_and_changes_nothing(path: Path, tmp_path: Path) -> None:
    with FaultServer(SILENCE) as server, server.table().sender(outbox=path, **SLOW) as sender:
        sender.send({"Id": 1})
        outbox, before = pbi.Outbox(path), {file: file.read_bytes() for file in path.parent.iterdir()}
        links = [tmp_path / "a link", tmp_path / "another name"]
        links[0].symlink_to(path)
        links[1].hardlink_to(path)
        for file in [*before, *links]:
            with pytest.raises(pbi.ConfigurationError, match="belongs to the outbox"):
                outbox.export(file)
        links[1].unlink()
        assert {file: file.read_bytes() for file in before} == before
        assert len(before) >= 4
        names = "-wal -shm -lock -journal -mark -mark-1 -mark-2 .corrupt-1 .corrupt-12-wal .new .draft"
        for name in names.split():
            with pytest.raises(pbi.ConfigurationError, match="belongs to the outbox"):
                outbox.export(path.with_name(f"rows.db{name}"))
        assert set(path.parent.iterdir()) == {*before, links[0]}, "none of them is made"
        for name in (".jsonl", ".newer.jsonl", "-walter"):
            assert outbox.export(path.with_name(f"rows.db{name}")) == 1
        with pytest.raises(pbi.OutboxError, match=r"`file` cannot be written: .*: Is a directory"):
            outbox.export(tmp_path)
        sender.close(timeout=0.01)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_export_to_a_full_disk_is_an_error_of_ours_that_names_the_file(path: Path) -> None:
    reject(path, 2)
    with pytest.raises(pbi.OutboxError, match="'/dev/full': No space left on device: not all rows are"):
        pbi.Outbox(path).export("/dev/full")


def test_an_export_to_the_terminal_is_written_there(path: Path) -> None:
    reject(path, 2)
    program = "import sys, powerbi_push as pbi; pbi.Outbox(sys.argv[1]).export('/dev/stdout')"
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WATCHDOG, check=True)
    assert done.stdout == '{"Id":2}\n{"Id":0}\n{"Id":1}\n'


def test_an_outbox_is_the_same_wherever_the_program_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reject(path, 2)
    monkeypatch.chdir(path.parent)
    outbox = pbi.Outbox(path.name)
    monkeypatch.chdir("/")
    assert (outbox.pending, outbox.retry(), outbox.pending, repr(outbox)) == (1, 2, 3, "Outbox('rows.db')")


def test_text_survives_the_pieces_of_an_export(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        leave(server.table(), path, [{"Id": number, "Item": "é😀" * (number % 50)} for number in range(2_000)])
    text = io.StringIO()
    assert pbi.Outbox(path).export(text) == 2_000
    assert [json.loads(line)["Item"] for line in text.getvalue().splitlines()] == [
        "é😀" * (number % 50) for number in range(2_000)
    ]


def test_a_file_that_raises_raises_through(path: Path) -> None:
    class Broken(io.BytesIO):
        def write(self, _: object) -> int:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reject(path, 2).export(Broken())


def test_doubt_that_is_left_is_set_aside_as_doubt(path: Path) -> None:
    with FaultServer(http(503), CONFIRMED) as server:
        table = server.table(ordered=True, retry=QUICK)
        with table.sender(outbox=path, on_doubt="raise", on_error=lambda _: None, **SLOW) as sender:
            sender.send_many(orders(2))
            assert sender.flush().in_doubt == 2
        outbox = pbi.Outbox(path)
        assert [(told.row["Id"], told.in_doubt) for told in outbox.rejected()] == [(0, True), (1, True)]
        assert isinstance(outbox.rejected()[0].error, pbi.InDoubtError)
        outbox.retry()
        with table.sender(outbox=path) as sender:
            sender.flush()
            assert (sender.stats.confirmed, sender.stats.maybe_twice) == (2, 2)


def test_an_export_writes_all_or_raises_whatever_a_file_takes_at_a_time(path: Path) -> None:
    class Slow(io.BytesIO):
        def write(self, piece: Any) -> int:
            return super().write(piece[:7])

    outbox, slow = reject(path, 2), Slow()
    assert outbox.export(slow) == 3
    assert slow.getvalue() == b'{"Id":2}\n{"Id":0}\n{"Id":1}\n'
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "wb", buffering=0) as pipe:
        while pipe.write(b"x" * 65_536):
            pass
        with pytest.raises(BlockingIOError, match="does not take all rows"):
            outbox.export(pipe)


def test_an_export_that_cannot_read_everything_says_how_much_is_missing(path: Path) -> None:
    with FaultServer(SILENCE) as server:
        sender = server.table().sender(outbox=path, on_error=lambda _: None, **SLOW)
        for start in range(0, 2_000, 100):
            sender.send_many(orders(100, start))
        sender.close(timeout=0.01)
    content = path.read_bytes()
    # Some of the rows go over the end of a page.
    at = max(content.rfind(f'{{"Id":{number}'.encode()) for number in range(1_000, 1_100))
    assert at > 0
    path.write_bytes(content[: at + 6] + b"9" + content[at + 7 :])
    out = io.BytesIO()
    with pytest.raises(pbi.OutboxError, match="1900 rows were written and 100 are missing"):
        pbi.Outbox(path).export(out)
    assert len(out.getvalue().splitlines()) == 1_900
