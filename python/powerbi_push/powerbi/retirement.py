"""The one warning about the end of push datasets."""

from __future__ import annotations

import sys
import warnings

from powerbi_push import _core
from powerbi_push.exceptions import PushDatasetRetirementWarning

_RETIREMENT = (
    "Power BI stops creating push and streaming datasets after 2027-10-31; existing ones go on. "
    "See https://learn.microsoft.com/power-bi/connect-data/service-real-time-streaming"
)
_retirement_told = False


def tell_of_retirement(base_url: str) -> None:
    """Warn once per process, and never towards this machine."""
    global _retirement_told  # noqa: PLW0603 - once per process
    if _retirement_told or _core.is_loopback(base_url):
        return
    _retirement_told = True
    frame, level = sys._getframe(), 1  # noqa: SLF001 - as `warnings` itself does
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("powerbi_push"):
        frame, level = frame.f_back, level + 1
    warnings.warn(_RETIREMENT, PushDatasetRetirementWarning, stacklevel=level)
