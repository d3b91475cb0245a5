"""The certificate of an emulator, in a file of its own for as long as the emulator lives."""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path

__all__ = ["Bundle"]


class Bundle:
    """A PEM file that only its owner can read; gone with `remove`, or when it is forgotten."""

    def __init__(self, pem: str) -> None:
        """Write it."""
        handle, path = tempfile.mkstemp(prefix="powerbi_push-", suffix=".pem")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(pem)
        self.path = path
        self.remove = weakref.finalize(self, _remove, path, os.getpid())


def _remove(path: str, owner: int) -> None:
    """Remove the file, unless this is a fork of the process that wrote it."""
    if os.getpid() == owner:
        Path(path).unlink(missing_ok=True)
