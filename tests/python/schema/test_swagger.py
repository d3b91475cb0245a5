"""Both sides against the service's own description: what we ask, and what the local Power BI answers.

The description is Microsoft's and not part of this project; where it is not at hand, this is skipped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft4Validator

import powerbi_push as pbi
from conftest import orders
from powerbi_push.emulator import Assumptions, Emulator
from wire_tap import Exchange, WireTap

if TYPE_CHECKING:
    from collections.abc import Iterator

SWAGGER = Path(__file__).parents[4] / "shared" / "facts" / "powerbi_push.swagger.json"
NOT_FOR_PUSHING = {"Groups_AddGroupUser"}
#: Answers that the description's own examples show, and that its definitions refuse.
ONLY_IN_EXAMPLES = {
    "answer: $.defaultRetentionPolicy is not declared",  # of Datasets_PostDataset
    "answer: $: 'columns' is a required property",  # of Datasets_PutTable: a name and nothing else
}
#: What the seeds name and the description lacks, with the source of what we do.
ELSEWHERE = {
    "GET /datasets/{}/tables/{}/sequenceNumbers": "the push client of Power BI's own C# samples",
    "GET /groups/{}/datasets/{}/tables/{}/sequenceNumbers": "the same",
    "POST /datasets/{}/executeQueries": '"Datasets - Execute Queries", Power BI REST reference',
    "POST /groups/{}/datasets/{}/executeQueries": '"Datasets - Execute Queries In Group", the same',
}

pytestmark = pytest.mark.skipif(not SWAGGER.exists(), reason=f"the service's description is not at {SWAGGER}")

SCHEMA = pbi.DatasetSchema(
    "Sales",
    [
        pbi.TableSchema(
            "Orders",
            [
                pbi.Column("Id", int, is_hidden=True, summarize_by="none"),
                pbi.Column("Item", str, data_category="Product", sort_by_column="Id"),
                pbi.Column("Price", float, format_string="0.00"),
                pbi.Column("At", "DateTime"),
                pbi.Column("Paid", bool),
                pbi.Column("Tax", "Decimal"),
            ],
            measures=[
                pbi.Measure("Total", "SUM(Orders[Price])", format_string="0.00", description="All", is_hidden=True)
            ],
            description="What was ordered",
            is_hidden=False,
        ),
        pbi.TableSchema("Items", {"Item": str}),
    ],
    relationships=[
        pbi.Relationship("item", "Orders", "Item", "Items", "Item", cross_filtering="BothDirections"),
    ],
    retention="basicFIFO",
)


class Description:
    """The service's description, asked about one exchange at a time."""

    def __init__(self) -> None:
        """Read it, every object closed: a property that it does not name is wrong, in another case too."""
        self.swagger = json.loads(SWAGGER.read_text(encoding="utf-8"))
        self.operations = {
            (method.upper(), path): operation
            for path, methods in self.swagger["paths"].items()
            for method, operation in methods.items()
        }

    def find(self, exchange: Exchange) -> dict[str, Any]:
        """The operation that an exchange is; empty where it is none."""
        for (method, path), operation in self.operations.items():
            template = "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/"))
            if method == exchange.method and re.fullmatch(template, urlsplit(exchange.target).path):
                found: dict[str, Any] = operation
                return found
        return {}

    def faults(self, exchange: Exchange) -> Iterator[str]:
        """What is wrong with an exchange."""
        operation = self.find(exchange)
        if not operation:
            yield f"{exchange.method} {exchange.target} is no operation of the service"
            return
        parameters = operation.get("parameters", [])
        yield from self._query_faults(exchange, [it for it in parameters if it["in"] == "query"])
        bodies = [it for it in parameters if it["in"] == "body"]
        if bodies:
            yield from self._body_faults("request", bodies[0]["schema"], exchange.body)
        elif exchange.body:
            yield "request: a body that the operation does not take"
        if str(exchange.status) not in operation["responses"]:
            yield f"answer: {exchange.status} is not declared"
            return
        schema = operation["responses"][str(exchange.status)].get("schema")
        if schema is not None:
            yield from self._body_faults("answer", schema, exchange.answer)
        elif exchange.answer:
            yield "answer: a body that is not declared"

    def _query_faults(self, exchange: Exchange, declared: list[dict[str, Any]]) -> Iterator[str]:
        known = {it["name"]: it for it in declared}
        query = urlsplit(exchange.target).query
        for name, values in (parse_qs(query, strict_parsing=True) if query else {}).items():
            if name not in known or len(values) != 1:
                yield f"request: query parameter {name}"
            elif known[name]["type"] == "integer" and not values[0].isdecimal():
                yield f"request: {name} is no number"
            elif "enum" in known[name] and values[0] not in known[name]["enum"]:
                yield f"request: {name} is {values[0]}"

    def _body_faults(self, side: str, schema: dict[str, Any], body: bytes) -> Iterator[str]:
        try:
            value = json.loads(body)
        except ValueError:
            yield f"{side}: no JSON: {body[:100]!r}"
            return
        whole = {"definitions": self.swagger["definitions"], **schema}
        for error in Draft4Validator(whole).iter_errors(value):
            yield f"{side}: {error.json_path}: {error.message}"
        yield from self._strangers(side, schema, value, "$")

    def _strangers(self, side: str, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        """Properties that are not declared, in this very spelling; `@odata.context` is as the service sends it."""
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._strangers(side, self._resolved(schema).get("items", {}), item, f"{at}[{number}]")
        elif isinstance(value, dict):
            declared = self._properties(schema)
            for name, item in value.items():
                if declared and name not in declared and name != "@odata.context":
                    yield f"{side}: {at}.{name} is not declared"
                yield from self._strangers(side, declared.get(name, {}), item, f"{at}.{name}")

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        reference = schema.get("$ref")
        found: dict[str, Any] = self.swagger["definitions"][reference.rpartition("/")[2]] if reference else schema
        return found

    def _properties(self, schema: dict[str, Any]) -> dict[str, Any]:
        schema = self._resolved(schema)
        properties = dict(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            properties |= self._properties(part)
        return properties


def shape(target: str) -> str:
    """An address without what differs between two of its kind."""
    parts = urlsplit(target).path.removeprefix("/v1.0/myorg/").split("/")
    return "/" + "/".join("{}" if place % 2 else part for place, part in enumerate(parts))


def use_everything(workspace: pbi.Workspace) -> None:
    """Use every operation of a workspace, by id and by name."""
    dataset = workspace.create_dataset(SCHEMA)
    assert [found.id for found in workspace.datasets()] == [dataset.id]
    assert workspace.dataset("Sales").id == workspace.dataset(dataset.id).id == dataset.id
    assert [table.name for table in dataset.tables()] == ["Orders", "Items"]
    orders_table = dataset.table("Orders")
    orders_table.push([{"Id": 1, "Item": "tea", "Price": 2.5, "At": "2026-01-02T03:04:05Z", "Paid": True, "Tax": 1}])
    orders_table.update_schema(SCHEMA.tables[0], may_lose_rows=True)
    orders_table.replace(orders(2))
    orders_table.delete_rows()
    dataset.delete()
    for mode in ("PushStreaming", "Streaming"):
        schema = pbi.DatasetSchema("Live", [pbi.TableSchema("RealTimeData", {"Id": int})], mode=mode)
        workspace.create_dataset(schema, if_exists="recreate")
    assert workspace.create_dataset(schema, if_exists="reuse").name == "Live"


@pytest.mark.parametrize("creation", ["created", "accepted"])
def test_every_exchange_is_as_the_description_has_it_and_every_operation_is_there(
    creation: Literal["created", "accepted"],
) -> None:
    description = Description()
    # Where definitions and examples of the description differ, the definitions are what can be held against an answer.
    assumed: Assumptions = {"answer_names": "definitions", "tables_answer": "schema", "creation": creation}
    with Emulator(clock="virtual", assumptions=assumed) as emulator, WireTap(emulator.url) as tap:
        client = pbi.Client(emulator.credential, base_url=tap.url)
        for name in ("Plain", "O'Brien & Söhne/100%"):
            place = emulator.add_workspace(name)
            assert client.workspace(name).id == place
        assert client.workspace(place).name == name
        assert len(client.workspaces(filter="contains(name,'a') or isReadOnly eq true")) == 1
        use_everything(client.my_workspace)
        use_everything(client.workspace("Plain"))
    if creation == "created":
        assert [exchange for exchange in tap.exchanges if exchange.status >= 400] == []
    faults = {
        f"{exchange.method} {shape(exchange.target)}: {fault}"
        for exchange in tap.exchanges
        for fault in description.faults(exchange)
        if fault not in ONLY_IN_EXAMPLES and exchange.status < 400
    }
    assert not faults, "\n".join(sorted(faults))
    used = {description.find(exchange)["operationId"] for exchange in tap.exchanges}
    declared = {operation["operationId"] for operation in description.operations.values()}
    assert sorted(declared - used - NOT_FOR_PUSHING) == []


def test_operations_that_the_description_lacks_are_few_and_have_their_source() -> None:
    description = Description()
    with Emulator(clock="virtual") as emulator, WireTap(emulator.url) as tap:
        client = pbi.Client(emulator.credential, base_url=tap.url)
        for workspace in (client.my_workspace, client.workspace(emulator.add_workspace("Plain"))):
            table = workspace.create_dataset(SCHEMA).table("Items")
            assert table.sequence_numbers() == {}
            assert table.count() == 0
    lacking = {
        f"{exchange.method} {shape(exchange.target)}" for exchange in tap.exchanges if not description.find(exchange)
    }
    assert lacking == set(ELSEWHERE)


@pytest.mark.parametrize(
    ("exchange", "fault"),
    [
        (("POST", "/v1.0/myorg/datasets", b'{"Name":"a","tables":[]}', 201, b'{"id":"1"}'), "$.Name is not declared"),
        (("POST", "/v1.0/myorg/datasets?mode=1", b'{"name":"a","tables":[]}', 201, b'{"id":"1"}'), "parameter mode"),
        (("GET", "/v1.0/myorg/groups?$top=ten", b"", 200, b'{"value":[]}'), "$top is no number"),
        (("GET", "/v1.0/myorg/datasets", b"", 200, b'{"value":[{"id":"1","Name":"a"}]}'), ".Name is not declared"),
        (("GET", "/v1.0/myorg/datasets", b"", 200, b'{"value":[{"name":"a"}]}'), "'id' is a required property"),
        (("DELETE", "/v1.0/myorg/datasets/1", b"", 204, b""), "204 is not declared"),
        (("DELETE", "/v1.0/myorg/datasets/1", b"{}", 200, b""), "does not take"),
    ],
)
def test_the_description_would_see(exchange: tuple[Any, ...], fault: str) -> None:
    faults = list(Description().faults(Exchange(*exchange)))
    assert any(fault in found for found in faults), faults
