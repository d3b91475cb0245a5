"""The far end: a small Rust program that reads requests, discards them and answers as the service does."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DATASET_ID = "cfafbeb1-8037-4d0c-896e-a46fb27ff229"
_SOURCE = Path(__file__).with_name("sink")
_TARGET = _SOURCE.parents[2] / "target" / "sink"


@contextmanager
def running() -> Iterator[str]:
    """Build it if need be, start it, and give its URL until the end of the block."""
    build = ["cargo", "build", "--release", "--quiet", "--target-dir", str(_TARGET)]
    subprocess.run(build, cwd=_SOURCE, check=True)
    program = _TARGET / "release" / "sink"
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdin is None:
            message = "the sink has no pipes"
            raise RuntimeError(message)
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


def rows_url(url: str) -> str:
    """Where rows of the one table go."""
    return f"{url}/v1.0/myorg/datasets/{DATASET_ID}/tables/Sales/rows"
