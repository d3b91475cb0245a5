"""What a person should know while something is under way: the log, or a warning where nobody reads it.

Nothing imports this before there is a line to log, or a sender that may have one.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

from powerbi_push.exceptions import OutboxWarning

if TYPE_CHECKING:
    from typing import IO

_LOGGER = logging.getLogger("powerbi_push")
_LOGGER.addHandler(logging.NullHandler())


def log(line: str) -> None:
    """Log a wait of more than ten seconds, or an answer of the service that is odd."""
    _LOGGER.warning("%s", line)


def tell_loss(line: str) -> bool:
    """Log that rows of an outbox are lost; where the program has no handler for it, warn.

    Returns:
        Whether there is anybody to hear it: warnings go to stderr, and a service may have none.
    """
    log(line)
    if _is_read():
        return True
    warnings.warn(line, OutboxWarning, stacklevel=2)
    return _is_open(sys.stderr)


def _is_open(stream: IO[str] | None) -> bool:
    """Whether what is written there goes anywhere."""
    if stream is None:
        return False
    try:
        os.fstat(stream.fileno())
    except (AttributeError, io.UnsupportedOperation):
        return True  # It is no file.
    except (OSError, ValueError):
        return False
    return True


def _is_read() -> bool:
    """Whether a handler of the program's takes our warnings."""
    if not _LOGGER.isEnabledFor(logging.WARNING):
        return False
    logger: logging.Logger | None = _LOGGER
    while logger is not None:
        for handler in logger.handlers:
            if not isinstance(handler, logging.NullHandler) and handler.level <= logging.WARNING:
                return True
        logger = logger.parent if logger.propagate else None
    return False


def log_bug(line: str) -> None:
    """Log what only a bug of this package can have brought about."""
    _LOGGER.error("%s", line)


def log_result(line: str) -> None:
    """Log what became of rows that somebody else, such as Spark, has asked to push."""
    _LOGGER.info("%s", line)
