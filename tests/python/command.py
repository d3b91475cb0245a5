"""Runs the command `powerbi-push` as a process against a local Power BI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

#: What this process has and the command is not to have.
_OTHERS = ("POWERBI_PUSH", "AZURE", "PYTHONUNBUFFERED")
PROGRAM = [sys.executable, "-m", "powerbi_push"]


@dataclass
class Ran:
    """What it came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class Command:
    """The command in a folder, with an emulator."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        """Nothing runs yet."""
        self.emulator = emulator
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)},
            "POWERBI_PUSH_EMULATOR": emulator.url,
        }

    def __call__(self, *arguments: str, stdin: bytes = b"", where: dict[str, str] | None = None) -> Ran:
        """Run it to its end."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env={**self.environment, **(where or {})},
            timeout=50,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin it, with pipes on all sides."""
        pipe = subprocess.PIPE
        where: dict[str, Any] = {"cwd": self.folder, "env": self.environment}
        return subprocess.Popen([*PROGRAM, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, **where)

    def write(self, name: str, content: str | bytes) -> Path:
        """Make a file in the folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path
