"""A million dict rows over HTTP to the sink: the clock on the wall, and the processor's."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import requests

import data
import powerbi_push as pbi
import sink
from measure import CPU, WALL, Figure, Target, alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = 1_000_000
# As many requests at once as ours keeps out.
IN_FLIGHT = 4
JSON_ROUNDS = 2
# When rows are checked, and what that is called.
CHECKS = {
    "batch": "1,000,000 dict rows to the sink, each body checked before it is sent",
    "all": "1,000,000 dict rows to the sink, all checked before the first body is sent",
}

HEADERS = {"Authorization": "Bearer a token", "Content-Type": "application/json"}


def figures(rounds: int) -> Iterator[Figure]:
    """All comparisons that send."""
    rows = data.sales(ROWS)
    with sink.running() as url:
        target = table(url)
        requests_orjson = {"requests + orjson": _requests(url, rows, _orjson)}
        others = requests_orjson | {"aiohttp + orjson": _aiohttp(url, rows)}
        slow = {"requests + json.dumps": _requests(url, rows, _json)}
        for check, work in CHECKS.items():
            ours = _push(target, rows, check=check)
            times = alternate(ours, others, rounds, WALL)
            yield times.figure(work, "requests + orjson", Target(1.5))
            yield times.figure(work, "aiohttp + orjson", Target(1.5))
            times = alternate(ours, requests_orjson, rounds, CPU)
            yield times.figure(f"{work}: processor time", "requests + orjson", Target(0.7, at_most=True))
            times = alternate(ours, slow, JSON_ROUNDS, WALL)
            yield times.figure(work, "requests + json.dumps", Target(14))
        yield from _full(url, rounds)


def _full(url: str, rounds: int) -> Iterator[Figure]:
    """Floats of all digits and texts that are not ASCII, which cost everybody most."""
    rows = data.full(ROWS)
    ours, theirs = (
        _push(table(url, data.FULL), rows, check="batch"),
        {"requests + orjson": _requests(url, rows, _orjson)},
    )
    work = "1,000,000 dict rows with floats of all digits to the sink, each body checked before it is sent"
    yield alternate(ours, theirs, rounds, WALL).figure(work, "requests + orjson", Target(1.7))
    times = alternate(ours, theirs, rounds, CPU)
    yield times.figure(f"{work}: processor time", "requests + orjson", Target(0.7, at_most=True))


def table(url: str, schema: pbi.TableSchema = data.SALES) -> pbi.Table:
    """Take a table of the sink, which takes any, of a client without quotas."""
    return pbi.Client("opaque", base_url=url, quotas=None).dataset(sink.DATASET_ID).table(schema.name, schema)


def _push(table: pbi.Table, rows: data.Rows, **options: Any) -> Callable[[], object]:
    def push() -> None:
        confirmed = table.push(rows, **options).confirmed
        if confirmed != len(rows):
            message = f"{confirmed} rows were confirmed"
            raise AssertionError(message)

    return push


def _parts(rows: data.Rows) -> Iterator[data.Rows]:
    return (rows[start : start + data.BODY] for start in range(0, len(rows), data.BODY))


def _orjson(part: data.Rows) -> bytes:
    body: bytes = orjson.dumps({"rows": part})
    return body


def _json(part: data.Rows) -> bytes:
    return json.dumps({"rows": part}, default=datetime.isoformat).encode()


def _requests(url: str, rows: data.Rows, dump: Callable[[data.Rows], bytes]) -> Callable[[], object]:
    def send() -> None:
        with requests.Session() as session:
            session.headers.update(HEADERS)
            for part in _parts(rows):
                session.post(sink.rows_url(url), data=dump(part)).raise_for_status()

    return send


def _aiohttp(url: str, rows: data.Rows) -> Callable[[], object]:
    async def post(session: aiohttp.ClientSession, parts: Iterator[data.Rows]) -> None:
        for part in parts:
            async with session.post(sink.rows_url(url), data=_orjson(part)) as answer:
                answer.raise_for_status()
                await answer.read()

    async def send() -> None:
        parts = _parts(rows)
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            await asyncio.gather(*(post(session, parts) for _ in range(IN_FLIGHT)))

    return lambda: asyncio.run(send())


def from_generator(url: str, rows: int) -> tuple[float, float]:
    """Push so many rows from a generator; answers the growth of this process's peak in MB, and the seconds."""
    target = table(url)
    target.push([data.sale(0)])
    before, start = peak(), time.perf_counter()
    result = target.push(data.sale(number) for number in _numbers(rows))
    if result.confirmed != rows:
        message = f"{result.confirmed} rows were confirmed"
        raise AssertionError(message)
    return peak() - before, time.perf_counter() - start


def _numbers(rows: int) -> Iterator[int]:
    return (number for number, _ in zip(count(), range(rows), strict=False))


def peak() -> float:
    """The most memory that this process has ever held, in MB."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib would be part of what is measured
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1_000
