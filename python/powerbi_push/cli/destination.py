"""A sender for what TARGET means."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from powerbi_push.cli.failures import in_flags
from powerbi_push.cli.session import tell
from powerbi_push.exceptions import NotFoundError
from powerbi_push.powerbi.streaming import StreamingDataset
from powerbi_push.powerbi.targets import place, stream
from powerbi_push.schema.dataset import DatasetSchema
from powerbi_push.tracebacks import Hidden

if TYPE_CHECKING:
    from powerbi_push.cli.session import Session
    from powerbi_push.delivery.sender import Sender
    from powerbi_push.exceptions import PowerBIPushError
    from powerbi_push.powerbi.table import Table
    from powerbi_push.schema.table import TableSchema


#: The same trouble is told once in so many seconds.
_QUIET = 60.0


class _Troubles:
    """Tells what keeps rows from being delivered, and not all the time."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def __call__(self, error: PowerBIPushError) -> None:
        now = time.monotonic()
        if now - self._told.get(error.message, -_QUIET) >= _QUIET:
            self._told = {error.message: now}
            tell(f"warning: {in_flags(str(error))}")


def sender_of(place: Table | StreamingDataset, options: dict[str, Any]) -> Sender:
    """Make a sender for a place that was found."""
    return place.sender(**{"on_error": _Troubles(), **options})


def found(
    session: Session, target: Hidden[str], schema: TableSchema | None, *, create: bool
) -> Table | StreamingDataset:
    """Find what a target means."""
    quotas: Any = None if session.quotas == "none" else session.quotas
    if stream(target, Hidden(None)) is not None:
        return StreamingDataset(target.value, schema, quotas=quotas)
    client = session.client()
    workspace_name, dataset_name, table_name = place(target, client.base_url)
    workspace = client.workspace(workspace_name) if workspace_name else client.my_workspace
    try:
        dataset = workspace.dataset(dataset_name)
    except NotFoundError:
        if not create or schema is None:
            raise
        dataset = workspace.create_dataset(DatasetSchema(dataset_name, [schema]), if_exists="reuse")
    return dataset.table(table_name, schema)
