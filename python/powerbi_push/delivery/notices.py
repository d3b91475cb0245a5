"""What a person should know while something is under way: the log, or a warning where nobody reads it.

Nothing imports this before there is a line to log, or a sender that may have one.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from typing import IO, Any

from powerbi_push.exceptions import OutboxWarning

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
    if _is_read(_LOGGER):
        return True
    stream = _Witness(sys.stderr) if sys.stderr else None
    with contextlib.redirect_stderr(stream):
        warnings.warn(line, OutboxWarning, stacklevel=3)  # at the line that makes the sender
    if _is_silenced():
        return False
    if warnings.showwarning.__module__ == "logging":  # `logging.captureWarnings(True)`
        return _is_read(logging.getLogger("py.warnings"))
    return stream is not None and stream.has_come_out()


class _Witness:
    """A stream that sees whether all that was written to it went anywhere: `warnings` says nothing of it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self._failed = True
            raise

    def has_come_out(self) -> bool:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return False
        except AttributeError:
            pass  # It is no file.
        return not self._failed


def _is_silenced() -> bool:
    """Whether warnings such as ours are ignored."""
    for action, message, category, module, _ in warnings.filters:
        if message is None and module is None and issubclass(OutboxWarning, category):
            return action == "ignore"
    return False


def _is_read(logger: logging.Logger | None) -> bool:
    """Whether a handler of the program's takes the warnings of this logger."""
    if logger is None or not logger.isEnabledFor(logging.WARNING):
        return False
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
