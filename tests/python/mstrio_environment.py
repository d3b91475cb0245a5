"""An environment with the vendor's own client, the last one with a free licence: made once, and kept in `target`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NEEDS = ("mstrio-py==11.5.4.101", "pandas<3")
TARGET = Path(__file__).parents[2] / "target"


def interpreter() -> Path:
    """The interpreter of that environment."""
    environment = TARGET / f"mstrio-{sys.version_info[0]}.{sys.version_info[1]}"
    python, ready = environment / "bin" / "python", environment / "ready"
    if not ready.exists() or ready.read_text(encoding="utf-8") != repr(NEEDS):
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *NEEDS]
        subprocess.run(pip, check=True)
        ready.write_text(repr(NEEDS), encoding="utf-8")
    return python
