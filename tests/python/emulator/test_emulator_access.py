"""Who may do what in the local Power BI: roles, the app, the tenant's switches, and every other refusal on demand."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, orders
from raw_http import Reply, ask, submit

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator, Role

SCOPE = "https://analysis.windows.net/powerbi/api/.default"


def sign_in(emulator: Emulator, **changed: str) -> Reply:
    form = {
        "grant_type": "client_credentials",
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "scope": SCOPE,
    }
    return submit(f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/token", {**form, **changed})


def app_token(emulator: Emulator) -> str:
    token: str = sign_in(emulator).json["access_token"]
    return token


def test_an_app_pushes_into_a_workspace_that_it_was_added_to(powerbi: Emulator) -> None:
    workspace_id = powerbi.add_workspace("Team", app_role="Contributor")
    client = powerbi.client(credential=app_token(powerbi))
    table = client.workspace(workspace_id).create_dataset(SCHEMA).table()
    assert table.push(orders(3)).ok
    assert len(powerbi.rows("Team/Sales/Orders")) == 3
    assert [workspace.name for workspace in client.workspaces()] == ["Team"]


def test_a_token_of_the_app_says_what_it_is(powerbi: Emulator) -> None:
    payload = app_token(powerbi).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["tid"], claims["appid"], claims["idtyp"]) == (powerbi.tenant_id, powerbi.client_id, "app")
    assert claims["exp"] - claims["iat"] == 3_600


def test_an_app_has_no_my_workspace_and_no_other_until_it_is_added(powerbi: Emulator) -> None:
    workspace_id = powerbi.add_workspace("Team")
    token = app_token(powerbi)
    assert ask(powerbi, "/datasets", token=token).status == 403
    assert powerbi.client(credential=token).workspaces() == []
    assert ask(powerbi, f"/groups/{workspace_id}/datasets", token=token).status == 403


@pytest.mark.parametrize(("role", "status"), [("Admin", 201), ("Contributor", 201), ("Viewer", 403), (None, 403)])
def test_a_role_says_who_may_create(powerbi: Emulator, role: Role | None, status: int) -> None:
    workspace_id = powerbi.add_workspace("Team", role=role)
    dataset = {"name": "Sales", "tables": [{"name": "T", "columns": [{"name": "Id", "dataType": "Int64"}]}]}
    assert ask(powerbi, f"/groups/{workspace_id}/datasets", dataset).status == status
    assert ask(powerbi, f"/groups/{workspace_id}/datasets").status == (200 if role else 403)


def test_the_tenants_switches_close_both_doors(powerbi: Emulator) -> None:
    powerbi.add_workspace("Team", app_role="Admin")
    stream = pbi.StreamingDataset(powerbi.streaming_dataset("S", {"a": "Number"}))
    token = app_token(powerbi)
    powerbi.allow(service_principals=False)
    powerbi.allow(push_url_keys=False)
    assert ask(powerbi, "/groups", token=token).json == {"Message": "API is not accessible for application"}
    with pytest.raises(pbi.PermissionDeniedError):
        stream.push([{"a": 1}])
    powerbi.allow(service_principals=True, push_url_keys=True)
    assert ask(powerbi, "/groups", token=token).status == 200
    assert stream.push([{"a": 1}]).ok


def test_a_secret_is_checked_and_may_expire(powerbi: Emulator) -> None:
    old = powerbi.client_secret
    powerbi.expire_client_secret()
    assert powerbi.client_secret != old
    for secret, number in [("wrong", 7_000_215), (old, 7_000_222)]:
        reply = sign_in(powerbi, client_secret=secret)
        assert (reply.status, reply.json["error"], reply.json["error_codes"]) == (401, "invalid_client", [number])
    assert sign_in(powerbi).status == 200


def test_a_sign_in_can_be_made_to_fail(powerbi: Emulator) -> None:
    powerbi.fail_next(400, route="Entra_Token", code="AADSTS50034", message="no such user")
    reply = sign_in(powerbi)
    assert (reply.status, reply.json["error_codes"]) == (400, [50_034])
    assert reply.json["error_description"].startswith("AADSTS50034: no such user\r\nTrace ID: ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"code": "CapacityNotActive", "message": "The capacity is paused."}, "CapacityNotActive"),
        ({"code": "PowerBINotAuthorizedException"}, "PowerBINotAuthorizedException"),
        ({"message": "The user is not licensed."}, None),
    ],
)
def test_a_refusal_is_ordered_with_its_words(powerbi: Emulator, words: Any, expected: str | None) -> None:
    powerbi.fail_next(403, **words)
    with pytest.raises(pbi.PermissionDeniedError) as caught:
        powerbi.client().datasets()
    assert caught.value.code == expected
    assert words.get("message", "") in str(caught.value)


def test_a_retired_feature_is_refused_as_it_was_seen(powerbi: Emulator) -> None:
    powerbi.fail_next(403, code="FeatureDeprecatedError")
    with pytest.raises(pbi.FeatureRetiredError):
        powerbi.client().create_dataset(SCHEMA)


def test_a_fault_has_a_body_or_words(powerbi: Emulator) -> None:
    with pytest.raises(pbi.ConfigurationError, match="either the body, or a code and a message"):
        powerbi.fail_next(403, code="x", body="{}")
