"""The doctor finds what keeps rows from arriving, says what to change, and never raises it."""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import CANARY, check, everything_about
from conftest import SCHEMA, make_table
from entra_server import CLIENT_ID, SECRET, TENANT, EntraServer, Said, refused
from fault_server import CLOSE, SILENCE, Answer, FaultServer, closed_port
from power_bi_server import APP, DATASET, USER, WORKSPACE, failed, last, power_bi, states, token
from powerbi_push.diagnosis.findings import explain

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

# All is well.


def test_a_table_that_takes_rows_is_found_in_eight_steps(powerbi: Emulator) -> None:
    powerbi.client().create_dataset(SCHEMA)
    report = pbi.doctor("Sales/Orders")
    assert report.ok
    steps = ["service", "sign-in", "audience", "permissions", "lifetime", "workspaces", "dataset", "table"]
    assert list(states(report)) == steps
    assert set(states(report).values()) == {"ok"}
    assert {request.method for request in powerbi.requests[-3:]} == {"GET"}
    assert powerbi.rows("Sales/Orders") == []


def test_a_table_brings_its_own_client(powerbi: Emulator) -> None:
    table = make_table(powerbi)
    assert last(pbi.doctor(table)) == pbi.Check("table", "ok", "the table `Orders` is there")


def test_a_workspace_of_the_target_is_looked_into(powerbi: Emulator) -> None:
    powerbi.add_workspace("Team")
    powerbi.client().workspace("Team").create_dataset(SCHEMA)
    report = pbi.doctor("Team/Sales/Orders")
    assert report.ok
    assert states(report)["workspace"] == "ok"
    assert "1 workspace (`Team`)" in next(check.message for check in report.checks if check.name == "workspaces")


def test_a_user_and_an_app_are_told_apart() -> None:
    with power_bi(
        {"/groups": [{"id": WORKSPACE, "name": "Team"}], "/datasets": [], f"/groups/{WORKSPACE}/datasets": []}
    ) as url:
        user = pbi.doctor(credential=token(USER), base_url=url)
        app = pbi.doctor(credential=token(APP), base_url=url)
    assert user.ok
    assert app.ok
    assert user.checks[1].message == "signed in as the user `ada@contoso.com` of the tenant `t-1`"
    service_principal = f"signed in as a service principal: the app `{CLIENT_ID}` (Pusher) of the tenant `t-1`"
    assert app.checks[1].message == service_principal
    assert last(user).message == "My workspace has 0; 0 datasets take rows"
    assert last(app).message == "Team has 0; 0 datasets take rows"


def test_it_can_be_awaited(powerbi: Emulator) -> None:
    powerbi.client().create_dataset(SCHEMA)
    awaited, called = asyncio.run(pbi.doctor_async("Sales/Orders")), pbi.doctor("Sales/Orders")
    assert states(awaited) == states(called)
    assert last(awaited) == last(called) == pbi.Check("table", "ok", "the table `Orders` is there")


# Settings.


def test_no_credential_names_every_way() -> None:
    wrong = failed(pbi.doctor())
    assert wrong.name == "sign-in"
    for way in ("EnvironmentCredential: ", "ManagedIdentityCredential: ", "AzureCliCredential: "):
        assert way in wrong.message
    assert "azure-identity" in (wrong.hint or "")


WAYS = [
    *("EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential"),
    *("powerbi-push login", "AzureCliCredential"),
]


def test_without_a_credential_each_way_is_looked_at_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    report = pbi.doctor()
    looked_at = [check for check in report.checks if check.name in WAYS]
    assert [check.name for check in looked_at] == WAYS
    assert {check.state for check in looked_at} == {"warning"}
    said = [(check.message, check.hint or "") for check in looked_at]
    for (message, hint), (why, change) in zip(
        said,
        [
            ("AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET not set", "set AZURE_TENANT_ID"),
            ("AZURE_FEDERATED_TOKEN_FILE not set", "id-token: write"),
            ("(IMDS)", "System assigned"),
            ("nobody has signed in", "sign in once with powerbi-push login"),
            ("there is no `az`", "az login"),
        ],
        strict=True,
    ):
        assert why in message
        assert change in hint
    assert (last(report).name, last(report).state) == ("sign-in", "failed")


def test_the_first_way_that_is_to_be_had_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    imds = Said(200, json.dumps({"access_token": token(APP), "expires_in": "3599"}).encode())
    with EntraServer(imds) as machine, power_bi({}) as url:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.authority)
        report = pbi.doctor(base_url=url)
    found = states(report)
    assert found["sign-in"] == "ok", str(report)
    assert [name for name in found if name in WAYS] == WAYS[:3]
    assert "serves" in next(check.message for check in report.checks if check.name == WAYS[2])


def test_a_way_that_is_set_up_and_refused_is_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TENANT_ID", TENANT), ("CLIENT_ID", CLIENT_ID), ("CLIENT_SECRET", SECRET)):
        monkeypatch.setenv(f"AZURE_{name}", value)
    with EntraServer(refused(7000222)) as entra:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", entra.authority)
        report = pbi.doctor()
    wrong = last(report)
    assert (wrong.name, wrong.state) == ("EnvironmentCredential", "failed")
    assert "expired" in (wrong.hint or "")
    check(str(report), SECRET)


def test_a_way_that_is_set_up_by_half_is_one_line_and_the_others_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    imds = Said(200, json.dumps({"access_token": token(APP), "expires_in": "3599"}).encode())
    with EntraServer(imds) as machine:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.authority)
        report = pbi.doctor()
    assert [(it.name, it.state) for it in report.checks if it.name in WAYS] == [
        ("EnvironmentCredential", "failed"),
        ("WorkloadIdentityCredential", "ok"),
        ("ManagedIdentityCredential", "ok"),
    ]
    assert last(report).message == "it is to be had, and would serve"
    check(str(report), SECRET)


def test_a_cache_that_is_refused_is_one_line_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "powerbi-push").mkdir(mode=0o700)
    cache = tmp_path / "powerbi-push" / "sign-ins.json"
    cache.touch()
    cache.chmod(0o644)
    found = states(pbi.doctor())
    assert [(name, found[name]) for name in found if name in WAYS] == [
        *((name, "warning") for name in WAYS[:3]),
        ("powerbi-push login", "failed"),
        ("AzureCliCredential", "warning"),
    ]


@pytest.mark.parametrize(
    "settings", [{"cloud": "mars"}, {"base_url": "http://api.powerbi.com"}, {"credential": 7}, {"timeout": 0}]
)
def test_settings_that_cannot_be_right_are_told(settings: dict[str, Any]) -> None:
    assert states(pbi.doctor(**({"credential": "x"} | settings))) == {"settings": "failed"}


def test_the_emulator_of_the_environment_is_told(powerbi: Emulator) -> None:
    assert (
        pbi.doctor().checks[0].message == f"requests go to the emulator at {powerbi.url}, as POWERBI_PUSH_EMULATOR says"
    )


# Signing in.


def test_a_refusal_of_entra_is_told_with_its_advice() -> None:
    with EntraServer(refused(7000215)) as entra, power_bi({}) as url:
        wrong = failed(pbi.doctor(credential=entra.credential(), base_url=url))
    assert wrong.name == "sign-in"
    assert "AADSTS7000215" in wrong.message
    assert "not its Secret ID" in (wrong.hint or "")


def test_a_portal_in_front_of_entra_is_told() -> None:
    with EntraServer(Said(200, b"<html>")) as entra, power_bi({}) as url:
        wrong = failed(pbi.doctor(credential=entra.credential(), base_url=url))
    assert "something else than Microsoft Entra" in (wrong.hint or "")


def test_a_credential_that_raises_is_told() -> None:
    def credential() -> str:
        raise OSError(5, "no browser")

    with power_bi({}) as url:
        report = pbi.doctor(credential=credential, base_url=url)
    assert states(report) == {"service": "ok", "sign-in": "failed"}
    assert "no browser" in last(report).message


def test_an_asynchronous_credential_is_told_where_it_cannot_be_awaited() -> None:
    async def credential() -> str:
        return token(USER)

    with power_bi({"/groups": [], "/datasets": []}) as url:
        wrong = failed(pbi.doctor(credential=credential, base_url=url))
        assert asyncio.run(pbi.doctor_async(credential=credential, base_url=url)).ok
    assert "_async" in (wrong.hint or "")


# The service.

SWITCH = "Admin portal > Tenant settings > Developer settings"
DENIALS: dict[str, tuple[dict[str, Any], int, Any, str]] = {
    "the tenant's switch": (APP, 403, {"error": {"code": "ServicePrincipalIsNotAllowedByTenantAdminSwitch"}}, SWITCH),
    "an app that is blocked": (APP, 401, {"Message": "API is not accessible for application"}, SWITCH),
    "a hidden block": (APP, 200, {"message": "API is not accessible for application"}, SWITCH),
    "an app": (APP, 403, {}, SWITCH),
    "a user": (USER, 403, {}, "Contributor"),
    "no licence": (USER, 403, {"error": {"code": "PowerBINotLicensedException"}}, "licence"),
}


@pytest.mark.parametrize(("claims", "status", "body", "advice"), DENIALS.values(), ids=DENIALS)
def test_a_denial_says_who_can_change_it(claims: dict[str, Any], status: int, body: Any, advice: str) -> None:
    with power_bi({"/groups": (status, body)}) as url:
        wrong = failed(pbi.doctor(credential=token(claims), base_url=url))
    assert wrong.name == "workspaces"
    assert advice in (wrong.hint or "")


def test_a_denied_dataset_means_a_missing_membership() -> None:
    paths = {"/groups": [{"id": WORKSPACE, "name": "W"}], f"/groups/{WORKSPACE}/datasets": (403, {})}
    with power_bi(paths) as url:
        wrong = failed(pbi.doctor("W/S/T", credential=token(APP), base_url=url))
    assert (wrong.name, "Contributor" in (wrong.hint or "")) == ("dataset", True)


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (200, b"<html>Welcome to the hotel</html>", "open any page in a browser"),
        (302, b"", "open any page in a browser"),
        (511, b"<html>", "open any page in a browser"),
        (407, b"", "proxy='http://name:password@host:port'"),
        (404, b"<html>nginx</html>", "nothing of Power BI is there"),
        (200, {"hello": "world"}, "something else than Power BI"),
        (503, {}, "try again"),
    ],
)
def test_an_answer_that_is_not_the_services_is_recognised(status: int, body: Any, advice: str) -> None:
    with power_bi({"/groups": (status, body)}) as url:
        wrong = failed(pbi.doctor(credential=token(USER), base_url=url))
    assert wrong.name == "workspaces"
    assert advice in (wrong.hint or "")


def test_a_throttled_service_is_a_warning_and_is_not_waited_for(powerbi: Emulator) -> None:
    powerbi.fail_next(429, retry_after=3_392)
    report = pbi.doctor()
    assert (report.ok, last(report).state, len(powerbi.requests)) == (True, "warning", 1)


@pytest.mark.parametrize(
    ("answer", "advice"),
    [(CLOSE, "check the network"), (SILENCE, "firewall"), (Answer(b"\0\r\n\r\n", "close"), "check")],
)
def test_a_line_that_breaks_is_told(answer: Answer, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fault_server._DESCRIPTION", answer)
    with FaultServer() as server:
        wrong = failed(pbi.doctor(credential=token(USER), base_url=server.url, timeout=0.1))
    assert advice in (wrong.hint or "")


def test_nobody_there_is_told() -> None:
    wrong = failed(pbi.doctor(credential=token(USER), base_url=closed_port()))
    assert "nothing listens there" in (wrong.hint or "")


def test_what_does_not_speak_tls_is_told() -> None:
    with FaultServer() as server:
        report = pbi.doctor(credential=token(USER), base_url=server.url.replace("http:", "https:"))
    assert "does not speak TLS" in (failed(report).hint or "")


def test_a_name_that_is_nowhere_is_told() -> None:
    error = pbi.TransportError("could not connect to the service: dns error: Name or service not known")
    assert "the name cannot be found" in (explain("workspaces", error).hint or "")


@pytest.mark.parametrize(
    ("why", "advice"),
    [
        ("UnknownIssuer", "ca_bundle="),
        ("NotValidForName", "another host"),
        ("Expired", "clock is wrong: it says 20"),
        ("NotValidYet", "clock is wrong: it says 20"),
    ],
)
def test_a_certificate_is_told_by_what_is_wrong_with_it(why: str, advice: str) -> None:
    error = pbi.TransportError(f"could not connect to the service: invalid peer certificate: {why}")
    assert advice in (explain("workspaces", error).hint or "")


def test_a_host_that_is_not_power_bis_is_doubted() -> None:
    with FaultServer(CLOSE) as proxy:
        report = pbi.doctor(credential=token(USER), base_url="https://api.example.org", proxy=proxy.url)
    assert states(report)["service"] == "warning"


@pytest.mark.parametrize(("answer", "advice"), [(407, "name and a password"), (403, "to let api.powerbi.com through")])
def test_a_proxy_that_refuses_is_told(answer: int, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = Answer(f"HTTP/1.1 {answer} No\r\nContent-Length: 0\r\n\r\n".encode(), "close")
    monkeypatch.setattr("fault_server._DESCRIPTION", said)
    with FaultServer() as proxy:
        wrong = failed(pbi.doctor(credential=token(USER), proxy=proxy.url))
    assert advice in (wrong.hint or "")


# The target.


def test_a_service_principal_has_no_my_workspace() -> None:
    with power_bi({"/groups": [{"id": WORKSPACE, "name": "W"}]}) as url:
        wrong = failed(pbi.doctor("Sales/Orders", credential=token(APP), base_url=url))
    assert "which has no My workspace" in wrong.message
    with power_bi({"/groups": []}) as url:
        wrong = failed(pbi.doctor(credential=token(APP), base_url=url))
    assert "Manage access" in (wrong.hint or "")


@pytest.mark.parametrize(
    ("target", "name", "said"),
    [
        ("Sale/Orders", "dataset", "there are `Sales`"),
        ("Sales/orders", "table", "it has `Orders`"),
        ("Nowhere/Sales/Orders", "workspace", "there is no workspace `Nowhere`"),
        ("Sales", "target", "is no target"),
        (7, "target", "int is no target"),
        ("https://api.powerbi.com/v1.0/myorg/datasets/x/tables/T/rows", "target", "another host"),
    ],
)
def test_a_target_that_is_not_there_is_told(powerbi: Emulator, target: Any, name: str, said: str) -> None:
    powerbi.client().create_dataset(SCHEMA)
    wrong = failed(pbi.doctor(target))
    assert wrong.name == name
    assert said in wrong.message


def test_a_dataset_of_another_kind_is_told() -> None:
    dataset = {"id": DATASET, "name": "Model", "addRowsAPIEnabled": False}
    with power_bi({"/groups": [], "/datasets": [dataset]}) as url:
        wrong = failed(pbi.doctor("Model/T", credential=token(USER), base_url=url))
    assert "takes no rows" in wrong.message


def test_a_push_url_needs_no_sign_in_and_is_not_shown() -> None:
    push_url = f"https://api.powerbi.com/beta/t/datasets/{DATASET}/rows?key={CANARY}"
    for target in (push_url, pbi.StreamingDataset(push_url)):
        report = pbi.doctor(target)
        assert (report.ok, list(states(report))) == (True, ["target"])
        check(str(report) + repr(report))
    wrong = pbi.doctor(f"http://api.powerbi.com/rows?key={CANARY}")
    assert states(wrong) == {"target": "failed"}
    check(str(wrong))


# The report.


def test_a_report_is_a_table_of_lines() -> None:
    checks = (
        pbi.Check("sign-in", "ok", "signed in"),
        pbi.Check("it", "warning", "old", "renew it"),
        pbi.Check("audience", "failed", "<b>wrong</b>", "change & go"),
    )
    report = pbi.Report(checks)
    assert str(report) == "\n".join(  # noqa: FLY002 - one line each
        [
            "ok       sign-in   signed in",
            "warning  it        old",
            "                   hint: renew it",
            "failed   audience  <b>wrong</b>",
            "                   hint: change & go",
        ]
    )
    assert repr(report) == "Report(ok=False, checks=3, 'it': 'warning', 'audience': 'failed')"
    page = report._repr_html_()
    assert "&lt;b&gt;wrong&lt;/b&gt;" in page
    assert "change &amp; go" in page
    assert (bool(report), bool(pbi.Report(checks[:2])), bool(pbi.Report(()))) == (False, True, True)
    assert pickle.loads(pickle.dumps(report)) == report  # noqa: S301 - our own


def test_no_finding_shows_a_secret() -> None:
    secret = token(USER, jti=CANARY)
    reports = []
    for answer in ((403, {"Message": f"no: Bearer {secret}"}), (200, secret.encode()), (500, {"message": secret})):
        with power_bi({"/groups": answer}) as url:
            reports.append(pbi.doctor(credential=secret, base_url=url))
            reports.append(pbi.doctor(credential=lambda: secret, base_url=url))
    with EntraServer(Said(401, SECRET.encode())) as entra, power_bi({}) as url:
        reports.append(pbi.doctor(credential=entra.credential(tenant_id=TENANT), base_url=url))
    for report in reports:
        assert not report
        for text in (str(report), repr(report), report._repr_html_(), repr(report.checks)):
            for canary in (secret, SECRET, CANARY):
                check(text, canary)


def test_an_interrupted_doctor_shows_no_secret_in_its_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    # The package's attribute of this name is the function.
    monkeypatch.setattr(sys.modules["powerbi_push.diagnosis.doctor"], "token_checks", stop)
    with power_bi({}) as url, pytest.raises(KeyboardInterrupt) as caught:
        pbi.doctor(credential=f"{token(USER)}{CANARY}", base_url=url)
    check(everything_about(caught.value))
