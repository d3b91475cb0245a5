"""Who signs in, where it is not left to the cloud."""

from __future__ import annotations

import os

from powerbi_push.hidden import Hidden

#: Named as azure-identity names it.
VARIABLE = "AZURE_AUTHORITY_HOST"


def authority_of(given: Hidden[str | None]) -> Hidden[str | None]:
    """Say who signs in, where it is not left to the cloud."""
    if given.value is None or (type(given.value) is str and not given.value):
        return Hidden(os.environ.get(VARIABLE, "").strip() or None)
    return given
