"""The bar that shows a person how far a push has come, and what it waits for."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

from powerbi_push.delivery.results import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push.delivery.progress import Progress

#: The rate is that of the last ten seconds.
_RATES = 20
#: The width of what is no terminal, a notebook for example.
_WIDTH = 100
#: Between what is waited for and the time of day when it goes on.
_UNTIL = ", until "
#: Ends that are nearer than this are told with their seconds.
_SOON = 120.0


def is_watched() -> bool:
    """Whether a person sees what is written to stderr: in a terminal, or in a notebook."""
    with _unseen():
        return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())
    return False


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    return getattr(shell and shell.get_ipython(), "kernel", None) is not None


def bar(always: bool) -> Bar | TqdmBar | None:  # noqa: FBT001 - called by the core
    """Make what shows a push; None where nobody watches."""
    if sys.stderr is None or not (always or is_watched()):
        return None
    return TqdmBar(_tqdm()) if find_spec("tqdm") else Bar(sys.stderr)


def _tqdm() -> Any:
    # What tqdm itself would take in a notebook without ipywidgets it complains of.
    kind = "notebook" if in_notebook() and find_spec("ipywidgets") else "std"
    return import_module(f"tqdm.{kind}").tqdm


class TqdmBar:
    """The bar of tqdm."""

    def __init__(self, tqdm: Callable[..., Any]) -> None:
        """Nothing is shown yet."""
        self._tqdm = tqdm
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        """Show how far it has come."""
        with _unseen():
            if self._bar is None:
                # In a notebook the width of a bar is settled when it is made.
                known = {"initial": progress.confirmed, "total": progress.total, "file": sys.stderr}
                self._bar = self._tqdm(**known, unit=" rows", unit_scale=True, dynamic_ncols=True)
            self._bar.total = progress.total
            self._bar.update(progress.confirmed - self._bar.n)
            self._bar.set_postfix_str(told(progress) or "")

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            with _unseen():
                self._bar.close()


class Bar:
    """One line that is written again and again."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to `stream`; nothing is shown yet."""
        self._stream = stream
        self._clock = clock
        self._confirmed: deque[tuple[float, int]] = deque(maxlen=_RATES)
        self._shown = 0

    def __call__(self, progress: Progress) -> None:
        """Show how far it has come."""
        self._confirmed.append((self._clock(), progress.confirmed))
        width = _width(self._stream) - 1
        lines = list(_lines(progress, self._rate()))
        line = next((line for line in lines if len(line) <= width), None) or _cut(lines[-1], width)
        self._write(f"\r{line}{' ' * (self._shown - len(line))}")
        self._shown = len(line)

    def close(self) -> None:
        """Leave the line as it is."""
        if self._shown:
            self._write("\n")

    def _rate(self) -> float:
        (start, before), (end, now) = self._confirmed[0], self._confirmed[-1]
        return (now - before) / (end - start) if end > start else 0.0

    def _write(self, text: str) -> None:
        with _unseen():
            self._stream.write(text)
            self._stream.flush()


def _unseen() -> suppress:
    """A stream that is closed or broken: whether somebody can see it never decides about rows."""
    return suppress(OSError, ValueError)


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH


def _lines(progress: Progress, rate: float) -> Iterator[str]:
    """The line, and shorter ones for narrow windows."""
    done = amount(progress.confirmed, "row")
    short = done
    if progress.total is not None:
        share = f"{progress.confirmed * 100 // max(progress.total, 1)}%"
        done, short = f"{progress.confirmed:,} of {amount(progress.total, 'row')} ({share})", share
    news = told(progress) or _pace(progress, rate)
    if news:
        yield f"{done}, {news}"
        yield f"{short}, {news}"
        yield news
    if progress.waiting is None:
        yield done


def _cut(line: str, width: int) -> str:
    """Shorten a line; until when something is waited for stays."""
    front, until, end = line.rpartition(_UNTIL)
    return f"{front[: max(width - 1 - len(until + end), 0)]}…{until}{end}" if until else f"{line[: width - 1]}…"


def told(progress: Progress) -> str | None:
    """What the push does where it is not sending: waiting, or checking rows."""
    return _waiting(progress) or _checked(progress)


def _waiting(progress: Progress) -> str | None:
    if progress.waiting is None or progress.until is None:
        return progress.waiting
    left = (progress.until - datetime.now(UTC)).total_seconds()
    return f"{progress.waiting}{_UNTIL}{progress.until:{'%H:%M:%S' if left < _SOON else '%H:%M'}}"


def _checked(progress: Progress) -> str | None:
    """Rows that can be read twice are all checked before the first is sent."""
    checking = progress.total is not None and progress.requests == 0 and progress.read < progress.total
    return f"{progress.read:,} checked" if checking else None


def _pace(progress: Progress, rate: float) -> str | None:
    if not rate:
        return None
    if progress.total is None or progress.confirmed == progress.total:
        return f"{rate:,.0f} rows/s"
    minutes, seconds = divmod(round((progress.total - progress.confirmed) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{rate:,.0f} rows/s, {left} left"
