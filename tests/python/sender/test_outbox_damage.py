"""What is told of an outbox that was damaged, or that no disk holds."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import WATCHDOG, orders, wait_until
from fault_server import CONFIRMED, SILENCE, FaultServer, http
from powerbi_push.delivery import notices
from slow_senders import SLOW

if TYPE_CHECKING:
    from pathlib import Path


def noticed(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log said of outboxes."""
    wait_until(lambda: any("outbox" in record.getMessage() for record in caplog.records))
    return [record.getMessage() for record in caplog.records if "outbox" in record.getMessage()]


def test_an_outbox_in_memory_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    if not os.path.ismount("/dev/shm"):  # noqa: S108 - where memory is a folder
        pytest.skip("there is no folder in memory")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, FaultServer(CONFIRMED) as server:
        with server.table().sender(outbox=f"{folder}/rows.db") as sender:
            sender.send({"Id": 1})
        (line,) = noticed(caplog)
    assert line.endswith("rows.db` lies in memory: its rows do not survive power loss")


def test_a_damaged_outbox_is_told_of_and_what_is_intact_goes_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        sender = server.table().sender(outbox=path, **SLOW)
        for start in range(0, 2_000, 100):
            sender.send_many(orders(100, start))
        sender.close(timeout=0.01)
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 3_000] = b"\xff" * 3_000
        path.write_bytes(content)
        with server.table().sender(outbox=path) as sender:
            sender.flush()
            delivered = sender.stats.confirmed
        (line,) = noticed(caplog)
    assert "was damaged" in line
    found = re.search(r"(\d+) accepted rows are lost", line)
    assert found is not None
    assert delivered == 2_000 - int(found[1])
    assert 1_000 < delivered < 2_000
    kept = re.search(r"the damaged one is kept as `(.+)`", line)
    assert kept is not None
    assert os.path.exists(kept[1])  # noqa: PTH110 - as the line says it


def cut_log(table: pbi.Table, path: Path, count: int) -> Path:
    """Leave the file of a process that was killed, whose log is gone."""
    sender = table.sender(outbox=path, on_error=lambda _: None, **SLOW)
    sender.send_many(orders(count))
    left = path.with_name("left.db")
    for suffix in ("", "-mark", "-lock"):
        shutil.copy(f"{path}{suffix}", f"{left}{suffix}")
    sender.close(timeout=0.01)
    return left


def test_what_a_lost_log_took_along_is_told_though_others_opened_the_outbox_before(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        with pytest.raises(pbi.OutboxError, match="rows that were accepted are not in it"):
            _ = pbi.Outbox(left).pending
        with pytest.raises(pbi.OutboxError, match="rows that were accepted are not in it"):
            pbi.Outbox(left).export(io.BytesIO())
        assert pbi.Outbox(left).retry() == 0
        assert pbi.Outbox(left).drop() == 0
        assert pbi.Outbox(left).pending == 0
        with table.sender(outbox=left):
            (line,) = noticed(caplog)
        assert "37 accepted rows are lost" in line
        caplog.clear()
        with table.sender(outbox=left) as sender:
            sender.send({"Id": 1})
        assert not [record for record in caplog.records if "lost" in record.getMessage()], "it is told once"


def test_flush_does_not_wait_for_what_is_lost(path: Path) -> None:
    with FaultServer(CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        with table.sender(outbox=left) as sender:
            assert sender.flush(timeout=WATCHDOG).confirmed == 0
            sender.send_many(orders(5))
            assert sender.flush(timeout=WATCHDOG).confirmed == 5
            assert (sender.stats.pending, sender.stats.state) == (0, "running")


def test_a_loss_is_a_warning_where_nobody_reads_the_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[Any] = []
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        monkeypatch.setattr(logging.getLogger("powerbi_push"), "propagate", False)
        with monkeypatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("error")
            patch.setattr(sys, "unraisablehook", raised.append)
            with table.sender(outbox=left):
                assert raised
        assert raised[0].exc_type is pbi.OutboxWarning
        # What raised may have reached nobody: it is told again.
        with pytest.warns(pbi.OutboxWarning, match="37 accepted rows are lost") as told, table.sender(outbox=left):
            assert [warning.filename for warning in told] == [__file__]


def test_a_loss_is_told_again_where_warnings_went_nowhere(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(logging.getLogger("powerbi_push"), "propagate", False)
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: told.append(str(message)))
    with FaultServer(SILENCE, CONFIRMED) as server, warnings.catch_warnings():
        warnings.simplefilter("always")
        table = server.table()
        left = cut_log(table, path, 37)
        for stderr in (None, io.StringIO()):
            told.clear()
            monkeypatch.setattr(sys, "stderr", stderr)
            with table.sender(outbox=left):
                wait_until(lambda: told)
            assert [line for line in told if "37 accepted rows are lost" not in line] == []


def test_a_loss_is_told_before_the_sender_is_there(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        with table.sender(outbox=left):
            (record,) = [record for record in caplog.records if "37 accepted rows are lost" in record.getMessage()]
        assert record.thread == threading.get_ident()


class Interrupted(logging.Handler):
    """A person presses Ctrl-C while it writes."""

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - of the base class
        """Be interrupted."""
        raise KeyboardInterrupt


def test_a_loss_is_told_again_where_telling_it_was_interrupted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logger, handler = logging.getLogger("powerbi_push"), Interrupted()
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        logger.addHandler(handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                table.sender(outbox=left)
        finally:
            logger.removeHandler(handler)
        caplog.clear()
        with table.sender(outbox=left):
            assert "37 accepted rows are lost" in caplog.text


def test_a_loss_that_is_told_by_whoever_clears_up_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FaultServer(SILENCE, CONFIRMED) as server:
        table = server.table()
        left = cut_log(table, path, 37)
        table.sender(outbox=left).close()
        assert len([record for record in caplog.records if "37 accepted rows are lost" in record.getMessage()]) == 1
    with FaultServer(http(400)) as server:
        table = server.table()
        with table.sender(outbox=path.with_name("rejected.db"), max_rows=1, on_error=lambda _: None) as sender:
            sender.send_many([{"Id": row, "Item": "x" * 50} for row in range(3)])
            sender.flush()
        file = path.with_name("rejected.db")
        file.write_bytes(file.read_bytes().replace(b'"Id":1', b'"Id":7'))
        caplog.clear()
        for _ in range(2):
            with table.sender(outbox=file, on_error=lambda _: None):
                pbi.Outbox(file).drop()
            lost = [record for record in caplog.records if "and 1 that was set aside" in record.getMessage()]
            assert [record.thread for record in lost] == [threading.get_ident()]


class Full(io.StringIO):
    """A log on a full disk."""

    def flush(self) -> None:
        """There is no room."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullAtOnce(io.StringIO):
    """The same without a buffer."""

    def write(self, text: str, /) -> int:  # noqa: ARG002 - of the base class
        """There is no room."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_loss_is_told_again_where_a_warning_is_ignored_or_was_not_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(message: Warning | str, *_: object) -> None:
        # As Python does where nobody records warnings.
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{message}\n")

    told: list[str] = []
    monkeypatch.setattr(logging.getLogger("powerbi_push"), "propagate", False)
    monkeypatch.setattr(notices, "log", told.append)
    monkeypatch.setattr(warnings, "showwarning", show)
    with FaultServer(SILENCE, CONFIRMED) as server, warnings.catch_warnings():
        table = server.table()
        left = cut_log(table, path, 37)
        for action, stderr in (("ignore", io.StringIO()), ("always", Full()), ("always", FullAtOnce())):
            told.clear()
            warnings.simplefilter(action)  # type: ignore[arg-type]
            monkeypatch.setattr(sys, "stderr", stderr)
            with table.sender(outbox=left):
                wait_until(lambda: told)
            assert [line for line in told if "37 accepted rows are lost" not in line] == []
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        with pytest.warns(pbi.OutboxWarning, match="37 accepted rows are lost") as heard, table.sender(outbox=left):
            wait_until(lambda: heard.list)


def test_a_loss_is_told_again_where_nobody_reads_the_log_of_warnings(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("powerbi_push"), "propagate", False)
    log, handler = logging.getLogger("py.warnings"), Collecting()
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log, "handlers", [])
    with FaultServer(SILENCE, CONFIRMED) as server, warnings.catch_warnings():
        warnings.simplefilter("always")
        table = server.table()
        left = cut_log(table, path, 37)
        logging.captureWarnings(capture=True)
        try:
            for handlers in ([], [handler], [handler]):
                monkeypatch.setattr(log, "handlers", handlers)
                table.sender(outbox=left).close()
        finally:
            logging.captureWarnings(capture=False)
    assert len([line for line in handler.lines if "37 accepted rows are lost" in line]) == 1


class Collecting(logging.Handler):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record.getMessage())


OPEN = """
import sys, powerbi_push as pbi
with pbi.StreamingDataset("http://127.0.0.1:9/beta/rows?key=K", {"Id": int}).sender(outbox=sys.argv[1]) as sender:
    print(sender.stats.pending)
"""
#: Without them, root reads what its owner has closed to himself.
POWERS = "-dac_override,-dac_read_search"


def test_a_mark_that_cannot_be_read_is_not_replaced(path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(path)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything, and there is no setpriv")
        command = ["setpriv", f"--bounding-set={POWERS}", f"--inh-caps={POWERS}", *command]
    mark = path.with_name("rows.db-mark")
    mark.write_text("a diary")
    mark.chmod(0)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WATCHDOG)
    assert f"OutboxError: the outbox's mark `{mark}`: Permission denied" in ran.stderr
    assert os.listdir(path.parent) == ["rows.db-mark"]  # noqa: PTH208 - names
    mark.chmod(0o600)
    assert mark.read_text() == "a diary"


def test_what_the_system_refuses_is_an_error_of_ours(path: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("there is no prlimit")
    for files in range(8, 20):
        command = ["prlimit", f"--nofile={files}", sys.executable, "-c", OPEN, str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WATCHDOG)
        last = ran.stderr.splitlines()[-1] if ran.stderr else ""
        ours = ("powerbi_push.exceptions.OutboxError: ", "powerbi_push.exceptions.TransportError: ")
        assert ran.stdout == "0\n" or last.startswith(ours) or "hint: " in last, (files, ran.stderr)
