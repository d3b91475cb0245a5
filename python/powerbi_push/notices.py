"""What a person should know while something is under way: the log.

Nothing imports this before there is a line to log, or a sender that may have one.
"""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("powerbi_push")
_LOGGER.addHandler(logging.NullHandler())


def log(line: str) -> None:
    """Log a wait of more than ten seconds, or an answer of the service that is odd."""
    _LOGGER.warning("%s", line)


def log_bug(line: str) -> None:
    """Log what only a bug of this package can have brought about."""
    _LOGGER.error("%s", line)


def log_result(line: str) -> None:
    """Log what became of rows that somebody else, such as Spark, has asked to push."""
    _LOGGER.info("%s", line)
