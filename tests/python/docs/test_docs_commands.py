"""Every session of the command that the documents show is run, and what it writes is held against what they show."""

from __future__ import annotations

import doctest
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from doc_blocks import PAGES, ROOT, files, of_language, sessions
from person import as_browser
from powerbi_push import DatasetSchema, Outbox, PowerBIPushError
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from pathlib import Path

#: Files that the sessions begin with.
FILES = {
    "orders.csv": "Id,Item,Price,Paid,At\n1,tea,2.5,true,2026-01-02\n2,milk,,false,2026-01-03T10:00:00\n",
    "wrong.csv": "Id,Item,Price,Paid,At\n1,tea,2.5,true,2026-01-02\ntwo,milk,,false,2026-01-03\n3,bread\n"
    "4,rice,1,true,2026-01-04\n",
    "orders.schema.json": '{"Id": "int", "Item": "string", "Price": "float", "Paid": "bool", "At": "DateTime"}',
    "metrics.schema.json": '{"at": "DateTime", "metric": "string", "host": "string", "usage_idle": "float"}',
}


def set_out(document: str, folder: Path) -> dict[str, str]:
    """Put into a folder what a document's sessions begin with; give the environment that they run in."""
    programs = folder / "venv" / "bin"
    programs.mkdir(parents=True)
    for name, module in (("powerbi-push", "-m powerbi_push"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        program.chmod(0o755)
    for name, content in {**FILES, **files(document)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POWERBI_PUSH", "AZURE"))}
    kept.pop("PYTHONUNBUFFERED", None)
    return {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "BROWSER": as_browser(folder)}


def written(command: str, folder: Path, where: dict[str, str]) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=where,
        timeout=50,
        check=False,
    )
    return done.stdout.rstrip("\n") + (f"\n[exit code {done.returncode}]" if done.returncode else "")


@pytest.mark.parametrize("document", [name for name in PAGES if sessions(name)])
def test_the_sessions_of_a_document_go_as_they_are_shown(document: str, tmp_path: Path) -> None:
    where = set_out(document, tmp_path)
    holds = doctest.OutputChecker().check_output
    with Emulator() as emulator:
        emulator.add_workspace("Shop")
        where |= {"POWERBI_PUSH_EMULATOR": emulator.url, "AZURE_CLIENT_ID": emulator.client_id}
        for command, told in sessions(document):
            found = written(command, tmp_path, where)
            assert holds(told + "\n", found + "\n", doctest.ELLIPSIS), f"$ {command}\n{found}\n--- shown:\n{told}"


@pytest.mark.parametrize("document", [name for name in PAGES if of_language("crontab", name)])
def test_the_lines_of_a_crontab_push(document: str, tmp_path: Path) -> None:
    where = set_out(document, tmp_path)
    lines = "".join(of_language("crontab", document)).splitlines()
    with Emulator() as emulator:
        emulator.add_workspace("Shop")
        where["POWERBI_PUSH_EMULATOR"] = emulator.url
        for count, line in enumerate(lines, 1):
            times, command = re.match(r"((?:\S+\s+){5})(.*)", line).groups()  # type: ignore[union-attr]
            assert times.split() == ["30", "2", "*", "*", "*"]
            assert written(command, tmp_path, where) == ""
            assert len(emulator.rows(("Shop", "Sales", "Orders"))) == 2 * count


def test_what_the_document_shows_is_what_the_examples_hold() -> None:
    nodes = json.loads((ROOT / "examples/services/node-red.json").read_text())
    (script,) = [node["initialize"] for node in nodes if node["type"] == "function"]
    unit = (ROOT / "examples/services/powerbi-push.service").read_text()
    assert of_language("ini", "docs/command-line.md") == [unit]
    assert of_language("js", "docs/command-line.md") == [f"{script}\n"]


def test_the_commands_of_the_unit_take_rows_from_a_pipe_until_sigterm(tmp_path: Path) -> None:
    unit = (ROOT / "examples/services/powerbi-push.service").read_text()
    prepare, begin = re.findall(r"^ExecStart(?:Pre)?=/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    for folder in ("/run/powerbi-push", "/var/lib/powerbi-push"):
        prepare, begin = prepare.replace(folder, str(tmp_path)), begin.replace(folder, str(tmp_path))
    begin = begin.replace("exec powerbi-push", f'exec "{sys.executable}" -m powerbi_push')
    with Emulator() as emulator:
        emulator.client().create_dataset(DatasetSchema("Sales", {"Orders": {"Id": int}}))
        where = {**os.environ, "POWERBI_PUSH_EMULATOR": emulator.url}
        subprocess.run(["/bin/sh", "-c", prepare], check=True, timeout=50)
        with subprocess.Popen(["/bin/sh", "-c", begin], env=where, stderr=subprocess.PIPE, text=True) as service:
            for number in (1, 2):  # writers come and go
                with (tmp_path / "rows").open("w") as pipe:
                    pipe.write(f'{{"Id": {number}}}\n')
                while len(emulator.rows("Sales/Orders")) < number:
                    pass
            service.send_signal(signal.SIGTERM)
            _, told = service.communicate(timeout=50)
    assert (service.returncode, told.split(";")[0]) == (0, "2 rows read: 2 confirmed")


def wait_for_a_row(outbox: Path) -> None:
    """Until one is there; a test that hangs here is ended by its watchdog."""
    while True:
        with suppress(PowerBIPushError):
            if Outbox(outbox).pending:
                return


def test_the_program_of_a_board_sends_until_sigterm(tmp_path: Path) -> None:
    where = set_out("docs/senders.md", tmp_path)
    unit = files("docs/senders.md")["powerbi-readings.service"]
    assert re.findall(r"^ExecStart=\S+/python \S+/(\S+)$", unit, re.MULTILINE) == ["readings.py"]
    with Emulator() as emulator:
        emulator.add_workspace("Shop")
        columns = {"sensor": str, "at": "DateTime", "celsius": float}
        emulator.client().workspace("Shop").create_dataset(DatasetSchema("House", {"Readings": columns}))
        where |= {"POWERBI_PUSH_EMULATOR": emulator.url, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            [sys.executable, "readings.py"], cwd=tmp_path, env=where, stdout=subprocess.PIPE, text=True
        ) as service:
            wait_for_a_row(tmp_path / "readings.db")
            service.send_signal(signal.SIGTERM)
            told, _ = service.communicate(timeout=50)
        (row,) = emulator.rows(("Shop", "House", "Readings"))
    assert (service.returncode, row["celsius"], "confirmed=1" in told) == (0, 20.5, True)


def test_there_are_sessions() -> None:
    assert len(sessions("docs/command-line.md")) > 10
