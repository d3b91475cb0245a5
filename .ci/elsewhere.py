"""Run, against the installed package, the tests of code that differs between systems: those of `.ci/elsewhere.toml`."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path


def tests() -> list[str]:
    """List the tests."""
    told = tomllib.loads((Path(__file__).parent / "elsewhere.toml").read_text(encoding="utf-8"))
    return sorted({test for path in told["path"] for test in path["tests"]})


if __name__ == "__main__":
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *tests()], check=False).returncode)  # noqa: S603 - our own
