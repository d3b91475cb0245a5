"""A job as one has in production: it tidies readings up and pushes them. It knows nothing of any test."""

from __future__ import annotations

from typing import Any

import powerbi_push as pbi


def tidy(readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what has no value, and round the rest."""
    known = [reading for reading in readings if reading["celsius"] is not None]
    return [{"sensor": reading["sensor"], "celsius": round(reading["celsius"], 1)} for reading in known]


def load(readings: list[dict[str, Any]]) -> int:
    """Push readings into the table that the report shows; say how many were confirmed."""
    with pbi.Client() as client:
        return client.dataset("House").table("Readings").push(tidy(readings)).confirmed


def stream(readings: list[dict[str, Any]], push_url: str) -> int:
    """Push readings into a live tile."""
    return pbi.StreamingDataset(push_url).push(tidy(readings)).confirmed
