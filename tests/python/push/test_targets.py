"""The one-liner: every form of a target, what is made, what is replaced, what is refused."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, make_table, orders

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator


@pytest.fixture
def push(powerbi: Emulator) -> Callable[..., pbi.PushResult]:
    def to_the_emulator(rows: Any, target: Any, **options: Any) -> pbi.PushResult:
        return pbi.push(rows, target, credential=powerbi.credential, base_url=powerbi.url, **options)

    return to_the_emulator


def ids(emulator: Emulator, target: Any = "Sales/Orders") -> list[int]:
    return [row["Id"] for row in emulator.rows(target)]


def test_every_form_of_a_target_reaches_the_same_table(powerbi: Emulator, push: Callable[..., pbi.PushResult]) -> None:
    table = make_table(powerbi)
    address = f"{powerbi.url}/v1.0/myorg/datasets/{table.dataset.id}/tables/Orders/rows"
    forms = ["Sales/Orders", (None, "Sales", "Orders"), (None, table.dataset.id, "Orders"), address, table]
    for number, target in enumerate(forms):
        assert push([{"Id": number}], target).ok
    assert ids(powerbi) == [0, 1, 2, 3, 4]


def test_a_workspace_is_meant_by_name_or_id(powerbi: Emulator, push: Callable[..., pbi.PushResult]) -> None:
    workspace = powerbi.add_workspace("Finance")
    dataset = powerbi.client().workspace("Finance").create_dataset(SCHEMA)
    address = f"{powerbi.url}/v1.0/myorg/groups/{workspace}/datasets/{dataset.id}/tables/Orders/rows"
    for number, target in enumerate(["Finance/Sales/Orders", (workspace, dataset.id, "Orders"), address]):
        assert push([{"Id": number}], target).ok
    assert ids(powerbi, "Finance/Sales/Orders") == [0, 1, 2]
    with pytest.raises(pbi.NotFoundError, match="there are `Finance`"):
        push(orders(1), "Finanz/Sales/Orders")


def test_a_push_url_and_a_stream_are_targets_too(powerbi: Emulator) -> None:
    url = powerbi.streaming_dataset("Sensors", {"Id": "Int64"})
    assert pbi.push(orders(1), url).ok
    assert pbi.push(orders(1, start=1), pbi.StreamingDataset(url)).ok
    assert ids(powerbi, "Sensors/RealTimeData") == [0, 1]
    for wrong in ({"if_exists": "replace"}, {"create": True}):
        with pytest.raises(pbi.ConfigurationError, match="push URL"):
            pbi.push(orders(1), url, **wrong)


@pytest.mark.parametrize("target", ["", "Sales", "a/b/c/d", ("x",), (1, 2, 3), "/Orders", "Sales/", 5, None])
def test_what_is_no_target_is_refused_with_the_forms_there_are(
    push: Callable[..., pbi.PushResult], target: Any
) -> None:
    with pytest.raises(pbi.ConfigurationError, match="is no target"):
        push(orders(1), target)


def test_a_rows_address_on_another_host_gets_no_token(powerbi: Emulator, push: Callable[..., pbi.PushResult]) -> None:
    address = "https://api.powerbi.com/v1.0/myorg/datasets/cfafbeb1-8037-4d0c-896e-a46fb27ff229/tables/Orders/rows"
    with pytest.raises(pbi.ConfigurationError, match="another host"):
        push(orders(1), address)
    assert powerbi.requests == []


def test_replace_deletes_rows_and_never_the_dataset(powerbi: Emulator, push: Callable[..., pbi.PushResult]) -> None:
    table = make_table(powerbi)
    table.push(orders(5))
    result = push(orders(2, start=10), "Sales/Orders", if_exists="replace")
    assert (result.confirmed, result.deleted) == (2, True)
    assert ids(powerbi) == [10, 11]
    assert powerbi.client().dataset("Sales").id == table.dataset.id


@pytest.mark.parametrize("form", [list, iter], ids=["a list", "a generator"])
def test_rows_that_do_not_fit_leave_the_table_as_it_was(powerbi: Emulator, form: Callable[[Any], Any]) -> None:
    table = make_table(powerbi)
    table.push(orders(5))
    with pytest.raises(pbi.ValidationError) as caught:
        table.replace(form([*orders(20_000), {"Id": "no"}]))
    assert caught.value.result is not None
    assert not caught.value.result.deleted
    assert ids(powerbi) == [0, 1, 2, 3, 4]


def test_a_failure_after_the_delete_says_so(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(5))
    powerbi.fail_next(400, route="Datasets_PostRows")
    with pytest.raises(pbi.ServiceError) as caught:
        table.replace(orders(3))
    assert caught.value.result is not None
    assert (caught.value.result.deleted, caught.value.result.rejected) == (True, 3)
    assert ids(powerbi) == []


def test_a_delete_that_fails_sends_nothing(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(5))
    powerbi.fail_next(403, route="Datasets_DeleteRows")
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        table.replace(orders(3))
    assert caught.value.result is not None
    assert (caught.value.result.deleted, caught.value.result.unsent) == (False, 3)
    assert ids(powerbi) == [0, 1, 2, 3, 4]


def test_replace_can_skip_what_does_not_fit(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    table.push(orders(5))
    result = table.replace([{"Id": 7}, {"Id": "no"}], on_invalid="skip")
    assert (result.confirmed, result.rejected, result.deleted) == (1, 1, True)
    assert ids(powerbi) == [7]


def test_create_reads_the_columns_off_the_first_rows_and_loses_none(
    powerbi: Emulator, push: Callable[..., pbi.PushResult]
) -> None:
    assert (
        push(({"Id": number, "Share": 0.5} for number in range(10_001)), "New/Orders", create=True).confirmed == 10_001
    )
    assert len(powerbi.rows("New/Orders")) == 10_001
    assert powerbi.requests[2].json()["tables"][0]["columns"][1]["dataType"] == "Double"
    assert push([{"Id": -1, "Share": 1.5}], "New/Orders", create=True).ok
    assert [request.operation for request in powerbi.requests].count("Datasets_PostDataset") == 1


def test_create_takes_a_schema_and_cannot_add_a_table(push: Callable[..., pbi.PushResult]) -> None:
    assert push([{"Id": "7"}], "New/Orders", create=True, schema={"Id": int}, convert=True).ok
    with pytest.raises(pbi.ConfigurationError, match=r"cannot add one: it has \['Orders'\]"):
        push(orders(1), "New/Other", create=True)
    with pytest.raises(pbi.NotFoundError, match="there is no dataset"):
        push(orders(1), "Absent/Orders")


def test_one_client_is_kept(powerbi: Emulator, push: Callable[..., pbi.PushResult]) -> None:
    make_table(powerbi)
    credential = powerbi.credential
    asked = 0

    def counting() -> str:
        nonlocal asked
        asked += 1
        return credential.get_token().token

    for number in range(3):
        pbi.push([{"Id": number}], "Sales/Orders", credential=counting, base_url=powerbi.url)
    assert asked == 1
    assert ids(powerbi) == [0, 1, 2]
    assert push(orders(1), "Sales/Orders").ok


def test_a_dataset_is_made_of_what_text_reads_as_where_values_are_converted(
    push: Callable[..., pbi.PushResult], powerbi: Emulator
) -> None:
    rows = [{"Id": "7", "When": "2014-07-30"}, {"Id": "", "When": None}]
    assert push(rows, "Read/Orders", create=True, convert=True).ok
    assert powerbi.rows("Read/Orders") == [{"Id": 7, "When": datetime(2014, 7, 30)}, {"Id": None, "When": None}]
