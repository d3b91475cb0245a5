"""What a person should know while rows are on their way: the log."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("powerbi_push")


def log(line: str) -> None:
    """Log a wait of more than ten seconds, or an answer of the service that is odd."""
    _LOGGER.warning("%s", line)
