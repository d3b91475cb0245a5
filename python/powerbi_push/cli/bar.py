"""The bar of a push from a file: how much of the file that is, in Rich where it is installed."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Protocol

from powerbi_push.display.bar import Bar, bar, is_watched, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.delivery.progress import Progress

#: A push that is over sooner shows nothing.
_SOON = 2.0
#: Columns in which a bar has room beside the longest wait.
_WIDE = 118


class _Shows(Protocol):
    def __call__(self, progress: Progress) -> None: ...
    def close(self) -> None: ...


class FileBar:
    """Shows a push. How many rows there are is known, or told from how much of the file has been read."""

    def __init__(
        self, share: Callable[[], float | None], total: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Show nothing yet."""
        self._clock = clock
        self._share = share
        self._total = total
        self._begun = clock()
        self._bar: _Shows | None = None

    def __call__(self, progress: Progress) -> None:
        """Show how far it has come."""
        if self._bar is None and self._clock() - self._begun < _SOON:
            return
        self._bar = self._bar or _made()
        if self._bar is not None:
            self._bar(replace(progress, total=self._guess(progress)))

    def _guess(self, progress: Progress) -> int | None:
        if self._total is not None:
            return self._total
        share = self._share()
        return max(round(progress.read / share), progress.read) if share else None

    def close(self) -> None:
        """Leave it as it is."""
        if self._bar is not None:
            self._bar.close()


def watch(share: Callable[[], float | None], total: int | None, *, quiet: bool) -> FileBar | None:
    """Make the bar where somebody sees it."""
    return FileBar(share, total) if not quiet and is_watched() else None


def _made() -> _Shows | None:
    # Narrower lines lose what matters most, which is at their end; the package's own bar shortens its beginning.
    if get_terminal_size().columns < _WIDE:
        return Bar(sys.stderr)
    return RichBar() if find_spec("rich") else bar(always=False)


class RichBar:
    """The bar of Rich."""

    def __init__(self) -> None:
        """Begin to draw."""
        from rich.console import Console  # noqa: PLC0415 - where it is installed
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns: list[Any] = [TextColumn("{task.completed:,.0f} rows"), BarColumn(bar_width=24), TaskProgressColumn()]
        columns += [TimeRemainingColumn(compact=True), TextColumn("{task.description}")]
        self._drawn = Progress(*columns, console=Console(file=sys.stderr))
        self._task = self._drawn.add_task("", total=None)
        self._drawn.start()

    def __call__(self, progress: Progress) -> None:
        """Show how far it has come."""
        speed = self._drawn.tasks[0].speed
        text = told(progress) or (f"{speed:,.0f} rows/s" if speed else "")
        self._drawn.update(self._task, completed=progress.confirmed, total=progress.total, description=text)

    def close(self) -> None:
        """Leave it as it is."""
        self._drawn.stop()
