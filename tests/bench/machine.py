"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPETITORS = ["orjson", "msgspec", "pydantic", "numpy", "pandas", "polars", "pyarrow", "requests", "aiohttp"]


def describe(packages: Sequence[str] = COMPETITORS) -> str:
    """One paragraph: processor, memory, system, versions, and how busy the machine was."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    parts = [
        f"{_processor()}, {os.cpu_count()} processors, {_memory()} of memory",
        f"{platform.system()} {platform.release().split('-')[0]}, {platform.libc_ver()[0]} {platform.libc_ver()[1]}",
        f"CPython {platform.python_version()}, {_rustc()}",
        ", ".join(f"{name} {_version(name)}" for name in packages),
        f"load average at the start {load}",
    ]
    return "; ".join(part for part in parts if part)


def pin(cores: int) -> None:
    """Keep this process, and the threads that it starts from now on, to so many processors."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, set(_ALL[:cores]))


_ALL = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def _rustc() -> str:
    try:
        return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split(" (")[0]
    except OSError:
        return "rustc unknown"
