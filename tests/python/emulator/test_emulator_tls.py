"""The local Power BI over https: its certificate, and the sign-in libraries that ask for one."""

from __future__ import annotations

import os
import ssl
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import SCHEMA, make_table, orders
from powerbi_push.emulator import Emulator
from raw_http import ask, submit

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE = "https://analysis.windows.net/powerbi/api/.default"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(tls=True) as emulator:
        yield emulator


def trust(emulator: Emulator) -> ssl.SSLContext:
    """Trust nobody else, and take no shortcut: from Python 3.13 on this is what everybody has."""
    assert emulator.ca_bundle is not None
    context = ssl.create_default_context(cafile=emulator.ca_bundle)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def test_a_client_of_the_emulator_trusts_it(emulator: Emulator) -> None:
    assert emulator.url.startswith("https://127.0.0.1:")
    assert emulator.authority == emulator.url
    table = make_table(emulator)
    assert table.push(orders(3)).ok
    assert emulator.rows(table) == orders(3)


def test_a_push_url_is_https_too(emulator: Emulator) -> None:
    url = emulator.streaming_dataset("S", {"a": "Number"})
    stream = pbi.StreamingDataset(url, ca_bundle=emulator.ca_bundle)
    assert stream.push([{"a": 1}]).ok
    with pytest.raises(pbi.TransportError):
        pbi.StreamingDataset(url, retry=None).push([{"a": 1}])


def test_the_certificate_passes_the_strictest_check(emulator: Emulator) -> None:
    context = trust(emulator)
    assert ask(emulator, "/datasets", trust=context).status == 200
    url = f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/token"
    assert submit(url, {}, trust=context).json["error"] == "invalid_request"


def test_the_bundle_is_the_owners_and_lives_as_long_as_the_emulator() -> None:
    with ExitStack() as stack:
        emulator = stack.enter_context(Emulator(tls=True))
        bundle = Path(emulator.ca_bundle or "")
        assert bundle.read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE-----\n")
        if os.name == "posix":
            assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert not bundle.exists()
    emulator.close()


def test_a_forgotten_emulator_leaves_no_bundle_behind() -> None:
    emulator = Emulator(tls=True)
    bundle = Path(emulator.ca_bundle or "")
    assert bundle.exists()
    del emulator
    assert not bundle.exists()


def test_over_http_there_is_no_bundle(powerbi: Emulator) -> None:
    assert powerbi.ca_bundle is None


# The libraries of Microsoft.


@pytest.fixture(autouse=True)
def _no_bundle_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where these are set, requests takes them before the bundle that msal was given."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


def identity_credential(emulator: Emulator, **changed: str) -> Any:
    identity = pytest.importorskip("azure.identity")
    names = {"tenant_id": emulator.tenant_id, "client_id": emulator.client_id, "client_secret": emulator.client_secret}
    return identity.ClientSecretCredential(
        **{**names, **changed},
        authority=emulator.authority,
        disable_instance_discovery=True,
        connection_verify=emulator.ca_bundle,
        retry_total=0,
    )


def test_azure_identity_signs_in_and_pushes(emulator: Emulator) -> None:
    workspace_id = emulator.add_workspace("Team", app_role="Contributor")
    with identity_credential(emulator) as credential:
        client = emulator.client(credential=credential)
        table = client.workspace(workspace_id).create_dataset(SCHEMA).table()
        assert table.push(orders(3)).ok
    assert emulator.rows("Team/Sales/Orders") == orders(3)
    asked = [request.operation for request in emulator.requests if (request.operation or "").startswith("Entra_")]
    assert asked == ["Entra_OpenIdConfiguration", "Entra_Token"]


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11"}, "AADSTS700016"),
    ],
)
def test_azure_identity_understands_every_refusal(emulator: Emulator, changed: dict[str, str], number: str) -> None:
    exceptions = pytest.importorskip("azure.core.exceptions")
    with (
        identity_credential(emulator, **changed) as credential,
        pytest.raises(exceptions.ClientAuthenticationError, match=number),
    ):
        credential.get_token(SCOPE)


def test_msal_signs_in(emulator: Emulator) -> None:
    msal = pytest.importorskip("msal")
    app = msal.ConfidentialClientApplication(
        emulator.client_id,
        client_credential=emulator.client_secret,
        authority=f"{emulator.authority}/{emulator.tenant_id}",
        instance_discovery=False,
        verify=emulator.ca_bundle,
    )
    result = app.acquire_token_for_client([SCOPE])
    assert result["token_type"] == "Bearer"
    assert ask(emulator, "/groups", token=result["access_token"], trust=trust(emulator)).status == 200
    refused = app.acquire_token_for_client(["https://graph.microsoft.com/.default"])
    assert (refused["error"], refused["error_codes"]) == ("invalid_resource", [500_011])


def test_msal_does_not_know_another_tenant(emulator: Emulator) -> None:
    msal = pytest.importorskip("msal")
    with pytest.raises(ValueError, match="tenant name or GUID"):
        msal.ConfidentialClientApplication(
            emulator.client_id,
            client_credential=emulator.client_secret,
            authority=f"{emulator.authority}/9f8cf7b1-4a0e-4b39-9a43-9d0c1c9d8f11",
            instance_discovery=False,
            verify=emulator.ca_bundle,
        ).acquire_token_for_client([SCOPE])
