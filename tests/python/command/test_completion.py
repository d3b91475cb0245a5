"""Completion in bash, zsh and fish: what they ask the command, and the shells themselves where they are installed."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

#: What is typed, and what it is completed to; None is the name of a file, which the shell itself completes.
TYPED: dict[str, list[str] | None] = {
    "val": ["validate"],
    "push --na": ["--naive-datetimes", "--nan"],
    "push --nan ": ["error", "null"],
    "push or": None,
    "outbox status or": None,
}
SET_UP = {
    "bash": 'eval "$(powerbi-push completion bash)"',
    "zsh": 'eval "$(powerbi-push completion zsh)"',
    "fish": "powerbi-push completion fish | source",
}
#: Asks the function of bash for each word as bash does; a name of a file is left to bash by an option.
BASH = """
compopt() { [ "$1 $2" = "-o default" ] && echo FILE; }
while IFS= read -r typed; do
    read -ra COMP_WORDS <<< "powerbi-push $typed"
    [[ $typed == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _powerbi_push_completion powerbi-push
    echo "${COMPREPLY[*]}."
done
"""


@pytest.fixture
def where(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "bin" / "powerbi-push"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m powerbi_push "$@"\n')
    program.chmod(0o755)
    (tmp_path / "orders.csv").write_text("Id\n1\n")
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "PS1": "% "}


def said_by(command: list[str], where: dict[str, str], given: str = "") -> str:
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, env=where, cwd=where["HOME"], timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@pytest.mark.parametrize(("shell", "asked"), [("bash", "bash_complete"), ("zsh", "zsh_complete")])
def test_what_a_shell_asks_is_answered(where: dict[str, str], shell: str, asked: str) -> None:
    words = {"COMP_WORDS": "powerbi-push val", "COMP_CWORD": "1", "_POWERBI_PUSH_COMPLETE": asked}
    told = said_by(["powerbi-push"], {**where, **words})
    assert told.splitlines()[:2] == {"bash": ["plain,validate"], "zsh": ["plain", "validate"]}[shell]


def test_bash_completes(where: dict[str, str]) -> None:
    needs("bash")
    told = said_by(["bash", "--norc", "-c", SET_UP["bash"] + BASH], where, "".join(f"{typed}\n" for typed in TYPED))
    found = [line.removesuffix(".").split() for line in told.replace("FILE\n", "FILE ").splitlines()]
    assert [sorted(words) for words in found] == [["FILE"] if words is None else words for words in TYPED.values()]


def test_fish_completes(where: dict[str, str]) -> None:
    needs("fish")
    for typed, words in TYPED.items():
        told = said_by(["fish", "--no-config", "-c", f"{SET_UP['fish']}; complete -C 'powerbi-push {typed}'"], where)
        found = sorted({line.split("\t")[0] for line in told.splitlines()})
        assert words is None or found == words, typed
        assert words is not None or not typed.endswith("or") or found == ["orders.csv"]


@pytest.mark.parametrize(("typed", "shown"), [("val", "validate"), ("push ord", "orders.csv")])
def test_zsh_completes(where: dict[str, str], typed: str, shown: str) -> None:
    needs("zsh")
    terminal, slave = pty.openpty()
    # The first terminal that a session's leader opens is the one that it is controlled from.
    call = ["/bin/sh", "-c", 'exec zsh -f -i <"$0" >"$0" 2>&1', os.ttyname(slave)]
    with subprocess.Popen(call, env=where, cwd=where["HOME"], start_new_session=True) as shell:
        os.write(terminal, f'autoload -U compinit; compinit -u -D; {SET_UP["zsh"]}; print REA""DY\n'.encode())
        read_until(terminal, b"READY\r\n")
        os.write(terminal, f"powerbi-push {typed}\t".encode())
        read_until(terminal, shown.encode())
        shell.kill()
    os.close(slave)
    os.close(terminal)


def read_until(terminal: int, wanted: bytes) -> None:
    """Read what a shell writes; a test that hangs here is ended by its watchdog."""
    seen = b""
    while wanted not in seen:
        seen += os.read(terminal, 65_536)
