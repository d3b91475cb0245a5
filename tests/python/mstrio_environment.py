"""An environment with the vendor's own client, the last one with a free licence: `make test-mstrio` makes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NEEDS = ("mstrio-py==11.5.4.101", "pandas<3")
TARGET = Path(__file__).parents[2] / "target"


ENVIRONMENT = TARGET / f"mstrio-{sys.version_info[0]}.{sys.version_info[1]}"
PYTHON = ENVIRONMENT / "bin" / "python"
READY = ENVIRONMENT / "ready"


def is_ready() -> bool:
    """Whether it is there with what is needed now."""
    return READY.exists() and READY.read_text(encoding="utf-8") == repr(NEEDS)


def make() -> None:
    """Make it where it is missing."""
    if is_ready():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *NEEDS]
    subprocess.run(pip, check=True)
    READY.write_text(repr(NEEDS), encoding="utf-8")


if __name__ == "__main__":
    make()
