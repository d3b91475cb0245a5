"""The environment's sign-in: the variables of azure-identity, read when a credential is made of them or needed."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import orders
from entra_server import CLIENT_ID, SECRET, TENANT, claims
from fault_server import DATASET_ID, FaultServer
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from collections.abc import Callable

    from entra_server import EntraServer
    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
VARIABLES = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": SECRET}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, entra: EntraServer) -> Callable[..., None]:
    """Set the variables; given ones are other than they should be, and None is not there."""

    def set_variables(**other: str | None) -> None:
        for name, value in {**VARIABLES, "AZURE_AUTHORITY_HOST": entra.authority, **other}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return set_variables


def test_the_environment_signs_in(entra: EntraServer, environment: Callable[..., None]) -> None:
    environment()
    credential = pbi.EnvironmentCredential()
    assert claims(credential.get_token(SCOPE).token)["tid"] == TENANT
    (asked,) = entra.received
    assert (asked.form["client_id"], asked.form["client_secret"]) == (CLIENT_ID, SECRET)
    assert repr(credential) == f"EnvironmentCredential(tenant_id='{TENANT}', client_id='{CLIENT_ID}')"
    with pytest.raises(TypeError):
        pickle.dumps(credential)


def test_an_authority_that_is_given_goes_before_the_environments(
    entra: EntraServer, environment: Callable[..., None]
) -> None:
    environment(AZURE_AUTHORITY_HOST="login.example.org")
    pbi.EnvironmentCredential(authority=entra.authority).get_token(SCOPE)
    assert len(entra.received) == 1


def test_a_client_without_a_credential_takes_the_environments(
    entra: EntraServer, environment: Callable[..., None]
) -> None:
    environment()
    with FaultServer() as server:
        assert pbi.Client(base_url=server.url).dataset(DATASET_ID).name == "Sales"
        target = f"{DATASET_ID}/Orders"
        assert pbi.push(orders(1), target, base_url=server.url).ok
        assert {claims(token)["tid"] for token in bearer(server)} == {TENANT}
    assert {asked.form["client_secret"] for asked in entra.received} == {SECRET}


def test_another_environment_is_another_sign_in_for_the_one_liner(environment: Callable[..., None]) -> None:
    with FaultServer() as server:
        for tenant in ("one.example", "other.example"):
            environment(AZURE_TENANT_ID=tenant)
            pbi.push(orders(1), f"{DATASET_ID}/Orders", base_url=server.url)
            pbi.push(orders(1), f"{DATASET_ID}/Orders", base_url=server.url)
        tenants = [claims(token)["tid"] for token in bearer(server)]
    assert tenants == ["one.example"] * 4 + ["other.example"] * 4


def test_a_credential_that_is_given_goes_before_the_environment(
    entra: EntraServer, environment: Callable[..., None]
) -> None:
    environment()
    with FaultServer() as server:
        pbi.Client("opaque", base_url=server.url).dataset(DATASET_ID)
        assert bearer(server) == ["Bearer opaque"]
    assert entra.received == []


def test_the_emulator_goes_before_the_environment(
    powerbi: Emulator, entra: EntraServer, environment: Callable[..., None]
) -> None:
    environment()
    assert pbi.Client().datasets() == []
    assert len(powerbi.requests) == 1
    assert entra.received == []


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_missing_is_named(environment: Callable[..., None], name: str, value: str | None) -> None:
    environment(**{name: value})
    with pytest.raises(pbi.ConfigurationError, match=f"{name} not set") as caught:
        pbi.EnvironmentCredential()
    assert [other for other in VARIABLES if other in caught.value.message] == [name]
    with pytest.raises(pbi.ConfigurationError, match=f"{name} not set"):
        pbi.Client()


def test_a_password_alone_asks_for_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", SECRET)
    with pytest.raises(pbi.ConfigurationError, match="AZURE_CLIENT_CERTIFICATE_PATH not set") as caught:
        pbi.Client()
    assert (caught.value.hint or "").endswith(
        "AZURE_CLIENT_CERTIFICATE_PATH; AZURE_CLIENT_SECRET may stand in for AZURE_CLIENT_CERTIFICATE_PATH"
    )
    check(everything_about(caught.value), SECRET)


@pytest.mark.parametrize("make", [pbi.EnvironmentCredential, pbi.Client])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AZURE_TENANT_ID", "a/b", "`tenant_id` is neither"),
        ("AZURE_CLIENT_ID", SECRET, "`client_id` is no GUID"),
        ("AZURE_CLIENT_SECRET", CLIENT_ID, "`client_secret` is a GUID"),
        ("AZURE_AUTHORITY_HOST", "http://login.example.org", "authority must be https"),
    ],
)
def test_a_variable_that_cannot_be_right_is_told_and_not_repeated(
    environment: Callable[..., None], make: Callable[[], object], name: str, value: str, said: str
) -> None:
    environment(**{name: value})
    with pytest.raises(pbi.ConfigurationError, match=said) as caught:
        make()
    assert "AZURE_CLIENT_SECRET" in caught.value.message
    check(everything_about(caught.value), SECRET)
