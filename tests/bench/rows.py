"""Dict rows into request bodies, one thread: ours checks every value, theirs need not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import make_dataclass
from datetime import datetime
from types import GenericAlias
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import msgspec
import orjson
import pydantic

import data
from measure import CPU, Figure, Target, alternate

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push import TableSchema

Bodies = Iterator[bytes]


def figures(rounds: int) -> Iterator[Figure]:
    """All comparisons of rows that are Python objects."""
    yield from _sales(rounds)
    shapes: list[tuple[str, TableSchema, Callable[[], data.Rows]]] = [
        ("25 columns of short strings and ints", data.WIDE, data.wide),
        ("3 columns", data.NARROW, data.narrow),
        ("6 columns, each row parsed by itself", data.SALES, lambda: data.parsed(data.sales())),
        ("25 columns, each row parsed by itself", data.WIDE, lambda: data.parsed(data.wide())),
        ("rows with missing keys", data.SALES, data.gaps),
        ("all strings non-ASCII", data.TEXTS, data.texts),
        ("flights as records", data.FLIGHTS, data.flights),
        ("flights as records, each row parsed by itself", data.FLIGHTS, lambda: data.parsed(data.flights())),
    ]
    for work, schema, make in shapes:
        rows = make()
        times = alternate(_ours(schema, rows), {"orjson": _orjson(rows)}, rounds, CPU)
        yield times.figure(f"dict rows: {work}", "orjson", Target(1.0))
    rows = data.full()
    for check in ("batch", "all"):
        times = alternate(_ours(data.FULL, rows, check), {"orjson": _orjson(rows)}, rounds, CPU)
        when = ", all checked before the first body" if check == "all" else ""
        yield times.figure(f"dict rows: floats of all digits, unique non-ASCII text{when}", "orjson", Target(1.2))
    yield from _vega(rounds)
    yield from _objects(rounds)


def _vega(rounds: int) -> Iterator[Figure]:
    """Tables that others made, their keys shared and new in each row."""
    for name, (schema, shared) in data.vega().items():
        for keys, rows in {"shared": shared, "new": data.parsed(shared)}.items():
            times = alternate(_ours(schema, rows), {"orjson": _orjson(rows)}, rounds, CPU)
            yield times.figure(f"dict rows: {name}, {len(schema.columns)} columns, {keys} keys", "orjson", Target(1.0))


def _sales(rounds: int) -> Iterator[Figure]:
    rows = data.sales()
    ours, theirs = _ours(data.SALES, rows), _orjson(rows)
    if list(ours()) != list(theirs()):
        message = "the bodies differ from orjson's"
        raise AssertionError(message)
    others = {"orjson": theirs, "msgspec, to structs first": _msgspec(rows)}
    times = alternate(ours, {**others, "pydantic, validate and dump": _pydantic(rows)}, rounds, CPU)
    work = "dict rows, 6 columns"
    yield times.figure(work, "orjson", Target(1.25))
    yield times.figure(work, "msgspec, to structs first", Target(2.5))
    yield times.figure(work, "pydantic, validate and dump", Target(7))
    times = alternate(ours, {"json.dumps": _json(rows)}, 3, CPU)
    yield times.figure(work, "json.dumps", Target(14))
    times = alternate(_ours(data.SALES, rows, check="all"), {"orjson": theirs}, rounds, CPU)
    yield times.figure("the same, all checked before the first body", "orjson", Target(1.0))


def _objects(rounds: int) -> Iterator[Figure]:
    rows = data.sales()
    fields = list(rows[0])
    sale = make_dataclass("Sale", fields, slots=True)
    records = [sale(**row) for row in rows]
    times = alternate(_ours(data.SALES, records), {"orjson": _orjson(records)}, rounds, CPU)
    yield times.figure("dataclasses with slots", "orjson", Target(1.0))
    sale = make_dataclass("Sale", fields)
    records = [sale(**row) for row in rows]
    times = alternate(_ours(data.SALES, records), {"orjson": _orjson(records)}, rounds, CPU)
    yield times.figure("dataclasses", "orjson", Target(1.0))
    tuples = [NamedSale(**row) for row in rows]
    times = alternate(
        _ours(data.SALES, tuples), {"orjson, by _asdict()": _orjson(tuples, NamedSale._asdict)}, rounds, CPU
    )
    yield times.figure("named tuples", "orjson, by _asdict()", Target(1.0))


def _slices(rows: list[Any]) -> Iterator[list[Any]]:
    return (rows[start : start + data.BODY] for start in range(0, len(rows), data.BODY))


def _ours(schema: TableSchema, rows: list[Any], check: Any = "batch") -> Callable[[], Bodies]:
    return lambda: schema.payloads(rows, check=check)


def _orjson(rows: list[Any], default: Callable[[Any], Any] | None = None) -> Callable[[], Bodies]:
    if default is None:
        return lambda: (orjson.dumps({"rows": part}) for part in _slices(rows))
    return lambda: (orjson.dumps({"rows": [default(row) for row in part]}) for part in _slices(rows))


def _json(rows: data.Rows) -> Callable[[], Bodies]:
    def dump(part: data.Rows) -> bytes:
        return json.dumps({"rows": part}, default=datetime.isoformat).encode()

    return lambda: (dump(part) for part in _slices(rows))


class NamedSale(NamedTuple):
    """A row as a named tuple."""

    Id: int
    Item: str
    Town: str
    Price: float
    Paid: bool
    At: datetime


def _msgspec(rows: data.Rows) -> Callable[[], Bodies]:
    sale = msgspec.defstruct("Sale", list(get_type_hints(NamedSale).items()))
    structs = msgspec.defstruct("Sales", [("rows", GenericAlias(list, sale))])
    encoder = msgspec.json.Encoder()

    def dump(part: data.Rows) -> bytes:
        body: bytes = encoder.encode(msgspec.convert({"rows": part}, structs))
        return body

    return lambda: (dump(part) for part in _slices(rows))


class _Model(pydantic.BaseModel):
    Id: int
    Item: str
    Town: str
    Price: float
    Paid: bool
    At: datetime


class _Models(pydantic.BaseModel):
    rows: list[_Model]


def _pydantic(rows: data.Rows) -> Callable[[], Bodies]:
    def dump(part: data.Rows) -> bytes:
        return _Models.model_validate({"rows": part}).model_dump_json().encode()

    return lambda: (dump(part) for part in _slices(rows))
