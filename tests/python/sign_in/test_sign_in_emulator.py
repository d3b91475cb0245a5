"""Signing in at the local Power BI, and what a service principal may do there: the whole way, on virtual time."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, arrived, check_account, orders
from power_bi_server import failed, last, states
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCOPE = "https://analysis.windows.net/powerbi/api/.default"
GRAPH = "https://graph.microsoft.com/.default"
TARGET = "Team/Sales/Orders"
THREADS = 64


def credential(emulator: Emulator, **other: Any) -> pbi.ClientSecretCredential:
    """What the emulator's app signs in with."""
    given = {
        "tenant_id": emulator.tenant_id,
        "client_id": emulator.client_id,
        "client_secret": emulator.client_secret,
        "authority": emulator.authority,
    }
    return pbi.ClientSecretCredential(**given | other)


def sign_ins(emulator: Emulator) -> list[int | None]:
    """How the requests for a token were answered."""
    return [request.status for request in emulator.requests if request.operation == "Entra_Token"]


def team(emulator: Emulator, **options: Any) -> pbi.Table:
    """The table `Orders` of a workspace that the app is in."""
    client = emulator.client(credential=credential(emulator), **options)
    workspace = client.workspace(emulator.add_workspace("Team", app_role="Contributor"))
    return workspace.create_dataset(SCHEMA).table()


def test_a_service_principal_pushes_into_its_workspace(virtual: Emulator) -> None:
    table = team(virtual)
    check_account(table.push(orders(25_000)), arrived(virtual, TARGET))
    assert sign_ins(virtual) == [200]
    assert not any(virtual.client_secret in str(request) for request in virtual.requests)


def test_tokens_that_expire_under_sixty_four_threads_cost_one_call_each(virtual: Emulator) -> None:
    table, expiries = team(virtual), 12
    start, end = Barrier(THREADS + 1), Barrier(THREADS + 1)
    results: list[pbi.PushResult] = []

    def push(thread: int) -> None:
        for turn in range(expiries):
            start.wait()
            results.append(table.push(orders(1, start=turn * THREADS + thread)))
            end.wait()

    threads = [Thread(target=push, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for _ in range(expiries):
        virtual.advance(5)
        virtual.expire_tokens()
        start.wait()
        end.wait()
    for thread in threads:
        thread.join()
    assert arrived(virtual, TARGET) == dict.fromkeys(range(expiries * THREADS), 1)
    assert all(result.ok and not result.maybe_twice for result in results)
    assert sign_ins(virtual) == [200] * (1 + expiries)


def test_a_secret_that_expires_ends_the_push_with_advice_and_a_new_one_goes_on(virtual: Emulator) -> None:
    table = team(virtual)
    virtual.expire_client_secret()
    assert table.push(orders(3)).ok  # the token at hand is still good
    virtual.expire_tokens()
    with pytest.raises(pbi.AuthenticationError, match="AADSTS7000222") as caught:
        table.push(orders(3, start=3))
    assert "has expired" in (caught.value.hint or "")
    assert caught.value.result is not None
    assert caught.value.result.ranges == [(0, 3, "unsent")]
    client = virtual.client(credential=credential(virtual))
    again = client.workspace("Team").dataset("Sales").table("Orders")
    assert again.push(orders(3, start=3)).ok
    assert arrived(virtual, TARGET) == dict.fromkeys(range(6), 1)


def test_a_throttled_sign_in_is_waited_for_in_full(virtual: Emulator) -> None:
    table = team(virtual)
    virtual.expire_tokens()
    virtual.fail_next(429, retry_after=120, route="Entra_Token")
    before = virtual.now
    result = check_account(table.push(orders(3)), arrived(virtual, TARGET))
    assert (result.confirmed, result.maybe_twice) == (3, 0)
    assert 120 <= virtual.now - before < 121
    assert sign_ins(virtual) == [200, 429, 200]


def test_entra_is_down_for_a_while_and_no_row_is_lost(virtual: Emulator) -> None:
    table = team(virtual)
    virtual.advance(3_300)
    virtual.fail_next(503, route="Entra_Token", times=3)
    for turn in range(10):
        assert table.push(orders(1, start=turn)).ok
        virtual.advance(15)
    assert sign_ins(virtual) == [200, 503, 503, 503, 200]
    assert arrived(virtual, TARGET) == dict.fromkeys(range(10), 1)


def test_a_sender_does_not_pause_for_an_entra_that_is_down_for_a_while(virtual: Emulator) -> None:
    table = team(virtual)
    virtual.expire_tokens()
    virtual.fail_next(503, route="Entra_Token", times=12)
    before, errors = virtual.now, list[Exception]()
    with table.sender(on_error=errors.append) as sender:
        sender.send({"Id": 0})
        assert sender.flush().ok
    assert errors == []
    # Each failure is waited for, at most 30 s; a pause would last five minutes.
    assert virtual.now - before < 300
    assert arrived(virtual, TARGET) == {0: 1}


WRONG: dict[str, tuple[Callable[[Emulator], dict[str, str]], str, str]] = {
    "secret": (lambda _: {"client_secret": "wr0ng~secret"}, "AADSTS7000215", "not its Secret ID"),
    "app": (lambda emulator: {"client_id": emulator.tenant_id}, "AADSTS700016", "check client_id"),
    "tenant": (lambda _: {"tenant_id": "contoso.com"}, "AADSTS90002", "check tenant_id"),
}


@pytest.mark.parametrize(("wrong", "code", "advice"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_sign_in_is_told(
    powerbi: Emulator, wrong: Callable[[Emulator], dict[str, str]], code: str, advice: str
) -> None:
    bad = credential(powerbi, **wrong(powerbi))
    with pytest.raises(pbi.AuthenticationError, match=code) as caught:
        powerbi.client(credential=bad).workspaces()
    assert advice in (caught.value.hint or "")
    assert caught.value.request_id
    assert len(powerbi.requests) == len(sign_ins(powerbi)) == 1
    report = pbi.doctor(credential=bad, base_url=powerbi.url)
    assert (failed(report).name, code in failed(report).message) == ("sign-in", True)


def test_every_refusal_on_demand_has_its_advice(powerbi: Emulator) -> None:
    for code, advice in (
        ("AADSTS50034", "not in the tenant"),
        ("AADSTS53003", "Conditional Access"),
        ("AADSTS65001", "consent"),
    ):
        powerbi.fail_next(400, code=code, route="Entra_Token")
        with pytest.raises(pbi.AuthenticationError, match=code) as caught:
            credential(powerbi).get_token(SCOPE)
        assert advice in (caught.value.hint or "")


def test_a_scope_of_another_service_is_told(powerbi: Emulator) -> None:
    for scope, code in (
        ("https://graph.microsoft.com/.default", "AADSTS500011"),
        ("Dataset.ReadWrite.All", "AADSTS70011"),
    ):
        with pytest.raises(pbi.AuthenticationError, match=code):
            credential(powerbi).get_token(scope)


def test_the_environments_sign_in_works_here_too(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    powerbi.add_workspace("Team", app_role="Admin")
    for name, value in (
        ("AZURE_TENANT_ID", powerbi.tenant_id),
        ("AZURE_CLIENT_ID", powerbi.client_id),
        ("AZURE_CLIENT_SECRET", powerbi.client_secret),
        ("AZURE_AUTHORITY_HOST", powerbi.authority),
    ):
        monkeypatch.setenv(name, value)
    client = pbi.Client(base_url=powerbi.url)
    assert [workspace.name for workspace in client.workspaces()] == ["Team"]


# Over TLS, and beside the libraries of Microsoft.


@pytest.fixture
def over_tls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A local Power BI that nobody trusts who is not told to."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with Emulator(tls=True) as emulator:
        emulator.add_workspace("Team", app_role="Contributor")
        yield emulator


def test_the_sign_in_trusts_whom_its_client_trusts(over_tls: Emulator) -> None:
    assert [one.name for one in over_tls.client(credential=credential(over_tls)).workspaces()] == ["Team"]
    wary = over_tls.client(credential=credential(over_tls), ca_bundle=None, retry=None)
    with pytest.raises(pbi.TransportError, match=r"signing in app .*certificate"):
        wary.workspaces()
    report = pbi.doctor(credential=credential(over_tls), base_url=over_tls.url)
    assert (failed(report).name, "ca_bundle=" in (failed(report).hint or "")) == ("sign-in", True)


def test_a_credential_on_its_own_trusts_the_bundle_of_the_environment(
    over_tls: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(over_tls.ca_bundle))
    assert credential(over_tls).get_token(SCOPE).token.startswith("eyJ")


def test_a_credential_of_ours_stands_where_one_of_azure_identity_stands(powerbi: Emulator) -> None:
    identity = pytest.importorskip("azure.identity")
    pipeline = pytest.importorskip("azure.core.pipeline")
    policies = pytest.importorskip("azure.core.pipeline.policies")
    rest = pytest.importorskip("azure.core.rest")
    ours = credential(powerbi)
    token = ours.get_token(SCOPE).token
    assert identity.ChainedTokenCredential(ours).get_token(SCOPE).token == token
    request = pipeline.PipelineRequest(rest.HttpRequest("GET", "https://example.org"), pipeline.PipelineContext(None))
    policies.BearerTokenCredentialPolicy(ours, SCOPE).on_request(request)
    assert request.http_request.headers["Authorization"] == f"Bearer {token}"
    assert sign_ins(powerbi) == [200]


def test_both_libraries_ask_for_the_same(over_tls: Emulator) -> None:
    identity = pytest.importorskip("azure.identity")
    theirs = identity.ClientSecretCredential(
        over_tls.tenant_id,
        over_tls.client_id,
        over_tls.client_secret,
        authority=over_tls.authority,
        disable_instance_discovery=True,
        connection_verify=over_tls.ca_bundle,
    )
    with theirs:
        for one in (theirs, credential(over_tls)):
            assert len(over_tls.client(credential=one).workspaces()) == 1
    forms = [
        dict(parse_qsl(request.body.decode())) for request in over_tls.requests if request.operation == "Entra_Token"
    ]
    own = {"client_id", "scope", "client_secret", "grant_type"}
    assert {name: forms[0][name] for name in own} == forms[1]


# The doctor.


def test_the_doctor_follows_a_service_principal_to_its_table(powerbi: Emulator) -> None:
    table = team(powerbi)
    report = pbi.doctor(TARGET, credential=credential(powerbi), base_url=powerbi.url)
    assert report.ok
    assert report.checks[1].message.startswith(f"signed in as a service principal: the app `{powerbi.client_id}`")
    assert list(states(report))[-3:] == ["workspace", "dataset", "table"]
    assert last(pbi.doctor(table)).state == "ok"


def test_the_doctor_knows_a_user_from_an_app(powerbi: Emulator) -> None:
    report = pbi.doctor(credential=powerbi.credential, base_url=powerbi.url)
    assert report.ok
    assert "signed in as the user" in report.checks[1].message


def test_the_doctor_says_what_a_service_principal_lacks(powerbi: Emulator) -> None:
    sign_in: dict[str, Any] = {"credential": credential(powerbi), "base_url": powerbi.url}
    assert "Manage access" in (failed(pbi.doctor(**sign_in)).hint or "")
    hidden = powerbi.add_workspace("Hidden")
    powerbi.add_workspace("Team", app_role="Viewer")
    assert "no My workspace" in failed(pbi.doctor("Sales/Orders", **sign_in)).message
    wrong = failed(pbi.doctor((hidden, "Sales", "Orders"), **sign_in))
    assert (wrong.name, "Manage access" in (wrong.hint or "")) == ("dataset", True)


@pytest.mark.parametrize("answer", ["401", "403", "200"])
def test_the_doctor_knows_the_tenants_switch_in_each_of_its_disguises(answer: Any) -> None:
    with Emulator(assumptions={"app_refusal": answer}) as emulator:
        emulator.allow(service_principals=False)
        wrong = failed(pbi.doctor(TARGET, credential=credential(emulator), base_url=emulator.url))
    assert (wrong.name, "Developer settings" in (wrong.hint or "")) == ("workspaces", True)
