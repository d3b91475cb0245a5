"""The emulator that writes are held to: what a program's environment says does not reach the processes of Spark.

Spark's driver and executors have the environment that they were started with. So the format is registered together with
the address, hands it on with the options of each write, and each process that sends keeps to it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from powerbi_push.environment import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The sessions that have the format, as long as somebody holds them.
_sessions: WeakSet[Any] = WeakSet()


def add_format(spark: Any) -> None:
    """Add the format to a session of Spark, as this process's environment is now."""
    from powerbi_push.spark.source import for_environment  # noqa: PLC0415 - it needs pyspark

    spark.dataSource.register(for_environment())
    _sessions.add(spark)


def follow_environment() -> None:
    """Add the format again, as the environment is now, to each session that has it and still runs."""
    for spark in list(_sessions):
        context = getattr(spark, "sparkContext", None)
        if context is None or context._jsc is not None:  # noqa: SLF001 - Spark has no other word for "was stopped"
            add_format(spark)


@contextmanager
def held_to(address: str | None) -> Iterator[None]:
    """Let this process send to the emulator at an address alone; None changes nothing.

    Spark takes a process for one task after the other, so that the next one must not find this.
    """
    before = os.environ.get(VARIABLE)
    if address is not None:
        os.environ[VARIABLE] = address
    try:
        yield
    finally:
        if before is not None:
            os.environ[VARIABLE] = before
        elif address is not None:
            del os.environ[VARIABLE]
