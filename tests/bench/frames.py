"""Frames into request bodies: on one processor by its own time, on two by the clock on the wall."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pandas as pd
import polars as pl

import data
import machine
from measure import CPU, WALL, Figure, Target, Times, alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Contender = tuple[str, Callable[[], object]]
    Ours = Callable[[], Iterator[bytes]]

WRITE_JSON = "polars write_json"
TO_JSON = "pandas to_json"


def figures(rounds: int) -> Iterator[Figure]:
    """All comparisons of frames."""
    polars, pandas = pl.DataFrame(data.sales()), pd.DataFrame(data.sales())
    objects = pandas.astype({"Item": object, "Town": object})
    write_json = (WRITE_JSON, polars.write_json)
    contests: list[tuple[str, Any, Contender, dict[int, float]]] = [
        ("polars frame", polars, write_json, {1: 4, 2: 6}),
        ("pyarrow table", polars.to_arrow(), write_json, {1: 4, 2: 6}),
        ("pandas, Arrow-backed strings", pandas, (TO_JSON, _to_json(pandas)), {1: 10, 2: 15}),
        ("pandas, object strings", objects, (TO_JSON, _to_json(objects)), {1: 4}),
    ]
    for work, frame, (name, other), targets in contests:
        for cores, target in targets.items():
            times = _alternate(_ours(frame), {name: other}, rounds, cores)
            yield times.figure(f"{work}, {'one core' if cores == 1 else 'two cores'}", name, Target(target))
    times = _alternate(_without_pyarrow(objects), {TO_JSON: _to_json(objects)}, rounds, cores=1)
    yield times.figure("the same without pyarrow", TO_JSON, Target(4))


def _alternate(ours: Ours, others: dict[str, Callable[[], object]], rounds: int, cores: int) -> Times:
    machine.pin(cores)
    try:
        return alternate(ours, others, rounds, CPU if cores == 1 else WALL)
    finally:
        machine.pin(64)


def _ours(frame: Any) -> Ours:
    return lambda: data.SALES.payloads(frame, check="batch")


def _without_pyarrow(frame: Any) -> Ours:
    def ours() -> Iterator[bytes]:
        # It is looked for when the frame is opened, and not found.
        with patch.dict(sys.modules, {"pyarrow": None}):
            return data.SALES.payloads(frame, check="batch")

    return ours


def _to_json(frame: pd.DataFrame) -> Callable[[], object]:
    return lambda: frame.to_json(orient="records", date_format="iso")
