"""Checked rows from Python into Power BI."""

from powerbi_push._core import __version__

__all__ = ["__version__"]
