"""A machine of Azure has an identity of its own: its three kinds of places are asked as they want to be."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import orders
from entra_server import CLIENT_ID, SECRET, EntraServer, Said, jwt
from fault_server import FaultServer, closed_port
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
RESOURCE = SCOPE.removesuffix("/.default")
KEYS = Path("/var/opt/azcmagent/tokens")
KEY = "canary-arc-key/5e2f"


def given(**more: Any) -> Said:
    """A token as they give it: numbers are text."""
    said = {"access_token": jwt(tid="t"), "expires_in": "3599", "resource": RESOURCE, "token_type": "Bearer"}
    return Said(200, json.dumps(said | {"refresh_token": ""} | more).encode())


def refused(status: int, error: str = "invalid_request", description: str = "Identity not found") -> Said:
    return Said(status, json.dumps({"error": error, "error_description": description}).encode())


@pytest.fixture
def imds(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The instance metadata service, which answers as ordered."""

    @contextmanager
    def place(*answers: Said) -> Iterator[EntraServer]:
        with EntraServer(*answers) as server:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.authority)
            yield server

    return place


def test_a_virtual_machine_asks_its_metadata_service(imds: Any) -> None:
    ends = int(time.time()) + 3_000
    with imds(given(expires_on=str(ends))) as server:
        token = pbi.ManagedIdentityCredential().get_token(SCOPE)
        (asked,) = server.received
    assert (token.token, token.expires_on) == (jwt(tid="t"), ends)
    assert asked.path == "/metadata/identity/oauth2/token"
    assert asked.form == {"api-version": "2018-02-01", "resource": RESOURCE}
    assert asked.headers["metadata"] == "true"
    assert {"authorization", "x-identity-header"} & set(asked.headers) == set()


def test_an_identity_may_be_named(imds: Any) -> None:
    with imds(given()) as server:
        one = pbi.ManagedIdentityCredential(client_id=CLIENT_ID)
        one.get_token(SCOPE)
        assert server.received[0].form["client_id"] == CLIENT_ID
    assert repr(one) == f"ManagedIdentityCredential(client_id='{CLIENT_ID}')"


@pytest.mark.parametrize(("cloud", "scope"), SCOPES.items())
def test_the_resource_is_the_one_of_the_cloud_and_rows_arrive(imds: Any, cloud: str, scope: str) -> None:
    with imds(given()) as server, FaultServer() as service:
        assert service.table(credential=pbi.ManagedIdentityCredential(), cloud=cloud).push(orders(1)).ok
        assert set(bearer(service)) == {f"Bearer {jwt(tid='t')}"}
        assert server.received[0].form["resource"] == scope.removesuffix("/.default")


def test_no_proxy_is_on_the_way(imds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with imds(given()), FaultServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        pbi.ManagedIdentityCredential().get_token(SCOPE)
        # No name of this kind is found: whoever used the proxy would not need to look for it.
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://metadata.invalid")
        with pytest.raises(pbi.TransportError) as caught:
            pbi.Client(pbi.ManagedIdentityCredential(), retry=None, proxy=proxy.url).datasets()
        assert proxy.received == []
    assert "only machines of Azure" in (caught.value.hint or "")


def test_a_redirect_is_not_followed(imds: Any) -> None:
    with FaultServer() as trap, imds(Said(302, b"", {"Location": trap.url})):
        with pytest.raises(pbi.AuthenticationError):
            pbi.ManagedIdentityCredential().get_token(SCOPE)
        assert trap.received == []


WAITS = {"not yet": (404, None), "changing": (410, 17.5), "busy": (429, None), "down": (503, None)}


@pytest.mark.parametrize(("status", "waited"), WAITS.values(), ids=WAITS)
def test_a_passing_fault_is_waited_for(imds: Any, virtual: Emulator, status: int, waited: float | None) -> None:
    with imds(refused(status), given()) as server:
        pbi.ManagedIdentityCredential().get_token(SCOPE)
        assert len(server.received) == 2
    assert virtual.now == waited if waited else 0 < virtual.now <= 0.5


def test_an_identity_that_is_changed_for_good_ends_after_seventy_seconds(imds: Any, virtual: Emulator) -> None:
    with imds(refused(410)) as server:
        with pytest.raises(pbi.ServiceError):
            pbi.ManagedIdentityCredential().get_token(SCOPE)
        assert len(server.received) == 5
    assert virtual.now == 70


def test_of_a_long_token_the_next_one_is_fetched_at_half_of_it(imds: Any, virtual: Emulator) -> None:
    with imds(given(expires_in="86400"), given(expires_in="7199"), given()) as server:
        one = pbi.ManagedIdentityCredential()
        for seconds, calls in ((0, 1), (43_199, 1), (2, 2), (3_700, 2), (3_300, 3)):
            virtual.advance(seconds)
            one.get_token(SCOPE)
            assert len(server.received) == calls


def test_a_machine_without_an_identity_is_told_so(imds: Any) -> None:
    with imds(refused(400)), pytest.raises(pbi.AuthenticationError, match="Identity not found") as caught:
        pbi.ManagedIdentityCredential().get_token(SCOPE)
    assert (caught.value.status, caught.value.code) == (400, "invalid_request")
    assert "System assigned" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "said", [Said(200, b"<html>"), Said(200, b"{}"), Said(403, b"no"), Said(200, b"x" * 10_000_000)]
)
def test_what_is_no_answer_of_azure_is_no_identity(imds: Any, said: Said) -> None:
    with imds(said), pytest.raises(pbi.AuthenticationError) as caught:
        pbi.ManagedIdentityCredential().get_token(SCOPE)
    assert "only machines of Azure" in (caught.value.hint or "")


def test_elsewhere_nobody_answers_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", closed_port())
    with pytest.raises(pbi.TransportError, match="managed identity of this machine") as caught:
        pbi.Client(pbi.ManagedIdentityCredential(), base_url="http://127.0.0.1:9", retry=None).datasets()
    assert "ClientSecretCredential" in (caught.value.hint or "")


# App Service.


def test_app_service_wants_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    with EntraServer(given(expires_on=str(int(time.time()) + 60))) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.authority}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", SECRET)
        one = pbi.ManagedIdentityCredential(client_id=CLIENT_ID)
        one.get_token(SCOPE)
        (asked,) = server.received
    assert asked.path == "/msi/token"
    assert asked.form == {"api-version": "2019-08-01", "resource": RESOURCE, "client_id": CLIENT_ID}
    assert asked.headers["x-identity-header"] == SECRET
    assert "metadata" not in asked.headers
    check(repr(one) + repr(vars(one)), SECRET)


def test_the_header_of_app_service_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Said(400, json.dumps({"message": f"no identity for {SECRET}", "error": SECRET}).encode())
    with EntraServer(echo) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", server.authority)
        monkeypatch.setenv("IDENTITY_HEADER", SECRET)
        with pytest.raises(pbi.AuthenticationError, match="no identity for") as caught:
            pbi.ManagedIdentityCredential().get_token(SCOPE)
    check(everything_about(caught.value), SECRET)


def test_half_of_app_service_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(pbi.ConfigurationError, match="IDENTITY_HEADER is not"):
        pbi.ManagedIdentityCredential()


def test_a_header_that_cannot_be_sent_says_what_it_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("IDENTITY_HEADER", f"{KEY}\nheader")
    with pytest.raises(pbi.AuthenticationError, match="the secret of the managed identity is broken") as caught:
        pbi.ManagedIdentityCredential().get_token(SCOPE)
    assert "IDENTITY_HEADER is one line" in (caught.value.hint or "")
    check(everything_about(caught.value), KEY)


# Azure Arc.


@pytest.fixture
def key_file() -> Iterator[Path]:
    """A key in Azure Arc's own folder."""
    try:
        KEYS.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        pytest.skip(f"the folder of Azure Arc cannot be made here: {error}")
    path = KEYS / "powerbi-push-test.key"
    path.write_text(f"{KEY}\n")
    yield path
    path.unlink()
    with suppress(OSError):  # it may be the machine's own
        KEYS.rmdir()


@pytest.fixture
def arc(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine of Azure Arc, whose agent answers as ordered."""

    @contextmanager
    def place(*answers: Said) -> Iterator[EntraServer]:
        with EntraServer(*answers) as server:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.authority}/metadata/identity/oauth2/token")
            monkeypatch.setenv("IMDS_ENDPOINT", server.authority)
            yield server

    return place


def challenge(path: object) -> Said:
    return Said(401, b"", {"WWW-Authenticate": f"Basic realm={path}"})


def test_azure_arc_points_at_a_key_that_is_sent_back(arc: Any, key_file: Path) -> None:
    with arc(challenge(key_file), given()) as server:
        pbi.ManagedIdentityCredential().get_token(SCOPE)
        first, second = server.received
    assert first.form == second.form == {"api-version": "2020-06-01", "resource": RESOURCE}
    assert first.headers["metadata"] == second.headers["metadata"] == "true"
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == f"Basic {KEY}"


def test_the_key_of_azure_arc_is_shown_nowhere(arc: Any, key_file: Path) -> None:
    echo = Said(400, json.dumps({"error": KEY, "error_description": KEY}).encode())
    with arc(challenge(key_file), echo), pytest.raises(pbi.AuthenticationError) as caught:
        pbi.ManagedIdentityCredential().get_token(SCOPE)
    check(everything_about(caught.value), KEY)


@pytest.mark.parametrize("path", ["/etc/passwd", "/var/opt/azcmagent/tokens/../../x.key", "", KEYS / "none.key"])
def test_no_other_file_is_read_for_azure_arc(arc: Any, path: object) -> None:
    with arc(challenge(path), given()) as server:
        with pytest.raises(pbi.AuthenticationError, match="Azure Arc points at a key file"):
            pbi.ManagedIdentityCredential().get_token(SCOPE)
        assert len(server.received) == 1


def test_azure_arc_has_the_machines_own_identity_only(arc: Any) -> None:
    with arc(given()), pytest.raises(pbi.ConfigurationError, match="its own only"):
        pbi.ManagedIdentityCredential(client_id=CLIENT_ID)
