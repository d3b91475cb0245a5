"""The switches of the local Power BI: each is known on both sides, and nothing else is."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import powerbi_push as pbi
from conftest import make_table, orders
from powerbi_push.emulator import Assumptions, Emulator
from raw_http import ask

HINTS = get_type_hints(Assumptions)
ANSWERS = [
    (switch, answer)
    for switch, hint in HINTS.items()
    for answer in (get_args(hint) if get_origin(hint) is Literal else [hint(7)])
]


def started(switch: str, answer: object) -> None:
    switches: Any = {switch: answer}
    Emulator(assumptions=switches).close()


@pytest.mark.parametrize(("switch", "answer"), ANSWERS)
def test_every_answer_that_is_written_down_can_be_given(switch: str, answer: object) -> None:
    started(switch, answer)


@pytest.mark.parametrize("switch", HINTS)
def test_no_other_answer_can_be_given(switch: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match=f"the assumption `{switch}` has no answer `perhaps`"):
        started(switch, "perhaps")


def test_the_switches_are_those_that_the_error_lists() -> None:
    with pytest.raises(pbi.ConfigurationError, match="there is no assumption `filter`") as caught:
        started("filter", "x")
    listed = (caught.value.hint or "").removeprefix("there are ")
    assert listed == ", ".join(f"`{switch}`" for switch in HINTS)


def test_every_switch_is_described() -> None:
    assert [switch for switch in HINTS if f" {switch}: " not in (Assumptions.__doc__ or "")] == []


def test_the_schema_of_a_table_is_updated(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(2))
    columns = [{"name": name, "dataType": "Int64"} for name in ("Id", "Amount")]
    path = f"/datasets/{table.dataset.id}/tables/Orders"
    reply = ask(powerbi, path, {"name": "Orders", "columns": columns}, method="PUT")
    assert (reply.status, reply.json) == (200, {"name": "Orders"})
    assert powerbi.rows(table) == []
    assert ask(powerbi, f"{path}/rows", {"rows": [{"Amount": 3}]}).status == 200
    assert powerbi.rows(table) == [{"Amount": 3}]


@pytest.mark.parametrize(
    ("answer", "statuses", "numbers"),
    [
        ("refuses", [200, 400], [{"clientId": 0, "sequenceNumber": 1}]),
        ("deduplicates", [200, 200], [{"clientId": 0, "sequenceNumber": 1}]),
        ("ignores", [200, 200], []),
    ],
)
def test_a_request_that_is_sent_twice_counts_by_the_switch(
    answer: Any, statuses: list[int], numbers: list[dict[str, int]]
) -> None:
    with Emulator(assumptions={"sequence_numbers": answer}) as emulator:
        path = f"/datasets/{make_table(emulator).dataset.id}/tables/Orders"
        header = {"X-PowerBI-PushData-SequenceNumber": "1"}
        body = {"rows": orders(1)}
        assert [ask(emulator, f"{path}/rows", body, headers=header).status for _ in range(2)] == statuses
        assert len(emulator.rows("Sales/Orders")) == (2 if answer == "ignores" else 1)
        assert ask(emulator, f"{path}/sequenceNumbers").json["value"] == numbers


def test_an_accepted_dataset_appears_after_a_while_of_the_emulators_time() -> None:
    with Emulator(clock="virtual", assumptions={"creation": "accepted", "accepted_seconds": 2.5}) as emulator:
        column = {"name": "Id", "dataType": "Int64"}
        reply = ask(emulator, "/datasets", {"name": "Sales", "tables": [{"name": "Orders", "columns": [column]}]})
        assert (reply.status, reply.json["name"]) == (202, "Sales")
        seen = []
        for _ in range(4):
            emulator.advance(1)
            seen.append(len(ask(emulator, "/datasets").json["value"]))
        assert seen == [0, 0, 1, 1]
