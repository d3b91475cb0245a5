"""Frames into request bodies: on one processor by its own time, on two by the clock on the wall."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal
from unittest.mock import patch

import pandas as pd
import polars as pl

import data
import machine
from measure import CPU, WALL, Figure, Target, Times, alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from powerbi_push import TableSchema

    Check = Literal["all", "batch"]
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
    yield from _columns(rounds)
    times = _alternate(_without_pyarrow(objects), {TO_JSON: _to_json(objects)}, rounds, cores=1)
    yield times.figure("the same without pyarrow", TO_JSON, Target(4))


def _columns(rounds: int) -> Iterator[Figure]:
    """Frames whose columns are all of one kind."""
    for kind, (schema, columns) in data.columns().items():
        frame = pl.DataFrame(columns)
        goals: dict[int, float] = {1: 6, 2: 7} if len(columns) > 1 else {2: 3}
        for cores, target in goals.items():
            times = _alternate(_ours(frame, schema), {WRITE_JSON: frame.write_json}, rounds, cores)
            work = f"polars frame: {kind}, {'one core' if cores == 1 else 'two cores'}"
            yield times.figure(work, WRITE_JSON, Target(target))
    mixed = pl.DataFrame(data.sales())
    pandas = pd.DataFrame(data.sales())
    whole: list[tuple[str, Any, Contender, float]] = [
        ("polars frame", mixed, (WRITE_JSON, mixed.write_json), 5),
        ("pandas, Arrow-backed strings", pandas, (TO_JSON, _to_json(pandas)), 13),
    ]
    for work, frame, (name, other), target in whole:
        times = _alternate(_ours(frame, check="all"), {name: other}, rounds, cores=2)
        yield times.figure(f"{work}, all checked before the first body, two cores", name, Target(target))


def _alternate(ours: Ours, others: dict[str, Callable[[], object]], rounds: int, cores: int) -> Times:
    machine.pin(cores)
    try:
        return alternate(ours, others, rounds, CPU if cores == 1 else WALL)
    finally:
        machine.pin(64)


def _ours(frame: Any, schema: TableSchema = data.SALES, check: Check = "batch") -> Ours:
    return lambda: schema.payloads(frame, check=check)


def _without_pyarrow(frame: Any) -> Ours:
    def ours() -> Iterator[bytes]:
        # It is looked for when the frame is opened, and not found.
        with patch.dict(sys.modules, {"pyarrow": None}):
            return data.SALES.payloads(frame, check="batch")

    return ours


def _to_json(frame: pd.DataFrame) -> Callable[[], object]:
    return lambda: frame.to_json(orient="records", date_format="iso")
