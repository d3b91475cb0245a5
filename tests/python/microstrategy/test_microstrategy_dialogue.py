"""Our requests beside those that the vendor's own client sends for the same script, as recorded.

What differs, and why: the login is JSON, as the documents have it, not a form; ours does not ask for the version of the
server, for itself, whether the name is taken, or what has become of the dataset; what fits into one chunk is one; the
upload session is deleted after success too; BOOL is the documents' name for BOOLEAN; a T stands between date and time,
and what is missing is null, not the text "NaT".
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import powerbi_push as pbi

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator, MicroStrategy

DIALOGUE = Path(__file__).parents[2] / "fixtures" / "microstrategy_dialogue.json"
TYPES = {"order_id": int, "region": str, "amount": float, "flag": bool, "ts": datetime, "day": date, "t": time}
MISSING = {"NaT", "None"}


def path_of(target: str) -> str:
    """A path without what is named in it."""
    return re.sub(r"[0-9A-F]{32}", "ID", target.partition("/api/")[2])


def data_of(body: dict[str, Any]) -> list[list[Any]]:
    """The rows of a chunk."""
    rows: list[list[Any]] = json.loads(b64decode(body["data"]))
    return rows


def recorded() -> list[tuple[str, str, Any, dict[str, str]]]:
    """Method, path, body and headers of each recorded request that does something."""
    exchanges = json.loads(DIALOGUE.read_text(encoding="utf-8"))["exchanges"]
    requests = [exchange["request"] for exchange in exchanges if exchange["request"]["method"] != "GET"]
    return [
        (
            one["method"],
            path_of(one["target"]),
            one.get("json"),
            {name.lower(): value for name, value in one["headers"]},
        )
        for one in requests
    ]


def test_the_requests_are_those_of_the_vendors_client(powerbi: Emulator, microstrategy: MicroStrategy) -> None:
    theirs = recorded()
    chunks = [data_of(body) for method, _, body, _ in theirs if method == "PUT"]
    first, update = [row for chunk in chunks[:3] for row in chunk], chunks[3]
    who: Any = {"username": microstrategy.username, "password": microstrategy.password}
    with pbi.microstrategy.Client(microstrategy.base_url, **who) as client:
        schema = pbi.DatasetSchema("Orders cube", {"orders": TYPES}, target="microstrategy")
        dataset = client.create_dataset(schema, attributes=["order_id"], description="made by drive_create")
        for rows, policy in ((first, "replace"), (update, "upsert")):
            known = [[None if value in MISSING else value for value in row] for row in rows]
            dataset.push([dict(zip(TYPES, row, strict=True)) for row in known], policy=policy)  # type: ignore[arg-type]
    ours = [one for one in powerbi.requests if one.method != "GET"]
    assert [(one.method, path_of(one.path)) for one in ours if one.method != "DELETE"] == [
        one[:2] for place, one in enumerate(theirs) if place not in {4, 5}
    ]
    bodies = [json.loads(one.body) for one in ours if one.body and "auth" not in one.path]
    spelled = json.loads(json.dumps(theirs[1][2]).replace("BOOLEAN", "BOOL"))
    assert (bodies[0], bodies[1], bodies[3]) == (spelled, theirs[2][2], theirs[7][2])
    for body, rows in ((bodies[2], first), (bodies[4], update)):
        assert (body["tableName"], body["index"], set(body)) == ("orders", 1, {"tableName", "index", "data"})
        assert [[plain(value) for value in row] for row in data_of(body)] == [
            [plain(value) for value in row] for row in rows
        ]


def plain(value: object) -> object:
    """A value as both spell it."""
    if isinstance(value, str):
        return (
            None
            if value in MISSING
            else re.sub(r"(?<=\d\d)T(?=\d\d:)", " ", value).removesuffix(" 00:00:00").rstrip("0").rstrip(".:")
        )
    return value


def test_every_request_carries_the_token_all_cookies_and_the_project(
    powerbi: Emulator, microstrategy: MicroStrategy
) -> None:
    who: Any = {"username": microstrategy.username, "password": microstrategy.password}
    with pbi.microstrategy.Client(microstrategy.base_url, **who) as client:
        client.create_dataset(pbi.DatasetSchema("D", {"T": {"a": str}}, target="microstrategy")).push([{"a": "x"}])
    _, projects, *rest, logout = powerbi.requests
    names = [{name.lower() for name in one.headers} for one in (projects, *rest, logout)]
    assert all({"x-mstr-authtoken", "cookie"} <= one for one in names)
    assert ["x-mstr-projectid" in one for one in names] == [False, *[True] * len(rest), False]
