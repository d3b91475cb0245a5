"""The emulator's MicroStrategy: sessions, objects, refusals, faults, and the recorded dialogue."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from http.client import RemoteDisconnected
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest

import powerbi_push as pbi
from library_session import NO_OBJECT, PROJECT, LibrarySession, model

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator, MicroStrategy

EXPIRED = (401, "ERR009", "The user's session has expired, please reauthenticate")
DIALOGUE = Path(__file__).parents[2] / "fixtures" / "microstrategy_dialogue.json"


def shape(value: Any) -> Any:
    """What an answer is made of: names, and the kinds of what they name."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__


def holds(own: Any, recorded: Any) -> bool:
    """Whether an answer has all that the recorded one had, of the same kinds; it may have more."""
    if isinstance(recorded, dict):
        return all(name in own and holds(own[name], inner) for name, inner in recorded.items())
    if isinstance(recorded, list):
        return all(holds(*pair) for pair in zip(own, recorded, strict=True))
    return bool(own == recorded)


def test_the_recorded_dialogue_is_answered_as_it_was(microstrategy: MicroStrategy) -> None:
    library = LibrarySession(microstrategy, project=None)
    found: dict[str, str] = {}
    for exchange in json.loads(DIALOGUE.read_text(encoding="utf-8"))["exchanges"]:
        request, expected = exchange["request"], exchange["response"]
        sent = {name: value for name, value in request["headers"] if name in ("Content-Type", "X-MSTR-ProjectID")}
        target = request["target"].removeprefix("/MicroStrategyLibrary")
        for recorded, own in found.items():
            target = target.replace(recorded, own)
        if "form" in request:
            form = request["form"] | {"username": microstrategy.username, "password": microstrategy.password}
            reply = library.login(form=True, **form)
        else:
            data = json.dumps(request["json"]).encode() if "json" in request else None
            reply = library.send(request["method"], target, data, sent)
        assert reply.status == expected["status"], (exchange["seq"], reply.text)
        if expected["json"]:
            assert holds(shape(reply.json), shape(expected["json"])), exchange["seq"]
            for name in ("id", "uploadSessionId"):
                if request["method"] == "POST" and name in expected["json"]:
                    found[expected["json"][name]] = reply.json[name]
    assert len(found) == 3
    names = ("order_id", "region", "amount", "flag", "ts", "day", "t")
    expected_rows = [
        (1, "North", 10.5, True, datetime(2024, 1, 2, 3, 4, 5), date(2024, 1, 2), time(3, 4, 5)),
        (2, "Süd", None, False, datetime(2024, 1, 2), date(2024, 1, 3), time(0)),
        (3, None, 0.1, True, None, date(2024, 1, 4), time(23, 59, 59)),
        (4, 'W"est', 1e20, True, datetime(1999, 12, 31, 23, 59, 59, 123456), date(2024, 1, 5), time(1, 2, 3, 456000)),
        (5, "E/ast", -3.0, False, datetime(2024, 6, 30), date(2024, 1, 6), time(12)),
    ]
    rows = microstrategy.rows("Orders cube/orders")
    assert rows == [dict(zip(names, row, strict=True)) for row in expected_rows]
    assert microstrategy.open_uploads == 0


@pytest.mark.parametrize("form", [False, True])
def test_a_login_gives_a_token_and_cookies(microstrategy: MicroStrategy, *, form: bool) -> None:
    library = LibrarySession(microstrategy)
    assert library.ask("GET", "/projects").refusal == EXPIRED
    reply = library.login(form=form)
    assert (reply.status, reply.text, len(reply.headers["x-mstr-authtoken"])) == (204, "", 26)
    assert {cookie.name for cookie in library.jar} == {"JSESSIONID", "AWSALB"}
    projects = library.ask("GET", "/projects")
    assert [(it["name"], it["id"]) for it in projects.json] == [(microstrategy.project, PROJECT)]
    assert projects.headers["x-mstr-total-count"] == "1"
    assert library.ask("PUT", "/sessions").status == 204
    assert library.ask("GET", "/sessions/userInfo").json["metadataUser"] is True
    assert library.ask("POST", "/auth/logout").status == 204
    assert library.ask("GET", "/projects").refusal == EXPIRED


def test_every_kind_of_login(microstrategy: MicroStrategy) -> None:
    for good in (
        {"loginMode": 16},
        {"loginMode": 8, "username": "guest", "password": ""},
        {"loginMode": 4096, "username": microstrategy.api_token, "password": ""},
    ):
        assert LibrarySession(microstrategy).login(**good).status == 204, good
    bad: dict[str, Any]
    for bad in ({"password": "x"}, {"username": "x"}, {"loginMode": -1}, {"loginMode": 4096}, {"loginMode": "?"}):
        assert LibrarySession(microstrategy).login(**bad).refusal == (401, "ERR003", "Login failed"), bad


def test_a_login_is_handed_on(library: LibrarySession) -> None:
    made = library.ask("POST", "/auth/identityToken")
    token = made.headers["x-mstr-identitytoken"]
    assert made.status == 201
    other = LibrarySession(library.server)
    assert other.ask("GET", "/auth/identityToken", **{"X-MSTR-IdentityToken": token}).status == 200
    reply = other.ask("POST", "/auth/delegate", {"loginMode": "-1", "identityToken": token})
    other.headers["X-MSTR-AuthToken"] = reply.headers["x-mstr-authtoken"]
    assert (reply.status, other.ask("GET", "/sessions").status) == (204, 200)
    wrong = other.ask("POST", "/auth/delegate", {"loginMode": "-1", "identityToken": "x"})
    assert wrong.refusal == (401, "ERR003", "Login failed")


def test_a_token_of_oauth_needs_no_cookies(microstrategy: MicroStrategy) -> None:
    library = LibrarySession(microstrategy)
    library.headers["X-MSTR-AuthToken"] = microstrategy.oauth_token
    reply = library.ask("GET", "/projects")
    assert (reply.status, "set-cookie" in reply.headers) == (200, False)


def test_a_session_needs_its_cookies_and_can_expire(library: LibrarySession) -> None:
    bare = LibrarySession(library.server)
    bare.headers |= library.headers
    assert bare.ask("GET", "/projects").refusal == EXPIRED
    assert library.ask("GET", "/projects").status == 200
    assert library.server.open_sessions >= 1
    library.server.expire_sessions()
    assert (library.ask("GET", "/projects").refusal, library.server.open_sessions) == (EXPIRED, 0)


def test_datasets_are_found_listed_and_deleted(library: LibrarySession) -> None:
    ids = [library.define({"k": "STRING"}, "k", name=name) for name in ("Sales", "Sales 2", "Old sales")]

    def found(query: str) -> list[str]:
        reply = library.ask("GET", f"/searches/results?type=3&{query}").json
        assert reply["totalItems"] >= len(reply["result"])
        return [it["name"] for it in reply["result"]]

    assert found("name=sales&pattern=2") == ["Sales", "Sales 2"]
    assert (found("name=Sales&pattern=3"), found("limit=1&offset=1")) == (["Sales"], ["Sales 2"])
    assert len(found("name=sales&pattern=4")) == 3
    listed = library.ask("GET", "/folders/preDefined/20?offset=0&limit=2")
    assert ([it["id"] for it in listed.json], listed.headers["x-mstr-total-count"]) == (ids[:2], "3")
    assert library.ask("GET", "/folders/preDefined/7").json == []
    assert library.ask("GET", f"/cubes?id={ids[0]}").json["cubesInfos"][0]["cubeName"] == "Sales"
    assert library.ask("GET", f"/objects/{ids[0]}?type=3").json["subtype"] == 779
    assert library.ask("DELETE", f"/objects/{ids[0]}?type=3").status == 204
    assert library.ask("GET", f"/objects/{ids[0]}?type=3").refusal == NO_OBJECT
    other = library.server.add_project("Other")
    assert library.ask("GET", f"/datasets/{ids[1]}", **{"X-MSTR-ProjectID": other}).refusal == NO_OBJECT
    with pytest.raises(pbi.NotFoundError, match="there is no dataset `Sales`"):
        library.server.rows("Sales/T")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tables": []}, "'tables' is missing"),
        ({"name": "a[b]"}, "has one of the characters"),
        ({"name": "a" * 251}, "more than 250"),
        ({"tables": [{"name": "T", "columnHeaders": [{"name": "k", "dataType": "BLOB"}]}]}, "'BLOB'"),
        ({"metrics": [{"name": "m", "expressions": [{"formula": "T.z"}]}]}, "names no column"),
        ({"attributes": [{"name": "k", "attributeForms": [{"category": "LAT", "expressions": []}]}]}, "'LAT'"),
    ],
)
def test_a_bad_definition_is_refused(library: LibrarySession, change: dict[str, Any], message: str) -> None:
    reply = library.ask("POST", "/datasets/models", model({"k": "STRING"}, "k") | change)
    assert reply.status == 400
    assert message in reply.json["message"]
    assert len(reply.json["ticketId"]) == 32
    assert reply.headers["x-emulator-rule"] == "assumed; facts/microstrategy 3"
    assert library.ask("GET", "/folders/preDefined/20").json == []


def test_what_is_no_request_of_the_api_is_refused(library: LibrarySession) -> None:
    nothing = library.ask("GET", "/nothing")
    assert nothing.headers["x-emulator-rule"] == "observed; facts/microstrategy 3"
    assert nothing.refusal == (404, "ERR004", "HTTP 404 Not Found")
    assert library.ask("DELETE", "/projects").refusal == (405, "ERR001", "HTTP 405 Method Not Allowed")
    page = library.send("GET", "/other")
    assert (page.status, page.headers["content-type"]) == (404, "text/html;charset=utf-8")
    broken = library.send("POST", "/api/datasets/models", b"{", {"Content-Type": "application/json"})
    assert broken.refusal == (400, "ERR006", "Invalid JSON")
    without = LibrarySession(library.server, project=None)
    without.login()
    assert without.ask("GET", "/searches/results").refusal[:2] == (400, "ERR005")
    assert without.ask("GET", f"/objects/{PROJECT}?type=32").json["name"] == library.server.project


def test_two_datasets_of_a_folder_differ_in_their_names(library: LibrarySession) -> None:
    library.define({"k": "STRING"}, "k")
    reply = library.ask("POST", "/datasets/models", model({"k": "STRING"}, "k"))
    assert reply.refusal[:2] == (400, "ERR015")


def test_faults_reach_it(powerbi: Emulator, library: LibrarySession) -> None:
    dataset = library.define({"k": "STRING"}, "k")
    upload = library.start(dataset)
    powerbi.fail_next(503, route="MicroStrategy_PutChunk")
    assert (library.put(upload, [["a"]]).status, library.put(upload, [["a"]]).status) == (503, 200)
    powerbi.fail_next(401, route="/publish")
    assert library.ask("POST", f"{upload}/publish").refusal == EXPIRED
    powerbi.drop_response(route="MicroStrategy_Publish")
    with pytest.raises((URLError, RemoteDisconnected, ConnectionError)):
        library.ask("POST", f"{upload}/publish")
    assert [library.ask("GET", f"{upload}/publishStatus").json["status"] for _ in range(2)] == [6, 1]
    assert library.server.rows("D") == [{"k": "a"}]
    with pytest.raises(pbi.ConfigurationError, match="`route` of a fault cannot be `/nowhere`"):
        powerbi.drop_response(route="/nowhere")


def test_no_secret_is_in_the_log(powerbi: Emulator, library: LibrarySession) -> None:
    library.ask("GET", "/projects")
    shown = repr(powerbi.requests) + repr([request.body for request in powerbi.requests])
    secrets = [library.server.password, library.headers["X-MSTR-AuthToken"], *(it.value for it in library.jar)]
    assert [secret for secret in secrets if secret and secret in shown] == []
    assert [request.operation for request in powerbi.requests][-1] == "MicroStrategy_Projects"


def test_the_page_shows_its_datasets(powerbi: Emulator, library: LibrarySession) -> None:
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415 - nothing else here needs it

    library.load(library.define({"city": "STRING"}, "city", name="Cities"), [["Köln"]])
    stream = build_opener(ProxyHandler({})).open(f"{powerbi.url}/emulator/changes", timeout=30)
    # The snapshot comes first: an event of a few lines, and an empty one behind it.
    page = b"".join(iter(stream.readline, b"\n")).decode()
    assert all(text in page for text in ("MicroStrategy Tutorial", "Cities", "key: city", "Köln"))
    powerbi.reset()
    with pytest.raises(pbi.NotFoundError):
        library.server.rows("Cities")
