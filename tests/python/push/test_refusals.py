"""Denials: told before anything is sent where the token says so, else with the setting that is to be changed."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, arrived, check_account, make_table, orders
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

# Service principals.


def token_of(**claims: object) -> str:
    """A token with these claims, which nobody has signed."""
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims, {}))


@pytest.mark.parametrize("claims", [{"idtyp": "app", "appid": "1"}, {"azp": "1", "oid": "2"}])
def test_a_service_principal_has_no_my_workspace(powerbi: Emulator, claims: dict[str, str]) -> None:
    client = powerbi.client(credential=token_of(**claims))
    asking: list[Callable[[], object]] = [
        client.datasets,
        lambda: client.dataset("Sales"),
        lambda: client.create_dataset(SCHEMA),
        lambda: pbi.push(orders(1), "Sales/Orders", credential=token_of(**claims), base_url=powerbi.url, create=True),
    ]
    for ask_for in asking:
        with pytest.raises(pbi.PermissionDeniedError, match="service principal's, which has no My workspace") as caught:
            ask_for()
        assert "client.workspace(name_or_id)" in (caught.value.hint or "")
        assert caught.value.status is None
    assert powerbi.requests == []


def test_a_push_of_a_service_principal_to_my_workspace_sends_nothing(powerbi: Emulator) -> None:
    ended = time.time() - 1  # so that every request asks for another
    app = token_of(idtyp="app", appid="1")
    tokens = [(powerbi.credential.get_token().token, ended)] * 2 + [(app, ended)]
    table = powerbi.client(credential=lambda: tokens.pop(0) if tokens else (app, ended)).create_dataset(SCHEMA).table()
    sent = len(powerbi.requests)
    with pytest.raises(pbi.PermissionDeniedError, match="no My workspace") as caught:
        table.push(orders(3))
    assert check_account(caught.value.result, arrived(powerbi)).unsent == 3
    assert len(powerbi.requests) == sent


def test_a_token_that_does_not_say_whose_it_is_goes_out(powerbi: Emulator) -> None:
    for token in ("opaque", token_of(appid="1", scp="Dataset.ReadWrite.All"), token_of(idtyp="user")):
        with pytest.raises(pbi.ServiceError):
            powerbi.client(credential=token).datasets()
    assert len(powerbi.requests) == 3


# Refusals.

REASONS = [
    (401, "ServicePrincipalIsNotAllowedByTenantAdminSwitch", "Service principals can call Fabric public APIs"),
    (401, "PowerBINotLicensedException", "Licenses and apps"),
    (403, "InsufficientScopes", "Dataset.ReadWrite.All"),
    (403, "InsufficientPrivileges", "Manage access"),
    (403, "CapacityNotActive", "Resume"),
    (403, "", "Manage access"),
]


@pytest.mark.parametrize(("status", "code", "words"), REASONS)
def test_a_denial_names_the_setting_to_change(powerbi: Emulator, status: int, code: str, words: str) -> None:
    table = make_table(powerbi, retry=None)
    asking: list[Callable[[], object]] = [lambda: table.push(orders(1)), table.delete_rows]
    for ask_for in asking:
        body = json.dumps({"error": {"code": code}}) if code else ""
        powerbi.fail_next(status, body=body, times=2 if status == 401 else 1)
        with pytest.raises(pbi.PermissionDeniedError) as caught:
            ask_for()
        assert words in (caught.value.hint or "")


def test_a_push_url_that_is_refused_names_the_switch_that_may_be_off(powerbi: Emulator) -> None:
    url = powerbi.streaming_dataset("Sensors", {"celsius": float})
    stream = pbi.StreamingDataset(url.partition("?key=")[0] + "?key=" + "A" * 88, {"celsius": float}, retry=None)
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        stream.push([{"celsius": 1.0}])
    assert "Block ResourceKey Authentication" in (caught.value.hint or "")
    assert "AAAA" not in str(caught.value)


def test_a_viewer_may_look_and_is_told_which_role_writes(powerbi: Emulator) -> None:
    workspace = powerbi.client().workspace(powerbi.add_workspace("Team", role="Viewer"))
    assert (workspace.name, workspace.datasets()) == ("Team", [])
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        workspace.create_dataset(SCHEMA)
    assert "Contributor, Member or Admin in the workspace > Manage access" in (caught.value.hint or "")


NO_MEMBER = {"403": pbi.PermissionDeniedError, "401": pbi.PermissionDeniedError, "404": pbi.NotFoundError}


@pytest.mark.parametrize("answer", NO_MEMBER)
def test_a_workspace_that_is_not_ones_own_is_told_whatever_the_service_answers(answer: Any) -> None:
    with Emulator(assumptions={"not_a_member": answer}) as emulator:
        emulator.add_workspace("Mine")
        workspace = emulator.client().workspace(emulator.add_workspace("Theirs", role=None))
        with pytest.raises(NO_MEMBER[answer]) as caught:
            workspace.datasets()
        assert caught.value.status == int(answer)
        assert "role" in (caught.value.hint or "")
        with pytest.raises(pbi.NotFoundError, match=f"there is no workspace `{workspace.id}`: there are `Mine`"):
            _ = workspace.name
