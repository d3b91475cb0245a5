"""Clients, workspaces, datasets and tables: what is refused before anything is sent, and how things are found."""

from __future__ import annotations

import asyncio
import copy
import pickle
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, make_table, orders, posts
from fault_server import DATASET_ID, FaultServer, closed_port
from powerbi_push.powerbi import retirement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from powerbi_push.emulator import Emulator

# Arguments.


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.powerbi.com",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::ffff:127.0.0.1]",
        "http://127.0.0.2@example.org",
        "https://user@api.powerbi.com",
        "https://user:password@api.powerbi.com",
        "https://api.powerbi.com/v1.0/myorg",
        "https://api.powerbi.com?x=1",
        "https://api.powerbi.com#x",
        "ftp://localhost",
        "file:///etc/passwd",
        "api.powerbi.com",
        "https://",
        "",
    ],
)
def test_a_base_url_is_scheme_and_host_and_http_only_at_home(base_url: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match="base_url"):
        pbi.Client("opaque", base_url=base_url)


@pytest.mark.parametrize(
    ("base_url", "shown"),
    [
        ("https://api.powerbi.com", "https://api.powerbi.com"),
        ("https://API.PowerBI.com/", "https://api.powerbi.com"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
    ],
)
def test_a_client_shows_where_it_goes(base_url: str, shown: str) -> None:
    assert repr(pbi.Client("opaque", base_url=base_url)) == f"Client(base_url='{shown}')"


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("public", "api.powerbi.com"),
        ("usgov", "api.powerbigov.us"),
        ("usgovhigh", "api.high.powerbigov.us"),
        ("usgovdod", "api.mil.powerbigov.us"),
        ("china", "api.powerbi.cn"),
    ],
)
def test_each_cloud_has_its_host(cloud: str, host: str) -> None:
    assert repr(pbi.Client("opaque", cloud=cloud)) == f"Client(base_url='https://{host}')"


@pytest.mark.parametrize("cloud", ["germany", "Public", "", "public\n"])
def test_another_cloud_is_answered_with_those_there_are(cloud: str) -> None:
    with pytest.raises(pbi.ConfigurationError, match="public, usgov, usgovhigh, usgovdod, china"):
        pbi.Client("opaque", cloud=cloud)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "30", None, 1e300])
def test_a_timeout_is_a_number_of_seconds_above_zero(timeout: Any) -> None:
    with pytest.raises(pbi.ConfigurationError, match="timeout"):
        pbi.Client("opaque", timeout=timeout)


@pytest.mark.parametrize("retry", ["never", 3, True, {"attempts": 3}])
def test_retry_says_what_it_takes(retry: Any) -> None:
    with pytest.raises(pbi.ConfigurationError, match='`retry` takes "default", a Retry or None'):
        pbi.Client("opaque", retry=retry)


def test_a_proxy_that_is_no_url_is_refused_without_showing_it() -> None:
    with pytest.raises(pbi.ConfigurationError, match="proxy") as caught:
        pbi.Client("opaque", proxy="http://user:password@[")
    assert "password" not in str(caught.value)


def test_a_ca_bundle_is_read_when_the_client_is_made(tmp_path: Path) -> None:
    with pytest.raises(pbi.ConfigurationError, match="cannot be read"):
        pbi.Client("opaque", ca_bundle=tmp_path / "none.pem")
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate")
    with pytest.raises(pbi.ConfigurationError, match=r"holds no certificate|is not PEM"):
        pbi.Client("opaque", ca_bundle=str(empty))


def test_no_credential_says_what_each_way_of_signing_in_lacks() -> None:
    with pytest.raises(pbi.AuthenticationError, match=r"EnvironmentCredential: AZURE_TENANT_ID, .* not set"):
        pbi.Client().datasets()


def test_a_proxy_gets_the_requests_and_no_token_in_clear() -> None:
    with FaultServer() as proxy:
        client = pbi.Client("a-token", base_url="https://service.invalid", proxy=proxy.url, retry=None)
        with pytest.raises(pbi.TransportError):
            client.datasets()
        assert b"a-token" not in b"".join(request.head + request.body for request in proxy.received)


# Datasets.


def test_a_dataset_says_what_the_service_knows(powerbi: Emulator) -> None:
    created = powerbi.client().create_dataset(SCHEMA)
    found = powerbi.client().dataset("Sales")
    assert (found.id, found.name, found.accepts_rows) == (created.id, "Sales", True)
    assert found.web_url == f"{powerbi.url}/#{created.id}"
    assert created.web_url is None or created.web_url == found.web_url
    assert repr(found) == f"Dataset('Sales', id='{created.id}')"
    assert repr(found.workspace) == "Workspace('My workspace')"
    assert repr(found.table("Orders")) == "Table('Sales', 'Orders')"


@pytest.mark.parametrize("spell", [str, str.upper])
def test_a_dataset_is_found_by_its_id(powerbi: Emulator, spell: Callable[[str], str]) -> None:
    created = powerbi.client().create_dataset(SCHEMA)
    assert powerbi.client().dataset(spell(created.id)).name == "Sales"
    assert powerbi.requests[-1].operation == "Datasets_GetDataset"


def test_a_dataset_that_is_not_there_is_answered_with_those_there_are(powerbi: Emulator) -> None:
    client = powerbi.client()
    with pytest.raises(pbi.NotFoundError, match="there is no dataset `Sales`: there are none"):
        client.dataset("Sales")
    client.create_dataset(SCHEMA)
    with pytest.raises(pbi.NotFoundError, match="there are `Sales`") as caught:
        client.dataset("sales")
    assert "workspace" in (caught.value.hint or "")
    with pytest.raises(pbi.NotFoundError) as caught:
        client.dataset(DATASET_ID)
    assert caught.value.status == 404


def test_a_name_that_two_datasets_have_is_refused_with_both_ids(powerbi: Emulator) -> None:
    client = powerbi.client()
    ids = [client.create_dataset(SCHEMA).id]
    # The service itself makes a second one of the same name.
    powerbi.fail_next(200, body='{"value": []}')
    ids.append(client.create_dataset(SCHEMA).id)
    wanting_one: list[Callable[[], object]] = [
        lambda: client.dataset("Sales"),
        lambda: client.create_dataset(SCHEMA, if_exists="reuse"),
    ]
    for wants_one in wanting_one:
        with pytest.raises(pbi.ConfigurationError) as caught:
            wants_one()
        assert all(known in str(caught.value) for known in ids)
    assert client.dataset(ids[1]).id == ids[1]


def test_if_exists_fails_reuses_or_recreates(powerbi: Emulator) -> None:
    client = powerbi.client()
    first = client.create_dataset(SCHEMA)
    first.table().push(orders(2))
    with pytest.raises(pbi.ConfigurationError, match=first.id) as caught:
        client.create_dataset(SCHEMA)
    assert 'if_exists="reuse"' in (caught.value.hint or "")
    reused = client.create_dataset(SCHEMA, if_exists="reuse")
    assert reused.id == first.id
    assert len(powerbi.rows("Sales/Orders")) == 2
    recreated = client.create_dataset(SCHEMA, if_exists="recreate")
    assert recreated.id != first.id
    assert powerbi.rows("Sales/Orders") == []
    assert [dataset.id for dataset in client.datasets()] == [recreated.id]


def test_if_exists_takes_three_words(powerbi: Emulator) -> None:
    client = powerbi.client()
    with pytest.raises(pbi.ConfigurationError, match='"fail" or "reuse" or "recreate"'):
        client.create_dataset(SCHEMA, if_exists="replace")  # type: ignore[arg-type]
    assert powerbi.requests == []


def test_a_dataset_of_another_kind_is_not_reused(powerbi: Emulator) -> None:
    client = powerbi.client()
    powerbi.fail_next(200, body=f'{{"value": [{{"id": "{DATASET_ID}", "name": "Sales", "addRowsAPIEnabled": false}}]}}')
    with pytest.raises(pbi.ConfigurationError, match="does not accept rows"):
        client.create_dataset(SCHEMA, if_exists="reuse")


def test_what_is_no_schema_is_a_type_error(powerbi: Emulator) -> None:
    with pytest.raises(TypeError, match="dict"):
        powerbi.client().create_dataset({"name": "Sales"})  # type: ignore[arg-type]
    assert powerbi.requests == []


def test_a_deleted_dataset_is_gone(powerbi: Emulator) -> None:
    dataset = powerbi.client().create_dataset(SCHEMA)
    dataset.delete()
    assert powerbi.client().datasets() == []
    with pytest.raises(pbi.NotFoundError):
        dataset.delete()


def test_workspaces_are_kept_apart(powerbi: Emulator) -> None:
    finance = powerbi.add_workspace("Finance")
    client = powerbi.client()
    there = client.workspace(finance).create_dataset(SCHEMA)
    assert client.datasets() == []
    assert [dataset.id for dataset in client.workspace(finance).datasets()] == [there.id]
    assert client.workspace(finance).dataset("Sales").workspace.id == finance
    assert repr(client.workspace(finance)) == f"Workspace('{finance}')"
    with pytest.raises(pbi.NotFoundError):
        client.workspace(DATASET_ID).datasets()


@pytest.mark.parametrize("name", ["..", "", "x/y", "cfafbeb1-8037-4d0c-896e-a46fb27ff22g", f"{DATASET_ID}/datasets"])
def test_what_is_no_id_of_a_workspace_never_reaches_the_wire(powerbi: Emulator, name: str) -> None:
    with pytest.raises(pbi.PowerBIPushError):
        powerbi.client().workspace(name)
    assert all(request.method == "GET" and "/datasets" not in request.path for request in powerbi.requests)


# Tables.


def test_tables_are_listed_by_the_service(powerbi: Emulator) -> None:
    schema = pbi.DatasetSchema("Two", [pbi.TableSchema("A", {"Id": int}), pbi.TableSchema("B", {"Id": int})])
    powerbi.client().create_dataset(schema)
    tables = powerbi.client().dataset("Two").tables()
    assert [(table.name, table.schema) for table in tables] == [("A", None), ("B", None)]


def test_without_a_name_the_only_table_is_meant(powerbi: Emulator) -> None:
    assert make_table(powerbi).name == "Orders"
    created = powerbi.client().dataset("Sales")
    sent = len(powerbi.requests)
    assert created.table("Orders").name == created.table(schema=SCHEMA.tables[0]).name == "Orders"
    assert len(powerbi.requests) == sent
    # Where no schema is known, the service is asked.
    assert created.table().name == asyncio.run(created.table_async()).name == "Orders"
    assert len(powerbi.requests) == sent + 2
    assert created.table().push([{"Id": 1}]).ok


def test_with_two_tables_the_name_must_be_said(powerbi: Emulator) -> None:
    schema = pbi.DatasetSchema("Two", [pbi.TableSchema("A", {"Id": int}), pbi.TableSchema("B", {"Id": int})])
    dataset = powerbi.client().create_dataset(schema)
    with pytest.raises(pbi.ConfigurationError) as caught:
        dataset.table()
    assert str(caught.value) == "dataset `Two` has 2 tables: which one is meant has to be said\nhint: name one: A, B"
    with pytest.raises(pbi.ConfigurationError, match="2 tables"):
        powerbi.client().dataset("Two").table()
    with pytest.raises(pbi.ConfigurationError, match="has no table `b`") as caught:
        dataset.table("b")
    assert "case counts" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["a/b", "..", "a.b", "a?b", "a%2Fb", "", "x" * 101, "a'b", "a\x00b", "Ümläut!"])
def test_a_name_that_no_table_can_have_never_reaches_the_wire(powerbi: Emulator, name: str) -> None:
    make_table(powerbi)
    dataset = powerbi.client().dataset("Sales")
    sent = len(powerbi.requests)
    with pytest.raises(pbi.ConfigurationError):
        dataset.table(name)
    assert len(powerbi.requests) == sent


def test_a_table_that_is_not_there_is_the_services_404(powerbi: Emulator) -> None:
    make_table(powerbi)
    table = powerbi.client().dataset("Sales").table("orders")
    with pytest.raises(pbi.NotFoundError, match="Table 'orders' not found") as caught:
        table.push(orders(1))
    assert caught.value.code == "ItemNotFound"
    with pytest.raises(pbi.NotFoundError):
        table.delete_rows()


# Life.


def test_a_closed_client_refuses_everything(powerbi: Emulator) -> None:
    client = powerbi.client()
    dataset = client.create_dataset(SCHEMA)
    sent = len(powerbi.requests)
    client.close()
    client.close()
    refused: list[Callable[[], object]] = [
        client.datasets,
        lambda: client.dataset("Sales"),
        lambda: client.create_dataset(SCHEMA),
        dataset.tables,
        dataset.delete,
        lambda: dataset.table().push(orders(1)),
        lambda: dataset.table().push([]),
        dataset.table().delete_rows,
        dataset.table().sequence_numbers,
        lambda: dataset.table().update_schema({"Id": int}, may_lose_rows=True),
        client.workspaces,
        lambda: client.workspace("Team"),
    ]
    for call in refused:
        with pytest.raises(pbi.ClosedError, match="closed"):
            call()
    assert len(powerbi.requests) == sent


def test_a_client_is_closed_at_the_end_of_its_block(powerbi: Emulator) -> None:
    with powerbi.client() as client:
        assert client.datasets() == []
    with pytest.raises(pbi.ClosedError):
        client.datasets()


def test_a_push_under_way_is_not_disturbed_by_close(powerbi: Emulator) -> None:
    client = powerbi.client()
    table = client.create_dataset(SCHEMA).table()

    def closing() -> Any:
        yield from orders(15_000)
        client.close()
        yield from orders(5_000, start=15_000)

    assert table.push(closing()).confirmed == 20_000


def test_what_holds_a_sign_in_cannot_be_pickled_or_copied(powerbi: Emulator) -> None:
    client = powerbi.client()
    dataset = client.create_dataset(SCHEMA)
    for held in (client, client.my_workspace, dataset, dataset.table()):
        with pytest.raises(TypeError):
            pickle.dumps(held)
        with pytest.raises(TypeError):
            copy.deepcopy(held)


# The end of push datasets.


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retirement, "_retirement_told", False)


@pytest.mark.usefixtures("untold")
def test_the_end_of_stored_rowss_is_told_once() -> None:
    # The proxy is a closed port: nothing leaves this machine.
    client = pbi.Client("opaque", proxy=closed_port(), retry=None)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            with pytest.raises(pbi.TransportError):
                client.create_dataset(SCHEMA)
    (warning,) = told
    assert warning.category is pbi.PushDatasetRetirementWarning
    assert issubclass(warning.category, FutureWarning)
    assert "2027-10-31" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.usefixtures("untold")
def test_the_end_is_told_at_the_callers_line_through_a_workspace_too() -> None:
    client = pbi.Client("opaque", proxy=closed_port(), retry=None)
    with pytest.warns(pbi.PushDatasetRetirementWarning) as told, pytest.raises(pbi.TransportError):
        client.workspace(DATASET_ID).create_dataset(SCHEMA)
    assert told[0].filename == __file__


@pytest.mark.usefixtures("untold")
def test_the_end_is_not_told_to_loopback(powerbi: Emulator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_table(powerbi).push(orders(1))
    assert len(posts(powerbi)) == 1


def test_a_retry_is_a_value() -> None:
    assert pbi.Retry() == pbi.Retry(attempts=5, first_delay=0.5, max_delay=30.0)
    with pytest.raises(AttributeError):
        pbi.Retry().attempts = 6  # type: ignore[misc]
    with pytest.raises(TypeError):
        pbi.Retry(3)  # type: ignore[call-arg]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"attempts": -1}, {"first_delay": -1}, {"max_delay": "x"}])
def test_a_retry_that_makes_no_sense_is_told_when_it_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(pbi.ConfigurationError, match=f"`Retry.{next(iter(wrong))}` takes"):
        pbi.Retry(**wrong)
    with pytest.raises(pbi.ConfigurationError, match=f"`Retry.{next(iter(wrong))}` takes"):
        pbi.Client("opaque", retry=SimpleNamespace(**{"attempts": 5, "first_delay": 1, "max_delay": 1} | wrong))  # type: ignore[arg-type]
