"""A table that nobody asks for anything, so that a push can be planned without a sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from powerbi_push.powerbi.client import Client
from powerbi_push.powerbi.dataset import Dataset

if TYPE_CHECKING:
    from powerbi_push.powerbi.quotas import Quotas
    from powerbi_push.powerbi.table import Table
    from powerbi_push.schema.table import TableSchema

_NOBODY = {"id": "00000000-0000-0000-0000-000000000000", "name": "plan", "accepts_rows": True, "web_url": None}


def planned_table(schema: TableSchema | None, quotas: Literal["pro"] | Quotas = "pro") -> Table:
    """Make a table whose plan is arithmetic: nothing is sent, and no token is fetched.

    Args:
        schema: What its rows look like; None where only their number is planned with.
        quotas: As for `Client`.
    """
    client = Client(_no_token, quotas=quotas)
    dataset = Dataset(client._core, client.my_workspace, _NOBODY, None)  # noqa: SLF001 - the same package
    return dataset.table(schema.name if schema else "plan", schema)


def _no_token() -> Any:
    msg = "a plan signs nobody in"
    raise AssertionError(msg)
