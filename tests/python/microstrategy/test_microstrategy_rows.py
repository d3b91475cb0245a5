"""Rows in the emulator's MicroStrategy: their values, policies, uploads, and requests that bring them at once."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from library_session import NO_OBJECT, coded

if TYPE_CHECKING:
    from library_session import LibrarySession


def test_values_are_read_by_the_types_of_their_columns(library: LibrarySession) -> None:
    types = {
        "i": "Integer", "b": "BIGINTEGER", "f": "double", "d": "BigDecimal", "o": "BOOL", "s": "string",
        "day": "DATE", "t": "TIME", "at": "DateTime",
    }  # fmt: skip
    dataset = library.define(types, "i")
    full = [1, 2**60, 0.1, "12345678901234567890.5", True, "é", "2017-12-5", "11:00:00", "2024-01-02T03:04:05.000001"]
    status = library.load(dataset, [full, [2, *[None] * 8], [3, -5, 7, 1.50, False, "", None, "00:00", "2024-01-02"]])
    assert (status["status"], status["message"]) == (1, "result ready")
    rows = [list(row.values()) for row in library.server.rows("D/T")]
    assert rows == [
        [1, 2**60, 0.1, Decimal("12345678901234567890.5"), True, "é", date(2017, 12, 5), time(11),
         datetime(2024, 1, 2, 3, 4, 5, 1)],
        [2, *[None] * 8],
        [3, -5, 7.0, Decimal("1.5"), False, "", None, time(0), datetime(2024, 1, 2)],
    ]  # fmt: skip
    columns = library.ask("GET", f"/datasets/{dataset}?fields=tables&fields=columns").json
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
def test_a_cell_of_another_type_fails_the_publication(library: LibrarySession, kind: str, cell: object) -> None:
    dataset = library.define({"k": "STRING", "x": kind}, "k")
    status = library.load(dataset, [["a", cell]])
    assert status["status"] == 18
    assert "'x'" in status["message"] or "invalid type" in status["message"]
    assert library.server.rows("D") == []
    assert library.server.open_uploads == 0


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("add", [("a", 1), ("b", 2), ("c", 30)]),
        ("UPDATE", [("a", 1), ("b", 20)]),
        ("Upsert", [("a", 1), ("b", 20), ("c", 30)]),
        ("replace", [("b", 20), ("c", 30)]),
    ],
)
def test_policies_work_on_keys(library: LibrarySession, policy: str, expected: list[tuple[str, int]]) -> None:
    dataset = library.define({"k": "STRING", "x": "INTEGER"}, "k")
    library.load(dataset, [["a", 1], ["b", 2]])
    assert library.load(dataset, [["b", 20], ["c", 30]], policy)["status"] == 1
    assert [tuple(row.values()) for row in library.server.rows("D/T")] == expected


def test_a_key_is_all_attributes_of_the_table(library: LibrarySession) -> None:
    dataset = library.define({"a": "STRING", "b": "STRING", "x": "INTEGER"}, "a", "b")
    library.load(dataset, [["1", "23", 1], ["12", "3", 2], [None, "3", 3]])
    library.load(dataset, [["12", "3", 20], [None, "3", 30], ["", "3", 4]], "upsert")
    rows = [tuple(row.values()) for row in library.server.rows("D")]
    assert rows == [("1", "23", 1), ("12", "3", 20), (None, "3", 30), ("", "3", 4)]


def test_without_a_key_nothing_can_be_updated(library: LibrarySession) -> None:
    dataset = library.define({"x": "INTEGER"})
    assert library.load(dataset, [[1]], "add")["status"] == 1
    status = library.load(dataset, [[2]], "upsert")
    assert (status["status"], status["message"]) == (
        18,
        "The table 'T' has no attribute by which rows could be updated.",
    )
    assert library.server.rows("D") == [{"x": 1}]


def test_chunks_lie_in_rows_or_columns_with_their_own_order_of_headers(library: LibrarySession) -> None:
    dataset = library.define({"k": "STRING", "x": "INTEGER"}, "k")
    upload = library.start(dataset, orientation="COLUMN", columnHeaders=["x", "k"])
    assert library.put(upload, [[3], ["c"]], "2").status == 200
    assert library.put(upload, [[1, 2], ["a", "b"]], 1).status == 200
    assert library.put(upload, [[4, 5], ["d", "e"]], 2).status == 200
    assert library.server.rows("D") == []
    assert library.publish(upload)["status"] == 1
    assert [row["k"] for row in library.server.rows("D")] == ["a", "b", "d", "e"]


def test_several_tables_are_published_together_or_not_at_all(library: LibrarySession) -> None:
    both = [{"tableName": name, "columnName": "k"} for name in ("A", "B")]
    tables = [{"name": name, "columnHeaders": [{"name": "k", "dataType": "STRING"}]} for name in ("A", "B")]
    attributes = [{"name": "k", "attributeForms": [{"category": "ID", "expressions": both}]}]
    body = {"name": "Two", "tables": tables, "attributes": attributes}
    dataset = library.ask("POST", "/datasets/models", body).json["id"]

    def publish(a: object, b: object) -> Any:
        said = [{"name": name, "updatePolicy": "add"} for name in ("A", "B")]
        reply = library.ask("POST", f"/datasets/{dataset}/uploadSessions", {"tables": said})
        upload = f"/datasets/{dataset}/uploadSessions/{reply.json['uploadSessionId']}"
        library.put(upload, [[a]], table="A")
        library.put(upload, [[b]], table="B")
        return library.publish(upload)

    assert publish("x", "y")["status"] == 1
    assert publish("z", 5)["status"] == 18
    assert [library.server.rows(f"Two/{name}") for name in "AB"] == [[{"k": "x"}], [{"k": "y"}]]
    cube = library.ask("GET", f"/v2/cubes/{dataset}").json["definition"]["availableObjects"]
    assert [it["name"] for it in cube["attributes"]] == ["k"]
    assert [it["name"] for it in cube["metrics"]] == ["Row Count - A", "Row Count - B"]


def test_uploads_end_in_every_way(library: LibrarySession) -> None:
    dataset = library.define({"k": "STRING"}, "k")
    upload = library.start(dataset)
    concurrent = library.ask(
        "POST", f"/datasets/{dataset}/uploadSessions", {"tables": [{"name": "T", "updatePolicy": "add"}]}
    )
    assert concurrent.refusal[:2] == (500, "ERR002")
    assert library.ask("GET", f"{upload}/publishStatus").status == 400
    assert library.ask("DELETE", upload).status == 200
    assert library.put(upload, [["a"]]).refusal == NO_OBJECT

    upload = library.start(dataset)
    library.put(upload, [["a"]])
    assert library.ask("POST", f"{upload}/publish").status == 200
    assert library.put(upload, [["b"]]).status == 400
    assert library.ask("POST", f"{upload}/publish").status == 400
    # Deleted before the publication has ended: what was uploaded is dropped.
    assert library.ask("DELETE", upload).status == 200
    assert (library.server.rows("D"), library.server.open_uploads) == ([], 0)

    assert library.publish(library.start(dataset))["status"] == 1
    upload = library.start(dataset)
    library.server.expire_sessions()
    library.login()
    assert library.ask("GET", f"{upload}/publishStatus").refusal == NO_OBJECT
    library.server.fail_publish("out of memory")
    status = library.load(dataset, [["a"]])
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


def test_one_request_makes_and_another_changes_a_dataset(library: LibrarySession) -> None:
    made = library.ask("POST", "/datasets", single([{"k": "a", "x": 1}, {"x": 2, "k": "b"}]))
    assert (made.status, list(made.json), made.json["name"]) == (200, ["datasetId", "name", "tables"], "D")
    table = made.json["tables"][0]
    path = f"/datasets/{made.json['datasetId']}/tables"
    body = single([{"k": "b", "x": 20}, {"k": "c"}])["tables"][0]
    for name, policy in ((table["id"], "Upsert"), ("T", "add")):
        assert library.ask("PATCH", f"{path}/{name}", body, updatePolicy=policy).status == 204
    rows = [tuple(row.values()) for row in library.server.rows("D/T")]
    assert rows == [("a", 1), ("b", 20), ("c", None)]
    assert library.ask("PATCH", f"{path}/T", body).refusal[:2] == (400, "ERR005")
    assert library.ask("PATCH", f"{path}/U", body, updatePolicy="add").refusal == NO_OBJECT
    # A dataset of one request takes uploads too; not so the other way round.
    assert library.load(made.json["datasetId"], [["z", 1]])["status"] == 1
    other = library.define({"k": "STRING", "x": "INTEGER"}, "k", name="E")
    assert library.ask("PATCH", f"/datasets/{other}/tables/T", body, updatePolicy="add").refusal[:2] == (400, "ERR006")
