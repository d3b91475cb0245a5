"""What a person should know while something is under way: the log, or a warning where nobody reads it.

Nothing imports this before there is a line to log, or a sender that may have one.
"""

from __future__ import annotations

import logging
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
        Whether anybody can have heard it: warnings go to stderr, which a service may not have or its log may not take,
        and programs can silence them.
    """
    log(line)
    if _is_read():
        return True
    warnings.warn(line, OutboxWarning, stacklevel=3)  # at the line that makes the sender
    return not _is_silenced() and _has_come_out(sys.stderr)


def _is_silenced() -> bool:
    """Whether warnings such as ours are ignored."""
    for action, message, category, module, _ in warnings.filters:
        if message is None and module is None and issubclass(OutboxWarning, category):
            return action == "ignore"
    return False


def _has_come_out(stream: IO[str] | None) -> bool:
    """Whether what was written there went anywhere: what could not be written waits, and fails again."""
    if stream is None:
        return False
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    except AttributeError:
        return True  # It is no file.
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
