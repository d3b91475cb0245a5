"""Where outboxes are put, and the tables that they are for."""

from __future__ import annotations

from pathlib import Path

import powerbi_push as pbi
from fault_server import DATASET_ID


def folder() -> Path:
    """A folder on the disk of the checkout: a file system in memory would keep nothing."""
    path = Path(__file__).parents[2] / "target" / "reliability"
    path.mkdir(parents=True, exist_ok=True)
    return path


def table(url: str, schema: pbi.TableSchema) -> pbi.Table:
    """Take a table of a client without quotas."""
    return pbi.Client("opaque", base_url=url, quotas=None).dataset(DATASET_ID).table(schema.name, schema)
