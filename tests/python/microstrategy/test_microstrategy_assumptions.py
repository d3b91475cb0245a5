"""The switches of the emulator's MicroStrategy: each is known on both sides, and does what it says."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import pytest

import powerbi_push as pbi
from conftest import WATCHDOG
from library_session import LibrarySession, coded, model
from powerbi_push.emulator import Emulator, MicroStrategyAssumptions

if TYPE_CHECKING:
    from collections.abc import Iterator

HINTS = get_type_hints(MicroStrategyAssumptions)
ANSWERS = [
    (switch, answer)
    for switch, hint in HINTS.items()
    for answer in (get_args(hint) if get_origin(hint) is Literal else [hint(7)])
]


class Library:
    """An emulator with switches, and a session of it."""

    def __init__(self, **switches: Any) -> None:
        self.emulator = Emulator(clock="virtual", microstrategy_assumptions=switches)  # type: ignore[arg-type]
        self.server = self.emulator.microstrategy
        self.session = LibrarySession(self.server)
        assert self.session.login().status == 204

    def dataset(self) -> str:
        """Define the dataset D."""
        return self.session.define({"k": "STRING", "x": "INTEGER"}, "k")

    def rows(self) -> list[tuple[Any, ...]]:
        """Give the cells of D."""
        return [tuple(row.values()) for row in self.server.rows("D")]


@pytest.fixture
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    library = Library(**request.param)
    with library.emulator:
        yield library


def with_switches(*cases: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("library", "expected"), cases, indirect=["library"])


@pytest.mark.parametrize(("switch", "answer"), ANSWERS)
def test_every_answer_that_is_written_down_can_be_given(switch: str, answer: object) -> None:
    Library(**{switch: answer}).emulator.close()


@pytest.mark.parametrize("switch", HINTS)
def test_no_other_answer_can_be_given(switch: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match=f"the assumption `{switch}` has no answer `perhaps`"):
        Library(**{switch: "perhaps"})


def test_the_switches_are_those_that_the_error_lists_and_the_description_names() -> None:
    with pytest.raises(pbi.ConfigurationError, match="there is no assumption `x`") as caught:
        Library(x="y")
    listed = (caught.value.hint or "").removeprefix("there are ")
    assert listed == ", ".join(f"`{switch}`" for switch in HINTS)
    assert [switch for switch in HINTS if f" {switch}: " not in (MicroStrategyAssumptions.__doc__ or "")] == []


@with_switches(
    ({}, [("a", 3), ("b", 2)]),
    ({"repeated_chunks": "ignored"}, [("a", 1), ("b", 2)]),
    ({"repeated_chunks": "appended"}, [("a", 1), ("a", 3), ("b", 2)]),
    ({"repeated_chunks": "refused"}, [("a", 1), ("b", 2)]),
    ({"chunk_order": "as_received"}, [("b", 2), ("a", 3)]),
)
def test_chunks_that_come_again_or_out_of_order(library: Library, expected: list[Any]) -> None:
    upload = library.session.start(library.dataset())
    library.session.put(upload, [["b", 2]], 2)
    library.session.put(upload, [["a", 1]], 1)
    library.session.put(upload, [["a", 3]], 1)
    assert library.session.publish(upload)["status"] == 1
    assert library.rows() == expected


@with_switches(({}, 200), ({"chunk_order": "next_only"}, 400))
def test_a_chunk_that_is_not_the_next_one(library: Library, expected: int) -> None:
    assert library.session.put(library.session.start(library.dataset()), [["b", 2]], 2).status == expected


@with_switches(({}, 500), ({"concurrent_chunks": "accepted"}, 200))
def test_chunks_at_the_same_time(library: Library, expected: int) -> None:
    upload = library.session.start(library.dataset())
    body = json.dumps({"tableName": "T", "index": 1, "data": coded([["a", 1]])}).encode()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in library.session.jar)
    address = urlsplit(library.server.base_url)
    first = HTTPConnection(str(address.hostname), address.port, timeout=WATCHDOG)
    with closing(first):
        first.putrequest("PUT", f"{address.path}/api{upload}")
        for name, value in (library.session.headers | {"Cookie": cookies, "Content-Length": str(len(body))}).items():
            first.putheader(name, value)
        first.endheaders(body[:5])
        while library.emulator.most_in_flight < 1:
            assert library.session.ask("GET", "/sessions").status == 200
        assert library.session.put(upload, [["b", 2]], 2).status == expected
        first.send(body[5:])
        assert first.getresponse().status == 200
    library.session.publish(upload)
    assert library.rows() == [("a", 1), ("b", 2)][: 1 if expected == 500 else 2]


def test_a_session_ends_after_half_an_hour_without_a_request() -> None:
    library = Library()
    with library.emulator:
        for seconds, status in ((1_799, 200), (1_799, 200), (1_800, 401)):
            library.emulator.advance(seconds)
            assert library.session.ask("PUT", "/sessions").status // 100 == status // 100


@with_switches(({}, 18), ({"missing_chunks": "accepted"}, 1))
def test_a_gap_between_chunks(library: Library, expected: int) -> None:
    upload = library.session.start(library.dataset())
    library.session.put(upload, [["b", 2]], 2)
    assert library.session.publish(upload)["status"] == expected


@with_switches(
    ({}, [("a", 1), ("a", 2), ("b", 3)]),
    ({"repeated_keys": "first"}, [("a", 1), ("b", 3)]),
    ({"repeated_keys": "last"}, [("a", 2), ("b", 3)]),
    ({"repeated_keys": "refused"}, []),
)
def test_keys_that_repeat_within_a_load(library: Library, expected: list[Any]) -> None:
    library.session.load(library.dataset(), [["a", 1], ["a", 2], ["b", 3]])
    assert library.rows() == expected


@with_switches(
    ({}, [500, 200]),
    ({"concurrent_uploads": "one_a_user"}, [500, 500]),
    ({"concurrent_uploads": "allowed"}, [200, 200]),
    ({"concurrent_uploads": "replace"}, [200, 200]),
)
def test_uploads_at_the_same_time(library: Library, expected: list[int]) -> None:
    first, other = library.dataset(), library.session.define({"k": "STRING"}, "k", name="E")
    upload = library.session.start(first)
    body = {"tables": [{"name": "T", "updatePolicy": "add"}]}
    statuses = [library.session.ask("POST", f"/datasets/{it}/uploadSessions", body).status for it in (first, other)]
    assert statuses == expected
    is_lost = library.session.put(upload, [["a", 1]]).status == 404
    assert is_lost == (expected == [200, 200] and library.server.open_uploads == 2)


@with_switches(({}, 200), ({"chunk_checks": "at_once"}, 400))
def test_when_a_chunk_is_checked(library: Library, expected: int) -> None:
    assert library.session.put(library.session.start(library.dataset()), b"no JSON").status == expected


@with_switches(({}, 18), ({"failed_publish": "error_status"}, 3), ({"failed_publish": "refusal"}, None))
def test_how_a_failed_publication_is_told(library: Library, expected: int | None) -> None:
    dataset = library.dataset()
    upload = library.session.start(dataset)
    library.server.fail_publish("no room")
    if expected is None:
        assert library.session.ask("POST", f"{upload}/publish").refusal == (500, "ERR002", "no room")
        assert library.session.load(dataset, [["a", 1]])["status"] == 1
    else:
        assert library.session.publish(upload)["status"] == expected


@with_switches(
    ({}, [6, 1]),
    ({"publish_gets": 3}, [6, 6, 6, 1]),
    ({"publish_gets": 0, "status_type": "text"}, ["1"]),
    ({"publish_gets": 0, "publish_seconds": 60}, [6, 1]),
)
def test_how_a_publication_goes(library: Library, expected: list[Any]) -> None:
    upload = library.session.start(library.dataset())
    library.session.ask("POST", f"{upload}/publish")
    seen = []
    for _ in expected:
        seen.append(library.session.ask("GET", f"{upload}/publishStatus").json["status"])
        library.emulator.advance(60)
    assert seen == expected


@with_switches(({}, (400, None)), ({"unpublished_status": "zero"}, (200, 0)))
def test_the_status_of_what_was_not_published(library: Library, expected: tuple[int, int | None]) -> None:
    reply = library.session.ask("GET", f"{library.session.start(library.dataset())}/publishStatus")
    assert (reply.status, reply.json.get("status")) == expected


@with_switches(({}, [200]), ({"new_dataset_gets": 2}, [404, 404, 200]))
def test_a_new_dataset_that_is_not_there_yet(library: Library, expected: list[int]) -> None:
    dataset = library.dataset()
    assert [library.session.ask("GET", f"/v2/cubes/{dataset}").status for _ in expected] == expected


@with_switches(({}, 404), ({"upload_after_login": "kept"}, 200))
def test_an_upload_after_its_login(library: Library, expected: int) -> None:
    upload = library.session.start(library.dataset())
    library.server.expire_sessions()
    library.session.login()
    assert library.session.put(upload, [["a", 1]]).status == expected


@with_switches(({}, (200, 401)), ({"balancer": "newest"}, (401, 401)), ({"balancer": "absent"}, (200, 200)))
def test_the_cookie_of_the_load_balancer(library: Library, expected: tuple[int, int]) -> None:
    old = "; ".join(f"{cookie.name}={cookie.value}" for cookie in library.session.jar)
    assert library.session.ask("GET", "/sessions").status == 200
    bare = LibrarySession(library.server)
    bare.headers |= library.session.headers
    alone = next(part for part in old.split("; ") if part.startswith("JSESSIONID"))
    statuses = [fresh(bare).ask("GET", "/sessions", Cookie=cookies).status for cookies in (old, alone)]
    assert tuple(statuses) == expected
    assert library.session.ask("GET", "/sessions").status == 200


def fresh(session: LibrarySession) -> LibrarySession:
    """The same token without any cookie."""
    other = LibrarySession(session.server)
    other.headers |= session.headers
    return other


@with_switches(({}, 18), ({"zones": "dropped"}, 3), ({"zones": "converted"}, 1))
def test_times_with_a_zone(library: Library, expected: int) -> None:
    status = library.session.load(library.session.define({"at": "DATETIME"}, "at"), [["2024-01-02T03:04:05+02:00"]])
    hour = status["status"] if status["status"] != 1 else library.server.rows("D")[0]["at"].hour
    assert hour == expected


@with_switches(({}, 18), ({"wide_integers": "accepted"}, 1))
def test_integers_of_more_than_32_bits(library: Library, expected: int) -> None:
    assert library.session.load(library.dataset(), [["a", 2**31]])["status"] == expected


@with_switches(({}, 400), ({"same_name": "accepted"}, 200))
def test_two_datasets_of_one_name(library: Library, expected: int) -> None:
    library.dataset()
    assert library.session.ask("POST", "/datasets/models", model({"k": "STRING"}, "k")).status == expected


@with_switches(({}, 200), ({"first_policy": "replace"}, 400))
def test_the_policy_of_the_first_rows(library: Library, expected: int) -> None:
    body = {"tables": [{"name": "T", "updatePolicy": "upsert"}]}
    path = f"/datasets/{library.dataset()}/uploadSessions"
    assert library.session.ask("POST", path, body).status == expected


@with_switches(({}, 204), ({"update_answer": "200"}, 200))
def test_the_answer_to_an_update_by_one_request(library: Library, expected: int) -> None:
    headers = [{"name": "k", "dataType": "STRING"}]
    form = {"category": "ID", "expressions": [{"formula": "T.k"}]}
    table = {"name": "T", "columnHeaders": headers, "data": "W10="}
    body = {"name": "D", "tables": [table], "attributes": [{"name": "k", "attributeForms": [form]}]}
    dataset = library.session.ask("POST", "/datasets", body).json["datasetId"]
    path = f"/datasets/{dataset}/tables/T"
    assert library.session.ask("PATCH", path, table, updatePolicy="add").status == expected
