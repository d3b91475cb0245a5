"""A program that is given no credential tries one way after the other, and says what each of them said."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import meanwhile, orders, wait_until
from entra_server import CLIENT_ID, SECRET, TENANT, EntraServer, Said, claims, jwt, refused
from fault_server import DATASET_ID, FaultServer
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
WAYS = [
    *("EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential"),
    *("powerbi-push login", "AzureCliCredential"),
]


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """There is no `az` on this machine, unless a test puts one here."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install_az(path: Path) -> None:
    program = path / "az"
    said = json.dumps({"accessToken": jwt(tid="of az"), "expires_on": 2_000_000_000})
    program.write_text(f"#!{sys.executable}\nprint({said!r})\n")
    program.chmod(0o755)


def machine(**more: Any) -> Said:
    return Said(200, json.dumps({"access_token": jwt(tid="of the machine"), "expires_in": "3599"} | more).encode())


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_variables(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_variables


def test_where_there_is_none_each_says_why() -> None:
    with pytest.raises(pbi.AuthenticationError, match="no way to sign in was found") as caught:
        pbi.DefaultAzureCredential().get_token(SCOPE)
    said = caught.value.message
    places = [said.index(f"{way}: ") for way in WAYS]
    assert places == sorted(places)
    assert "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET not set" in said
    assert "AZURE_FEDERATED_TOKEN_FILE not set" in said
    assert "(IMDS): could not connect" in said
    assert "there is no `az`" in said
    assert "token string" in (caught.value.hint or "")


def test_the_environment_goes_first(entra: EntraServer, environment: Any, path: Path) -> None:
    install_az(path)
    environment(AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT_ID, AZURE_CLIENT_SECRET=SECRET)
    one = pbi.DefaultAzureCredential(authority=entra.authority)
    assert claims(one.get_token(SCOPE).token)["tid"] == TENANT
    assert entra.received[0].form["client_secret"] == SECRET
    assert repr(one) == "DefaultAzureCredential()"


def test_what_is_set_up_and_refused_is_not_skipped(environment: Any, path: Path) -> None:
    install_az(path)
    environment(AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT_ID, AZURE_CLIENT_SECRET=SECRET)
    with EntraServer(refused(7000222)) as entra, pytest.raises(pbi.AuthenticationError, match="7000222") as caught:
        pbi.DefaultAzureCredential(authority=entra.authority).get_token(SCOPE)
    assert "expired" in (caught.value.hint or "")
    check(everything_about(caught.value), SECRET)


def test_then_comes_the_workload_identity(entra: EntraServer, environment: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.b.c")
    file = str(tmp_path / "token")
    environment(AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE=file)
    pbi.DefaultAzureCredential(authority=entra.authority).get_token(SCOPE)
    assert entra.received[0].form["client_assertion"] == "a.b.c"


def test_then_the_machine_which_is_looked_for_first(environment: Any, path: Path) -> None:
    install_az(path)
    with EntraServer(Said(400, b"{}"), machine()) as imds:
        environment(AZURE_POD_IDENTITY_AUTHORITY_HOST=imds.authority, AZURE_CLIENT_ID=CLIENT_ID)
        token = pbi.DefaultAzureCredential().get_token(SCOPE)
        look, asked = imds.received
    assert claims(token.token)["tid"] == "of the machine"
    assert ("metadata" in look.headers, "metadata" in asked.headers) == (False, True)
    assert (look.form, asked.form["client_id"]) == ({}, CLIENT_ID)


def test_then_az_where_the_machine_has_no_identity(environment: Any, path: Path) -> None:
    install_az(path)
    refusal = Said(400, json.dumps({"error": "invalid_request", "error_description": "Identity not found"}).encode())
    with EntraServer(refusal) as imds:
        environment(AZURE_POD_IDENTITY_AUTHORITY_HOST=imds.authority)
        token = pbi.DefaultAzureCredential().get_token(SCOPE)
        assert len(imds.received) == 2
    assert claims(token.token)["tid"] == "of az"


def test_a_service_that_does_not_answer_is_waited_for_one_second(
    environment: Any, path: Path, virtual: Emulator
) -> None:
    install_az(path)
    with EntraServer() as imds:
        imds.go.clear()
        environment(AZURE_POD_IDENTITY_AUTHORITY_HOST=imds.authority)
        one = pbi.DefaultAzureCredential()

        def pass_time() -> None:
            wait_until(lambda: imds.received)
            virtual.advance(1)

        with meanwhile(pass_time):
            assert claims(one.get_token(SCOPE).token)["tid"] == "of az"
        imds.go.set()


def test_what_was_found_serves_from_then_on(environment: Any, path: Path, virtual: Emulator) -> None:
    install_az(path)
    with EntraServer(Said(400, b"{}"), machine()) as imds:
        environment(AZURE_POD_IDENTITY_AUTHORITY_HOST=imds.authority)
        one = pbi.DefaultAzureCredential()
        for _ in range(3):
            one.get_token(SCOPE)
            virtual.advance(3_600)
        assert len(imds.received) == 4


HALVES: dict[str, dict[str, str]] = {
    "a secret alone": {"AZURE_CLIENT_SECRET": SECRET},
    "no secret": {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT_ID},
    "a certificate alone": {"AZURE_CLIENT_CERTIFICATE_PATH": "x.pem"},
    "a file alone": {"AZURE_FEDERATED_TOKEN_FILE": "x"},
    "an endpoint alone": {"IDENTITY_ENDPOINT": "http://127.0.0.1:9"},
    "a header alone": {"IDENTITY_HEADER": "x"},
    "half of Arc": {"IMDS_ENDPOINT": "http://127.0.0.1:9"},
    "a password alone": {"AZURE_CLIENT_CERTIFICATE_PASSWORD": "x"},
    "the address of GitHub alone": {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT_ID,
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://127.0.0.1:9",
    },
    "an id that is none": {"AZURE_CLIENT_ID": "x"},
}


@pytest.mark.parametrize("variables", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("make", [pbi.DefaultAzureCredential, pbi.Client], ids=["credential", "client"])
def test_what_is_set_up_by_half_is_an_error_at_once(
    environment: Any, make: Callable[[], object], variables: dict[str, str]
) -> None:
    environment(**variables)
    with pytest.raises(pbi.ConfigurationError):
        make()


# A client that is given none.


def test_a_client_takes_the_token_of_the_environment(entra: EntraServer, environment: Any) -> None:
    environment(POWERBI_PUSH_TOKEN=" Bearer opaque-canary\n", AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT_ID)
    with FaultServer() as server:
        assert pbi.Client(base_url=server.url).dataset(DATASET_ID).name == "Sales"
        assert pbi.push(orders(1), f"{DATASET_ID}/Orders", base_url=server.url).ok
        environment(POWERBI_PUSH_TOKEN="another")
        assert pbi.push(orders(1), f"{DATASET_ID}/Orders", base_url=server.url).ok
        assert list(dict.fromkeys(bearer(server))) == ["Bearer opaque-canary", "Bearer another"]
    assert entra.received == []


def test_a_token_of_the_environment_that_is_none_is_an_error_at_once(environment: Any) -> None:
    environment(POWERBI_PUSH_TOKEN="two canary-words")
    with pytest.raises(pbi.ConfigurationError, match="blanks") as caught:
        pbi.Client()
    check(everything_about(caught.value), "two canary-words")


def test_a_client_without_anything_says_what_each_said() -> None:
    with FaultServer() as server:
        client = pbi.Client(base_url=server.url)
        with pytest.raises(pbi.AuthenticationError, match="no way to sign in was found"):
            client.datasets()
        assert server.received == []


def test_rows_are_pushed_as_whoever_az_knows(path: Path) -> None:
    install_az(path)
    with FaultServer() as server:
        assert pbi.push(orders(1), f"{DATASET_ID}/Orders", base_url=server.url).ok
        assert claims(bearer(server)[0])["tid"] == "of az"
