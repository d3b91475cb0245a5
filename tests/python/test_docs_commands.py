"""Every session of the command that the documents show is run, and what it writes is held against what they show."""

from __future__ import annotations

import doctest
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from powerbi_push import DatasetSchema
from powerbi_push.emulator import Emulator

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: Files that the sessions begin with.
FILES = {
    "orders.csv": "Id,Item,Price,Paid,At\n1,tea,2.5,true,2026-01-02\n2,milk,,false,2026-01-03T10:00:00\n",
    "wrong.csv": "Id,Item,Price,Paid,At\n1,tea,2.5,true,2026-01-02\ntwo,milk,,false,2026-01-03\n3,bread\n"
    "4,rice,1,true,2026-01-04\n",
    "metrics.schema.json": '{"at": "DateTime", "metric": "string", "host": "string", "usage_idle": "float"}',
}


def sessions(document: str) -> list[tuple[str, str]]:
    """Commands with what they are said to write."""
    text = (ROOT / document).read_text(encoding="utf-8")
    steps = re.split(r"^\$ ", "".join(block[1] for block in FENCE.finditer(text)), flags=re.MULTILINE)
    pairs = [step.partition("\n") for step in steps]
    return [(command, told.rstrip("\n")) for command, _, told in pairs if command]


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


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if sessions(name)])
def test_the_sessions_of_a_document_go_as_they_are_shown(document: str, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "powerbi-push"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m powerbi_push "$@"\n')
    program.chmod(0o755)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    holds = doctest.OutputChecker().check_output
    with Emulator() as emulator:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("POWERBI_PUSH", "AZURE"))}
        kept.pop("PYTHONUNBUFFERED", None)
        where = {**kept, "PATH": f"{program.parent}:{os.environ['PATH']}", "POWERBI_PUSH_EMULATOR": emulator.url}
        for command, told in sessions(document):
            found = written(command, tmp_path, where)
            assert holds(told + "\n", found + "\n", doctest.ELLIPSIS), f"$ {command}\n{found}\n--- shown:\n{told}"


def test_the_unit_in_the_document_is_the_one_among_the_examples() -> None:
    shown = re.findall(r"```ini\n(.*?)```", (ROOT / "docs/command-line.md").read_text(), re.DOTALL)
    assert shown == [(ROOT / "examples/services/powerbi-push.service").read_text()]


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


def test_there_are_sessions() -> None:
    assert len(sessions("docs/command-line.md")) > 10
