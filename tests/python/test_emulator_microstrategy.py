"""The emulator's MicroStrategy: sessions, datasets, uploads, policies, and the recorded dialogue."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from http.client import RemoteDisconnected
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest

import powerbi_push as pbi
from library_session import PROJECT, LibrarySession, coded, model

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator, MicroStrategy

EXPIRED = (401, "ERR009", "The user's session has expired, please reauthenticate")
NO_OBJECT = (404, "ERR004", "The object does not exist in the metadata.")
DIALOGUE = Path(__file__).parents[1] / "fixtures" / "microstrategy_dialogue.json"


@pytest.fixture
def session(microstrategy: MicroStrategy) -> LibrarySession:
    session = LibrarySession(microstrategy)
    assert session.login().status == 204
    return session


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
    session = LibrarySession(microstrategy, project=None)
    found: dict[str, str] = {}
    for exchange in json.loads(DIALOGUE.read_text(encoding="utf-8"))["exchanges"]:
        request, expected = exchange["request"], exchange["response"]
        sent = {name: value for name, value in request["headers"] if name in ("Content-Type", "X-MSTR-ProjectID")}
        target = request["target"].removeprefix("/MicroStrategyLibrary")
        for recorded, own in found.items():
            target = target.replace(recorded, own)
        if "form" in request:
            form = request["form"] | {"username": microstrategy.username, "password": microstrategy.password}
            reply = session.login(form=True, **form)
        else:
            data = json.dumps(request["json"]).encode() if "json" in request else None
            reply = session.send(request["method"], target, data, sent)
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
    session = LibrarySession(microstrategy)
    assert session.ask("GET", "/projects").refusal == EXPIRED
    reply = session.login(form=form)
    assert (reply.status, reply.text, len(reply.headers["x-mstr-authtoken"])) == (204, "", 26)
    assert {cookie.name for cookie in session.jar} == {"JSESSIONID", "AWSALB"}
    projects = session.ask("GET", "/projects")
    assert [(it["name"], it["id"]) for it in projects.json] == [(microstrategy.project, PROJECT)]
    assert projects.headers["x-mstr-total-count"] == "1"
    assert session.ask("PUT", "/sessions").status == 204
    assert session.ask("GET", "/sessions/userInfo").json["metadataUser"] is True
    assert session.ask("POST", "/auth/logout").status == 204
    assert session.ask("GET", "/projects").refusal == EXPIRED


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


def test_a_login_is_handed_on(session: LibrarySession) -> None:
    made = session.ask("POST", "/auth/identityToken")
    token = made.headers["x-mstr-identitytoken"]
    assert made.status == 201
    other = LibrarySession(session.server)
    assert other.ask("GET", "/auth/identityToken", **{"X-MSTR-IdentityToken": token}).status == 200
    reply = other.ask("POST", "/auth/delegate", {"loginMode": "-1", "identityToken": token})
    other.headers["X-MSTR-AuthToken"] = reply.headers["x-mstr-authtoken"]
    assert (reply.status, other.ask("GET", "/sessions").status) == (204, 200)
    wrong = other.ask("POST", "/auth/delegate", {"loginMode": "-1", "identityToken": "x"})
    assert wrong.refusal == (401, "ERR003", "Login failed")


def test_a_token_of_oauth_needs_no_cookies(microstrategy: MicroStrategy) -> None:
    session = LibrarySession(microstrategy)
    session.headers["X-MSTR-AuthToken"] = microstrategy.oauth_token
    reply = session.ask("GET", "/projects")
    assert (reply.status, "set-cookie" in reply.headers) == (200, False)


def test_a_session_needs_its_cookies_and_can_expire(session: LibrarySession) -> None:
    bare = LibrarySession(session.server)
    bare.headers |= session.headers
    assert bare.ask("GET", "/projects").refusal == EXPIRED
    assert session.ask("GET", "/projects").status == 200
    assert session.server.open_sessions >= 1
    session.server.expire_sessions()
    assert (session.ask("GET", "/projects").refusal, session.server.open_sessions) == (EXPIRED, 0)


def test_values_are_read_by_the_types_of_their_columns(session: LibrarySession) -> None:
    types = {
        "i": "Integer", "b": "BIGINTEGER", "f": "double", "d": "BigDecimal", "o": "BOOL", "s": "string",
        "day": "DATE", "t": "TIME", "at": "DateTime",
    }  # fmt: skip
    dataset = session.define(types, "i")
    full = [1, 2**60, 0.1, "12345678901234567890.5", True, "é", "2017-12-5", "11:00:00", "2024-01-02T03:04:05.000001"]
    status = session.load(dataset, [full, [2, *[None] * 8], [3, -5, 7, 1.50, False, "", None, "00:00", "2024-01-02"]])
    assert (status["status"], status["message"]) == (1, "result ready")
    rows = [list(row.values()) for row in session.server.rows("D/T")]
    assert rows == [
        [1, 2**60, 0.1, Decimal("12345678901234567890.5"), True, "é", date(2017, 12, 5), time(11),
         datetime(2024, 1, 2, 3, 4, 5, 1)],
        [2, *[None] * 8],
        [3, -5, 7.0, Decimal("1.5"), False, "", None, time(0), datetime(2024, 1, 2)],
    ]  # fmt: skip
    columns = session.ask("GET", f"/datasets/{dataset}?fields=tables&fields=columns").json
    codes = [it["dataType"] for it in columns["result"]["definition"]["availableObjects"]["columns"]]
    assert codes == [1, 34, 7, 30, 33, 33, 14, 15, 16]


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("INTEGER", 2**31), ("INTEGER", 1.5), ("INTEGER", "1"), ("BIGINTEGER", 2**63), ("DOUBLE", "1"),
        ("BOOL", 1), ("STRING", 1), ("DATE", "x"), ("TIME", "25:00"), ("DATETIME", "2024-01-02T03:04:05+02:00"),
        ("BIGDECIMAL", "x"), ("STRING", []),
    ],
)  # fmt: skip
def test_a_cell_of_another_type_fails_the_publication(session: LibrarySession, kind: str, cell: object) -> None:
    dataset = session.define({"k": "STRING", "x": kind}, "k")
    status = session.load(dataset, [["a", cell]])
    assert status["status"] == 18
    assert "'x'" in status["message"] or "invalid type" in status["message"]
    assert session.server.rows("D") == []
    assert session.server.open_uploads == 0


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("add", [("a", 1), ("b", 2), ("c", 30)]),
        ("UPDATE", [("a", 1), ("b", 20)]),
        ("Upsert", [("a", 1), ("b", 20), ("c", 30)]),
        ("replace", [("b", 20), ("c", 30)]),
    ],
)
def test_policies_work_on_keys(session: LibrarySession, policy: str, expected: list[tuple[str, int]]) -> None:
    dataset = session.define({"k": "STRING", "x": "INTEGER"}, "k")
    session.load(dataset, [["a", 1], ["b", 2]])
    assert session.load(dataset, [["b", 20], ["c", 30]], policy)["status"] == 1
    assert [tuple(row.values()) for row in session.server.rows("D/T")] == expected


def test_a_key_is_all_attributes_of_the_table(session: LibrarySession) -> None:
    dataset = session.define({"a": "STRING", "b": "STRING", "x": "INTEGER"}, "a", "b")
    session.load(dataset, [["1", "23", 1], ["12", "3", 2], [None, "3", 3]])
    session.load(dataset, [["12", "3", 20], [None, "3", 30], ["", "3", 4]], "upsert")
    rows = [tuple(row.values()) for row in session.server.rows("D")]
    assert rows == [("1", "23", 1), ("12", "3", 20), (None, "3", 30), ("", "3", 4)]


def test_without_a_key_nothing_can_be_updated(session: LibrarySession) -> None:
    dataset = session.define({"x": "INTEGER"})
    assert session.load(dataset, [[1]], "add")["status"] == 1
    status = session.load(dataset, [[2]], "upsert")
    assert (status["status"], status["message"]) == (
        18,
        "The table 'T' has no attribute by which rows could be updated.",
    )
    assert session.server.rows("D") == [{"x": 1}]


def test_chunks_lie_in_rows_or_columns_with_their_own_order_of_headers(session: LibrarySession) -> None:
    dataset = session.define({"k": "STRING", "x": "INTEGER"}, "k")
    upload = session.start(dataset, orientation="COLUMN", columnHeaders=["x", "k"])
    assert session.put(upload, [[3], ["c"]], "2").status == 200
    assert session.put(upload, [[1, 2], ["a", "b"]], 1).status == 200
    assert session.put(upload, [[4, 5], ["d", "e"]], 2).status == 200
    assert session.server.rows("D") == []
    assert session.publish(upload)["status"] == 1
    assert [row["k"] for row in session.server.rows("D")] == ["a", "b", "d", "e"]


def test_several_tables_are_published_together_or_not_at_all(session: LibrarySession) -> None:
    both = [{"tableName": name, "columnName": "k"} for name in ("A", "B")]
    tables = [{"name": name, "columnHeaders": [{"name": "k", "dataType": "STRING"}]} for name in ("A", "B")]
    attributes = [{"name": "k", "attributeForms": [{"category": "ID", "expressions": both}]}]
    body = {"name": "Two", "tables": tables, "attributes": attributes}
    dataset = session.ask("POST", "/datasets/models", body).json["id"]

    def publish(a: object, b: object) -> Any:
        said = [{"name": name, "updatePolicy": "add"} for name in ("A", "B")]
        reply = session.ask("POST", f"/datasets/{dataset}/uploadSessions", {"tables": said})
        upload = f"/datasets/{dataset}/uploadSessions/{reply.json['uploadSessionId']}"
        session.put(upload, [[a]], table="A")
        session.put(upload, [[b]], table="B")
        return session.publish(upload)

    assert publish("x", "y")["status"] == 1
    assert publish("z", 5)["status"] == 18
    assert [session.server.rows(f"Two/{name}") for name in "AB"] == [[{"k": "x"}], [{"k": "y"}]]
    cube = session.ask("GET", f"/v2/cubes/{dataset}").json["definition"]["availableObjects"]
    assert [it["name"] for it in cube["attributes"]] == ["k"]
    assert [it["name"] for it in cube["metrics"]] == ["Row Count - A", "Row Count - B"]


def test_uploads_end_in_every_way(session: LibrarySession) -> None:
    dataset = session.define({"k": "STRING"}, "k")
    upload = session.start(dataset)
    concurrent = session.ask(
        "POST", f"/datasets/{dataset}/uploadSessions", {"tables": [{"name": "T", "updatePolicy": "add"}]}
    )
    assert concurrent.refusal[:2] == (500, "ERR002")
    assert session.ask("GET", f"{upload}/publishStatus").status == 400
    assert session.ask("DELETE", upload).status == 200
    assert session.put(upload, [["a"]]).refusal == NO_OBJECT

    upload = session.start(dataset)
    session.put(upload, [["a"]])
    assert session.ask("POST", f"{upload}/publish").status == 200
    assert session.put(upload, [["b"]]).status == 400
    assert session.ask("POST", f"{upload}/publish").status == 400
    # Deleted before the publication has ended: what was uploaded is dropped.
    assert session.ask("DELETE", upload).status == 200
    assert (session.server.rows("D"), session.server.open_uploads) == ([], 0)

    assert session.publish(session.start(dataset))["status"] == 1
    upload = session.start(dataset)
    session.server.expire_sessions()
    session.login()
    assert session.ask("GET", f"{upload}/publishStatus").refusal == NO_OBJECT
    session.server.fail_publish("out of memory")
    status = session.load(dataset, [["a"]])
    assert (status["status"], status["message"]) == (18, "out of memory")


def single(data: object = None, **more: object) -> dict[str, Any]:
    """Give a dataset's definition as the family of one request writes it."""
    headers = [{"name": "k", "dataType": "STRING"}, {"name": "x", "dataType": "INTEGER"}]
    form = {"category": "ID", "expressions": [{"formula": "T.k"}]}
    return {
        "name": "D",
        "tables": [{"name": "T", "columnHeaders": headers, "data": coded(data or [])}],
        "metrics": [{"name": "x", "dataType": "number", "expressions": [{"formula": "T.x"}]}],
        "attributes": [{"name": "k", "attributeForms": [form]}],
        **more,
    }


def test_one_request_makes_and_another_changes_a_dataset(session: LibrarySession) -> None:
    made = session.ask("POST", "/datasets", single([{"k": "a", "x": 1}, {"x": 2, "k": "b"}]))
    assert (made.status, list(made.json), made.json["name"]) == (200, ["datasetId", "name", "tables"], "D")
    table = made.json["tables"][0]
    path = f"/datasets/{made.json['datasetId']}/tables"
    body = single([{"k": "b", "x": 20}, {"k": "c"}])["tables"][0]
    for name, policy in ((table["id"], "Upsert"), ("T", "add")):
        assert session.ask("PATCH", f"{path}/{name}", body, updatePolicy=policy).status == 204
    rows = [tuple(row.values()) for row in session.server.rows("D/T")]
    assert rows == [("a", 1), ("b", 20), ("c", None)]
    assert session.ask("PATCH", f"{path}/T", body).refusal[:2] == (400, "ERR005")
    assert session.ask("PATCH", f"{path}/U", body, updatePolicy="add").refusal == NO_OBJECT
    # A dataset of one request takes uploads too; not so the other way round.
    assert session.load(made.json["datasetId"], [["z", 1]])["status"] == 1
    other = session.define({"k": "STRING", "x": "INTEGER"}, "k", name="E")
    assert session.ask("PATCH", f"/datasets/{other}/tables/T", body, updatePolicy="add").refusal[:2] == (400, "ERR006")


def test_datasets_are_found_listed_and_deleted(session: LibrarySession) -> None:
    ids = [session.define({"k": "STRING"}, "k", name=name) for name in ("Sales", "Sales 2", "Old sales")]

    def found(query: str) -> list[str]:
        reply = session.ask("GET", f"/searches/results?type=3&{query}").json
        assert reply["totalItems"] >= len(reply["result"])
        return [it["name"] for it in reply["result"]]

    assert found("name=sales&pattern=2") == ["Sales", "Sales 2"]
    assert (found("name=Sales&pattern=3"), found("limit=1&offset=1")) == (["Sales"], ["Sales 2"])
    assert len(found("name=sales&pattern=4")) == 3
    listed = session.ask("GET", "/folders/preDefined/20?offset=0&limit=2")
    assert ([it["id"] for it in listed.json], listed.headers["x-mstr-total-count"]) == (ids[:2], "3")
    assert session.ask("GET", "/folders/preDefined/7").json == []
    assert session.ask("GET", f"/cubes?id={ids[0]}").json["cubesInfos"][0]["cubeName"] == "Sales"
    assert session.ask("GET", f"/objects/{ids[0]}?type=3").json["subtype"] == 779
    assert session.ask("DELETE", f"/objects/{ids[0]}?type=3").status == 204
    assert session.ask("GET", f"/objects/{ids[0]}?type=3").refusal == NO_OBJECT
    other = session.server.add_project("Other")
    assert session.ask("GET", f"/datasets/{ids[1]}", **{"X-MSTR-ProjectID": other}).refusal == NO_OBJECT
    with pytest.raises(pbi.NotFoundError, match="there is no dataset `Sales`"):
        session.server.rows("Sales/T")


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
def test_a_bad_definition_is_refused(session: LibrarySession, change: dict[str, Any], message: str) -> None:
    reply = session.ask("POST", "/datasets/models", model({"k": "STRING"}, "k") | change)
    assert reply.status == 400
    assert message in reply.json["message"]
    assert len(reply.json["ticketId"]) == 32
    assert reply.headers["x-emulator-rule"] == "assumed; facts/microstrategy 3"
    assert session.ask("GET", "/folders/preDefined/20").json == []


def test_what_is_no_request_of_the_api_is_refused(session: LibrarySession) -> None:
    nothing = session.ask("GET", "/nothing")
    assert nothing.headers["x-emulator-rule"] == "observed; facts/microstrategy 3"
    assert nothing.refusal == (404, "ERR004", "HTTP 404 Not Found")
    assert session.ask("DELETE", "/projects").refusal == (405, "ERR001", "HTTP 405 Method Not Allowed")
    page = session.send("GET", "/other")
    assert (page.status, page.headers["content-type"]) == (404, "text/html;charset=utf-8")
    broken = session.send("POST", "/api/datasets/models", b"{", {"Content-Type": "application/json"})
    assert broken.refusal == (400, "ERR006", "Invalid JSON")
    without = LibrarySession(session.server, project=None)
    without.login()
    assert without.ask("GET", "/searches/results").refusal[:2] == (400, "ERR005")
    assert without.ask("GET", f"/objects/{PROJECT}?type=32").json["name"] == session.server.project


def test_two_datasets_of_a_folder_differ_in_their_names(session: LibrarySession) -> None:
    session.define({"k": "STRING"}, "k")
    reply = session.ask("POST", "/datasets/models", model({"k": "STRING"}, "k"))
    assert reply.refusal[:2] == (400, "ERR015")


def test_faults_reach_it(powerbi: Emulator, session: LibrarySession) -> None:
    dataset = session.define({"k": "STRING"}, "k")
    upload = session.start(dataset)
    powerbi.fail_next(503, route="MicroStrategy_PutChunk")
    assert (session.put(upload, [["a"]]).status, session.put(upload, [["a"]]).status) == (503, 200)
    powerbi.fail_next(401, route="/publish")
    assert session.ask("POST", f"{upload}/publish").refusal == EXPIRED
    powerbi.drop_response(route="MicroStrategy_Publish")
    with pytest.raises((URLError, RemoteDisconnected, ConnectionError)):
        session.ask("POST", f"{upload}/publish")
    assert [session.ask("GET", f"{upload}/publishStatus").json["status"] for _ in range(2)] == [6, 1]
    assert session.server.rows("D") == [{"k": "a"}]
    with pytest.raises(pbi.ConfigurationError, match="`route` of a fault cannot be `/nowhere`"):
        powerbi.drop_response(route="/nowhere")


def test_no_secret_is_in_the_log(powerbi: Emulator, session: LibrarySession) -> None:
    session.ask("GET", "/projects")
    shown = repr(powerbi.requests) + repr([request.body for request in powerbi.requests])
    secrets = [session.server.password, session.headers["X-MSTR-AuthToken"], *(it.value for it in session.jar)]
    assert [secret for secret in secrets if secret and secret in shown] == []
    assert [request.operation for request in powerbi.requests][-1] == "MicroStrategy_Projects"


def test_the_page_shows_its_datasets(powerbi: Emulator, session: LibrarySession) -> None:
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415

    session.load(session.define({"city": "STRING"}, "city", name="Cities"), [["Köln"]])
    page = build_opener(ProxyHandler({})).open(powerbi.url, timeout=30).read().decode()
    assert all(text in page for text in ("MicroStrategy Tutorial", "Cities", "key: city", "Köln"))
    powerbi.reset()
    with pytest.raises(pbi.NotFoundError):
        session.server.rows("Cities")
