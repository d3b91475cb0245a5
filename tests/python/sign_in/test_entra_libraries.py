"""Microsoft's libraries sign in at the local Microsoft Entra by each of their flows, and Power BI takes the tokens.

So it is not only our own reading of the documents that passes.
"""

from __future__ import annotations

import sys
import threading
import time
import webbrowser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import azure.identity
import msal  # type: ignore[import-untyped]
import pytest
import requests
from cryptography.hazmat.primitives import hashes

from certificates import PASSWORD, pair
from person import Page, Person
from powerbi_push.emulator import Emulator
from test_credentials import SCOPES
from test_entra_grants import ISSUER, SUBJECT, arc_keys, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE = SCOPES["public"]
RESOURCE = SCOPE.removesuffix("/.default")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Over TLS, which both libraries insist on."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with Emulator(tls=True) as emulator:
        emulator.add_workspace("Team", app_role="Contributor")
        yield emulator


def takes(emulator: Emulator, credential: Any) -> None:
    """Power BI takes the token."""
    assert [one.name for one in emulator.client(credential=credential).workspaces()] == ["Team"]


def known(emulator: Emulator) -> dict[str, Any]:
    """What azure-identity has to be told of an authority that it does not know."""
    return {
        "authority": emulator.authority,
        "disable_instance_discovery": True,
        "connection_verify": emulator.ca_bundle,
    }


def apps(emulator: Emulator, tenant: str | None = None) -> dict[str, Any]:
    """The same for msal."""
    return {
        "client_id": emulator.client_id,
        "authority": f"{emulator.authority}/{tenant or emulator.tenant_id}",
        "instance_discovery": False,
        "verify": emulator.ca_bundle,
    }


class _Clicker:
    """Goes to whatever page is opened, on a thread of its own, and lets the app in."""

    def __init__(self, emulator: Emulator) -> None:
        self.person = Person(emulator)
        self.shown: list[str] = []

    def __call__(self, url: str, *_: Any, **__: Any) -> bool:
        threading.Thread(target=lambda: self.shown.append(self.person.sign_in(url))).start()
        return True


# azure-identity


def test_azure_identity_with_a_secret(emulator: Emulator) -> None:
    with azure.identity.ClientSecretCredential(
        emulator.tenant_id, emulator.client_id, emulator.client_secret, **known(emulator)
    ) as one:
        takes(emulator, one)


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_azure_identity_with_a_certificate(emulator: Emulator, password: str | None) -> None:
    emulator.add_certificate(pair().certificate_pem.decode())
    data = pair().key_pem(password) + pair().certificate_pem
    with azure.identity.CertificateCredential(
        emulator.tenant_id, emulator.client_id, certificate_data=data, password=password, **known(emulator)
    ) as one:
        takes(emulator, one)


def test_azure_identity_with_a_device_code(emulator: Emulator) -> None:
    person = Person(emulator)

    def prompt(page: str, code: str, _until: object) -> None:
        assert "signed in" in person.enter(page, code)

    with azure.identity.DeviceCodeCredential(
        emulator.client_id,
        tenant_id=emulator.tenant_id,
        prompt_callback=prompt,
        **known(emulator),
    ) as one:
        takes(emulator, one)


def test_azure_identity_with_the_browser(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    clicker = _Clicker(emulator)
    module = sys.modules["azure.identity._credentials.browser"]
    monkeypatch.setattr(module, "_open_browser", clicker)
    with azure.identity.InteractiveBrowserCredential(
        tenant_id=emulator.tenant_id, client_id=emulator.client_id, **known(emulator)
    ) as one:
        takes(emulator, one)


def test_azure_identity_with_an_authorization_code(emulator: Emulator) -> None:
    person, redirect = Person(emulator), "http://localhost:8400"
    asked = {"client_id": emulator.client_id, "response_type": "code", "redirect_uri": redirect}
    asked["scope"] = f"{SCOPE} openid offline_access"
    page = f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/authorize?{urlencode(asked)}"
    _, target, _ = person.click(person.page(page), "accept")
    code = dict(parse_qsl(urlsplit(target).query))["code"]
    with azure.identity.AuthorizationCodeCredential(
        emulator.tenant_id,
        emulator.client_id,
        code,
        redirect,
        client_secret=emulator.client_secret,
        **known(emulator),
    ) as one:
        takes(emulator, one)


def test_azure_identity_with_another_providers_token(emulator: Emulator) -> None:
    emulator.trust(ISSUER, SUBJECT, pair("a provider").certificate_pem.decode())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": int(time.time()) + 600}
    with azure.identity.ClientAssertionCredential(
        emulator.tenant_id, emulator.client_id, lambda: signed(pair("a provider"), claims), **known(emulator)
    ) as one:
        takes(emulator, one)


MACHINES = ["imds", "app_service", "arc"]


@pytest.fixture
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A machine with an identity, whose services speak http."""
    kind = request.param
    if kind == "arc":
        arc_keys()
    with Emulator() as emulator:
        emulator.add_workspace("Team", app_role="Contributor")
        for name, value in emulator.machine(kind).items():
            monkeypatch.setenv(name, value)
        yield emulator


@pytest.mark.parametrize("machine", MACHINES, indirect=True)
def test_azure_identity_on_a_machine(machine: Emulator) -> None:
    with azure.identity.ManagedIdentityCredential() as one:
        takes(machine, one)


# msal


def test_msal_with_a_secret(emulator: Emulator) -> None:
    app = msal.ConfidentialClientApplication(**apps(emulator), client_credential=emulator.client_secret)
    takes(emulator, app.acquire_token_for_client([SCOPE]))


def test_msal_with_a_certificate(emulator: Emulator) -> None:
    emulator.add_certificate(pair().certificate_pem.decode())
    key = {"private_key": pair().key_pem().decode(), "public_certificate": pair().certificate_pem.decode()}
    app = msal.ConfidentialClientApplication(**apps(emulator), client_credential=key)
    takes(emulator, app.acquire_token_for_client([SCOPE]))
    older = {"private_key": key["private_key"], "thumbprint": pair().certificate.fingerprint(hashes.SHA1()).hex()}  # noqa: S303
    app = msal.ConfidentialClientApplication(**apps(emulator), client_credential=older)
    takes(emulator, app.acquire_token_for_client([SCOPE]))


def test_msal_with_a_device_code_and_a_refresh_token(emulator: Emulator) -> None:
    app = msal.PublicClientApplication(**apps(emulator))
    flow = app.initiate_device_flow([f"{RESOURCE}/Dataset.ReadWrite.All"])
    Person(emulator).enter(flow["verification_uri"], flow["user_code"])
    takes(emulator, app.acquire_token_by_device_flow(flow))
    (account,) = app.get_accounts()
    assert account["username"] == "emulator@localhost"
    renewed = app.acquire_token_silent([f"{RESOURCE}/Dataset.ReadWrite.All"], account, force_refresh=True)
    takes(emulator, renewed)


def test_msal_with_an_authorization_code(emulator: Emulator) -> None:
    app = msal.PublicClientApplication(**apps(emulator))
    flow = app.initiate_auth_code_flow([SCOPE], redirect_uri="http://localhost:1", response_mode="form_post")
    person = Person(emulator)
    _, _, text = person.click(person.page(flow["auth_uri"]), "accept")
    posted = Page(flow["auth_uri"], text)
    assert (posted.method, posted.action) == ("post", "http://localhost:1")
    result = app.acquire_token_by_auth_code_flow(flow, posted.fields)
    assert result["id_token_claims"]["preferred_username"] == "emulator@localhost"
    takes(emulator, result)


def test_msal_with_the_browser(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    clicker = _Clicker(emulator)
    monkeypatch.setattr(webbrowser, "open", clicker)
    monkeypatch.setattr("msal.oauth2cli.authcode._browse", clicker)
    app = msal.PublicClientApplication(**apps(emulator))
    takes(emulator, app.acquire_token_interactive([SCOPE], timeout=20))


@pytest.mark.parametrize("machine", MACHINES, indirect=True)
def test_msal_on_a_machine(machine: Emulator) -> None:
    client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=requests.Session())
    takes(machine, client.acquire_token_for_client(resource=RESOURCE))


def test_msal_is_refused_as_entra_refuses(emulator: Emulator) -> None:
    app = msal.ConfidentialClientApplication(**apps(emulator), client_credential="wrong")
    said = app.acquire_token_for_client([SCOPE])
    assert (said["error"], said["error_codes"]) == ("invalid_client", [7_000_215])
