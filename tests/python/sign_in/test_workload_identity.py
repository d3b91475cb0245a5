"""Another identity provider vouches for an app: by a file that is read each time, or GitHub Actions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import orders
from entra_server import CLIENT_ID, TENANT, EntraServer, Said, granted, jwt
from fault_server import FaultServer
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
VOUCHER = jwt(iss="canary-of-kubernetes", sub="system:serviceaccount:a:b")


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entra: EntraServer) -> Path:
    """What Kubernetes gives a pod."""
    file = tmp_path / "token"
    file.write_text(f"{VOUCHER}\n")
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", entra.authority)
    return file


def test_the_token_of_the_file_vouches(pod: Path, entra: EntraServer) -> None:
    assert pod.exists()
    with FaultServer() as server:
        assert server.table(credential=pbi.WorkloadIdentityCredential()).push(orders(1)).ok
        assert len(bearer(server)) == 2
    (asked,) = entra.received
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert asked.form == {
        "client_id": CLIENT_ID,
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": VOUCHER,
        "grant_type": "client_credentials",
    }


def test_the_file_is_read_each_time(pod: Path, entra: EntraServer, virtual: Emulator) -> None:
    one = pbi.WorkloadIdentityCredential()
    one.get_token(SCOPE)
    pod.write_text("another.token.here")
    virtual.advance(3_600)
    one.get_token(SCOPE)
    assert [asked.form["client_assertion"] for asked in entra.received] == [VOUCHER, "another.token.here"]


def test_arguments_go_before_the_environment(pod: Path, entra: EntraServer, tmp_path: Path) -> None:
    assert pod.exists()
    file = tmp_path / "mine"
    file.write_text("my.own.token")
    client = CLIENT_ID.replace("1", "9")
    one = pbi.WorkloadIdentityCredential(tenant_id="fabrikam.com", client_id=client, token_file_path=file)
    one.get_token(SCOPE)
    (asked,) = entra.received
    assert (asked.tenant, asked.form["client_id"], asked.form["client_assertion"]) == (
        "fabrikam.com",
        client,
        "my.own.token",
    )
    assert repr(one) == f"WorkloadIdentityCredential(tenant_id='fabrikam.com', client_id='{client}')"


@pytest.mark.parametrize("name", ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"])
def test_what_is_missing_is_named(pod: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert pod.exists()
    monkeypatch.setenv(name, " ")
    with pytest.raises(pbi.ConfigurationError, match=f": {name} not set"):
        pbi.WorkloadIdentityCredential()


@pytest.mark.parametrize("lacking", [0, 1])
def test_the_half_of_github_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, lacking: int) -> None:
    names = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv(names[1 - lacking], "https://canary.example")
    with pytest.raises(pbi.ConfigurationError, match=f": {names[lacking]} not set") as caught:
        pbi.WorkloadIdentityCredential()
    assert "id-token: write" in (caught.value.hint or "")


def test_a_token_in_place_of_its_path_is_not_shown() -> None:
    one = pbi.WorkloadIdentityCredential(tenant_id=TENANT, client_id=CLIENT_ID, token_file_path=jwt(sub="canary"))
    with pytest.raises(pbi.AuthenticationError, match=r"the federated token in `\*\*\*` cannot be read") as caught:
        one.get_token(SCOPE)
    check(everything_about(caught.value), jwt(sub="canary"))


@pytest.mark.parametrize(("text", "said"), [(None, "cannot be read"), ("", "is empty"), ("x" * 100_001, "too long")])
def test_a_file_that_holds_no_token_is_said(pod: Path, entra: EntraServer, text: str | None, said: str) -> None:
    pod.unlink() if text is None else pod.write_text(text)
    with pytest.raises(pbi.AuthenticationError, match=said) as caught:
        pbi.WorkloadIdentityCredential().get_token(SCOPE)
    assert str(pod) in str(caught.value)
    assert "AZURE_FEDERATED_TOKEN_FILE" in (caught.value.hint or "")
    assert entra.received == []


def test_what_entra_repeats_of_the_voucher_is_shown_nowhere(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pod.exists()
    echo = {"error": "invalid_client", "error_description": f"AADSTS700211: No match: {VOUCHER}"}
    with EntraServer(Said(401, json.dumps(echo).encode())) as entra:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", entra.authority)
        with pytest.raises(pbi.AuthenticationError, match="700211") as caught:
            pbi.WorkloadIdentityCredential().get_token(SCOPE)
    check(everything_about(caught.value), VOUCHER)
    assert "Federated credentials" in (caught.value.hint or "")


# GitHub Actions.


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, entra: EntraServer) -> Any:
    """A run of GitHub Actions that may write id tokens, with this server for GitHub."""

    def begin(github: EntraServer) -> pbi.WorkloadIdentityCredential:
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{github.authority}/token?api-version=2.0")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-of-github")
        return pbi.WorkloadIdentityCredential(tenant_id=TENANT, client_id=CLIENT_ID, authority=entra.authority)

    return begin


def test_a_run_of_github_asks_github(run: Any, entra: EntraServer) -> None:
    with EntraServer(Said(503, b""), Said(200, json.dumps({"count": 1, "value": VOUCHER}).encode())) as github:
        run(github).get_token(SCOPE)
        _, asked = github.received
    assert (asked.path, asked.form) == ("/token", {"api-version": "2.0", "audience": "api://AzureADTokenExchange"})
    assert asked.headers["authorization"] == "bearer canary-of-github"
    assert [one.form["client_assertion"] for one in entra.received] == [VOUCHER]


def test_an_address_that_is_not_githubs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://canary.example")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x")
    with pytest.raises(pbi.ConfigurationError, match="is not the address of GitHub's tokens") as caught:
        pbi.WorkloadIdentityCredential(tenant_id=TENANT, client_id=CLIENT_ID)
    assert "https://" in (caught.value.hint or "")


@pytest.mark.parametrize("said", [Said(403, b"canary-of-github"), Said(200, b"{}"), granted()])
def test_a_run_that_may_not_is_told_what_it_needs(run: Any, entra: EntraServer, said: Said) -> None:
    with EntraServer(said) as github, pytest.raises(pbi.AuthenticationError, match="GitHub Actions") as caught:
        run(github).get_token(SCOPE)
    assert "id-token: write" in (caught.value.hint or "")
    check(everything_about(caught.value), "canary-of-github")
    assert entra.received == []
