"""Outboxes: whether this build has them, and where they are put."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import house
import powerbi_push as pbi
from fault_server import DATASET_ID
from powerbi_push.emulator import Emulator


@functools.cache
def refused() -> str | None:
    """Why no sender has an outbox; None where it can have one."""
    with tempfile.TemporaryDirectory(dir=folder()) as name, Emulator() as emulator:
        options: dict[str, Any] = {"outbox": str(Path(name) / "outbox.db")}
        try:
            house.made(emulator).sender(**options).close()
        except (TypeError, pbi.ConfigurationError) as error:
            return f"`sender(outbox=...)` is refused: {error}"
    return None


def folder() -> Path:
    """A folder on the disk of the checkout: a file system in memory would keep nothing."""
    path = Path(__file__).parents[2] / "target" / "reliability"
    path.mkdir(parents=True, exist_ok=True)
    return path


def table(url: str, schema: pbi.TableSchema) -> pbi.Table:
    """Take a table of a client without quotas."""
    return pbi.Client("a token", base_url=url, quotas=None).dataset(DATASET_ID).table(schema.name, schema)
