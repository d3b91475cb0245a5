"""Workspaces of the local Power BI: listed, filtered, looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import powerbi_push as pbi
from powerbi_push.emulator import Emulator
from raw_http import ask

if TYPE_CHECKING:
    from powerbi_push.emulator import Role


def names(emulator: Emulator, condition: str) -> list[str]:
    reply = ask(emulator, f"/groups?$filter={quote(condition)}")
    assert reply.status == 200, reply.text
    return [group["name"] for group in reply.json["value"]]


def test_the_filters_of_the_documents_find_what_they_say(powerbi: Emulator) -> None:
    for name in ["sample group", "marketing group", "contoso"]:
        powerbi.add_workspace(name)
    assert names(powerbi, "contains(name,'marketing') or name eq 'contoso'") == ["marketing group", "contoso"]
    assert names(powerbi, "endswith(name,'group') and startswith(name,'m')") == ["marketing group"]


@pytest.mark.parametrize(
    ("condition", "what"),
    [("endswith(name,'group') and not startswith(name,'s')", "not"), ("tolower(name) eq 'contoso'", "tolower")],
)
def test_a_filter_that_is_not_supported_is_refused_by_its_name(powerbi: Emulator, condition: str, what: str) -> None:
    reply = ask(powerbi, f"/groups?$filter={quote(condition)}")
    assert reply.status == 400
    (detail,) = reply.json["error"]["details"]
    assert detail["message"].startswith(f"the emulator does not support `{what}` here; in a $filter it reads name eq ")


def test_a_workspace_is_found_by_its_id_in_both_ways(powerbi: Emulator) -> None:
    workspace_id = powerbi.add_workspace("Finance", dedicated_capacity=True)
    assert names(powerbi, f"id eq '{workspace_id}'") == ["Finance"]
    assert names(powerbi, "isOnDedicatedCapacity eq true") == ["Finance"]
    assert names(powerbi, "isReadOnly eq true") == []
    assert ask(powerbi, f"/groups/{workspace_id}").json["name"] == "Finance"


def test_a_filter_that_is_none_is_400(powerbi: Emulator) -> None:
    reply = ask(powerbi, "/groups?$filter=name%20eq")
    details = [{"message": "Syntax error at position 7 in 'name eq'.", "target": "$filter"}]
    assert reply.status == 400
    assert reply.json == {"error": {"code": "BadRequest", "message": "Bad Request", "details": details}}


def test_a_page_may_be_small() -> None:
    with Emulator(assumptions={"groups_page": 2, "filter_case": "insensitive"}) as emulator:
        for name in "abc":
            emulator.add_workspace(name)
        assert [group["name"] for group in ask(emulator, "/groups?$top=5").json["value"]] == ["a", "b"]
        assert names(emulator, "name eq 'C'") == ["c"]


@pytest.mark.parametrize("role", ["admin", "Owner", ""])
def test_a_role_is_one_of_four(powerbi: Emulator, role: Any) -> None:
    with pytest.raises(pbi.ConfigurationError, match="the roles are Admin, Member, Contributor and Viewer"):
        powerbi.add_workspace("Finance", role=role)


@pytest.mark.parametrize("role", ["Admin", "Viewer", None])
def test_only_members_see_a_workspace(powerbi: Emulator, role: Role | None) -> None:
    powerbi.add_workspace("Finance", role=role)
    shown = ask(powerbi, "/groups").json["value"]
    assert [group["isReadOnly"] for group in shown] == ([role == "Viewer"] if role else [])
