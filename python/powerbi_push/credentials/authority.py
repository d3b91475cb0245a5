"""Who signs in, where it is not left to the cloud."""

from __future__ import annotations

from powerbi_push.credentials.variables import AUTHORITY, variable
from powerbi_push.tracebacks import Hidden


def authority_of(given: Hidden[str | None]) -> Hidden[str | None]:
    """Say who signs in, where it is not left to the cloud."""
    if given.value is None or (type(given.value) is str and not given.value):
        return Hidden(variable(AUTHORITY))
    return given
