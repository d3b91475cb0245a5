"""What the doctor reads off a token: whose it is, for whom, with which rights, and until when."""

from __future__ import annotations

import time
from typing import Any

import pytest

import powerbi_push as pbi
from power_bi_server import APP, DATASET, POWER_BI, USER, WORKSPACE, examined, failed, power_bi, states, token


def test_a_token_for_somebody_else_is_told_by_name() -> None:
    for audience, name in (
        ("https://graph.microsoft.com/", "Microsoft Graph"),
        ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
        ("https://management.azure.com", "Azure's management"),
        ("https://example.org", "`https://example.org`"),
        (None, "nobody in particular"),
    ):
        wrong = failed(examined(USER, aud=audience))
        assert (wrong.name, wrong.message.split(", not")[0]) == ("audience", f"the token is for {name}")
        assert f"{POWER_BI}/.default" in (wrong.hint or "")
    wrong = failed(examined(USER, aud="https://analysis.chinacloudapi.cn/powerbi/api"))
    assert "another cloud" in wrong.message
    assert "cloud=" in (wrong.hint or "")


@pytest.mark.parametrize("audience", [POWER_BI, f"{POWER_BI}/", "00000009-0000-0000-c000-000000000000"])
def test_power_bi_has_several_names_as_an_audience(audience: str) -> None:
    assert states(examined(USER, aud=audience))["audience"] == "ok"


def test_a_token_that_has_ended_is_told_with_the_clock() -> None:
    wrong = failed(examined(USER, exp=int(time.time()) - 7_500))
    assert wrong.name == "lifetime"
    assert wrong.message.startswith("the token has ended 2 h 5 min ago by this machine's clock, which says 20")


def test_a_token_of_the_future_means_a_slow_clock() -> None:
    wrong = failed(examined(USER, nbf=int(time.time()) + 7_500))
    assert wrong.message.startswith("the token is not valid for another 2 h ")
    assert wrong.hint == "set the clock: it is probably slow"


def test_a_clock_that_differs_from_entras_is_told() -> None:
    now = int(time.time())
    with power_bi({"/groups": [], "/datasets": []}) as url:
        for ahead, word in ((1_000, "fast"), (-1_000, "slow")):
            answer = token(USER, exp=now + 3_600 - ahead), now + 3_600
            report = pbi.doctor(credential=lambda answer=answer: answer, base_url=url)
            assert report.ok
            (warning,) = [check for check in report.checks if check.state == "warning"]
            assert warning.message.startswith(f"this machine's clock is about 16 min {word}: ")


def test_scopes_that_cannot_push_are_told() -> None:
    wrong = failed(examined(USER, scp="Dataset.Read.All Workspace.Read.All"))
    assert (wrong.name, wrong.message) == (
        "permissions",
        "the token may not write datasets; it has Dataset.Read.All, Workspace.Read.All",
    )
    assert f"{POWER_BI}/Dataset.ReadWrite.All" in (wrong.hint or "")
    assert examined(USER, scp="user_impersonation").ok


def test_a_token_that_may_not_list_workspaces_is_good_for_ids() -> None:
    paths = {f"/datasets/{DATASET}": (200, {"id": DATASET, "name": "S", "addRowsAPIEnabled": True})}
    with power_bi({**paths, f"/datasets/{DATASET}/tables": [{"name": "T"}]}) as url:
        report = pbi.doctor(f"{DATASET}/T", credential=token(USER, scp="Dataset.ReadWrite.All"), base_url=url)
    assert report.ok
    assert states(report)["workspaces"] == "warning"


def test_permissions_of_an_app_are_a_warning() -> None:
    with power_bi({"/groups": [{"id": WORKSPACE, "name": "W"}], f"/groups/{WORKSPACE}/datasets": []}) as url:
        report = pbi.doctor(credential=token(APP, roles=["Tenant.Read.All"]), base_url=url)
    assert report.ok
    assert states(report)["permissions"] == "warning"


@pytest.mark.parametrize("opaque", ["opaque", "a.b.c", "e30.W10.e30"])
def test_a_token_that_cannot_be_read_is_tried_all_the_same(opaque: str) -> None:
    with power_bi({"/groups": [], "/datasets": []}) as url:
        report = pbi.doctor(credential=opaque, base_url=url)
    assert states(report) == {"service": "ok", "sign-in": "warning", "workspaces": "ok", "datasets": "ok"}


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": 5, "exp": "soon", "scp": 7, "tid": ["x"], "upn": {"a": 1}},
        {"aud": [POWER_BI], "exp": 1e300, "nbf": True, "roles": "Reader", "appid": 5},
        {"aud": POWER_BI, "exp": -1, "upn": "\x1b[2J\u202eada\n" + "x" * 10_000},
        {"exp": 10**30, "nbf": -(10**30), "idtyp": [], "app_displayname": 0.5},
        {},
    ],
)
def test_no_claim_is_too_odd(claims: dict[str, Any]) -> None:
    now = None
    report = examined({"nbf": now, "exp": now, "iat": now} | claims)
    text = str(report)
    assert all(line.isprintable() for line in text.splitlines())
    assert max(map(len, text.splitlines())) < 600
