"""A sign-in that fails: with advice, without the secret, and never with a request to Power BI."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import QUICK, orders
from entra_server import CLIENT_ID, SECRET, TENANT, EntraServer, Said, claims, refused
from fault_server import FaultServer, closed_port, http
from test_credentials import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]

ADVICE = {
    7000215: "not its Secret ID",
    7000222: "has expired: make a new one",
    700016: "check client_id",
    90002: "check tenant_id",
    50034: "not in the tenant",
    70011: "resource/.default",
    500011: "check cloud=",
    53003: "Conditional Access",
    65001: "consent",
    50076: "second factor",
    50079: "second factor",
    12345: "https://login.microsoftonline.com/error?code=12345",
}


@pytest.mark.parametrize(("code", "advice"), ADVICE.items())
def test_a_refusal_says_what_to_change_and_sends_nothing_on(code: int, advice: str) -> None:
    with EntraServer(refused(code)) as entra, FaultServer() as server:
        with pytest.raises(pbi.AuthenticationError, match=f"AADSTS{code}: What is wrong") as caught:
            server.table(credential=entra.credential())
        assert (server.received, len(entra.received)) == ([], 1)
    error = caught.value
    assert advice in (error.hint or "")
    assert (error.status, error.code, error.request_id) == (401, "invalid_client", "t-1")
    assert f"app `{CLIENT_ID}` of tenant `{TENANT}` at 127.0.0.1" in str(error)
    assert "Trace ID" not in str(error)


def test_a_push_that_cannot_sign_in_accounts_for_its_rows() -> None:
    with EntraServer(Said(), refused(7000222)) as entra, FaultServer(http(401)) as server:
        table = server.table(credential=entra.credential())
        with pytest.raises(pbi.AuthenticationError, match="7000222") as caught:
            table.push(orders(3))
        assert caught.value.result is not None
        assert caught.value.result.ranges == [(0, 3, "unsent")]


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        (Said(429, b"{}", {"Retry-After": "120"}), 120),
        (Said(503, b"", {"Retry-After": "7"}), 7),
        (refused(90033, "temporarily_unavailable", 400), None),
        (Said(500, b"<html>", {"Content-Type": "text/html"}), None),
    ],
)
def test_a_passing_fault_of_entra_is_waited_for(virtual: Emulator, said: Said, waited: int | None) -> None:
    with EntraServer(said, Said()) as entra:
        entra.credential().get_token(SCOPE)
        assert len(entra.received) == 2
    assert virtual.now == waited if waited else 0 < virtual.now <= 0.5


@pytest.mark.parametrize(
    ("status", "error"), [(429, pbi.RateLimitedError), (503, pbi.ServiceError), (500, pbi.ServiceError)]
)
def test_faults_without_end_end_the_call(status: int, error: type[pbi.ServiceError]) -> None:
    with EntraServer(Said(status, b"")) as entra, FaultServer() as server:
        with pytest.raises(error) as caught:
            server.table(credential=entra.credential(), retry=QUICK)
        assert (caught.value.status, len(entra.received), server.received) == (status, QUICK.attempts, [])
        with pytest.raises(error):
            server.table(credential=entra.credential(), retry=None)
        assert len(entra.received) == QUICK.attempts + 1


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b"<html>sign in to the hotel</html>", {"Content-Type": "text/html"}),
        Said(200, b"{}"),
        Said(200, b'{"access_token": ""}'),
        Said(200, b'{"access_token": 7, "expires_in": 3599}'),
        Said(200, b""),
        Said(204, b""),
        Said(403, b"blocked", {"Content-Type": "text/plain"}),
        Said(404, b"[1]"),
    ],
    ids=lambda said: f"{said.status} {said.body!r}",
)
def test_what_entra_did_not_say_is_no_sign_in(said: Said) -> None:
    with EntraServer(said) as entra, pytest.raises(pbi.AuthenticationError) as caught:
        entra.credential().get_token(SCOPE)
    assert caught.value.status == said.status
    assert "something else than Microsoft Entra" in (caught.value.hint or "")


@pytest.mark.parametrize("said", [Said(407, b""), Said(403, b"<html>No</html>", {"Content-Type": "text/html"})])
def test_a_proxy_or_a_filter_that_answers_for_entra_is_told(said: Said) -> None:
    with EntraServer(said) as entra, pytest.raises(pbi.TransportError) as caught:
        entra.credential().get_token(SCOPE)
    assert f"answered {said.status} in place of Microsoft Entra" in caught.value.message
    assert "proxy=" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with FaultServer() as trap, EntraServer(Said(status, b"", {"Location": trap.url})) as entra:
        with pytest.raises(pbi.AuthenticationError) as caught:
            entra.credential().get_token(SCOPE)
        assert caught.value.status == status
        assert trap.received == []


def test_an_authority_that_is_not_there_is_a_transport_error() -> None:
    credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET, authority=closed_port())
    with FaultServer() as server:
        with pytest.raises(pbi.TransportError, match=r"signing in app .* could not connect") as caught:
            server.table(credential=credential, retry=QUICK)
        assert server.received == []
    assert "proxy" in (caught.value.hint or "")


def test_a_silent_authority_ends_with_the_clients_timeout(entra: EntraServer) -> None:
    entra.go.clear()
    with FaultServer() as server:
        with pytest.raises(pbi.TransportTimeoutError, match=r"no answer came within 0\.05 s"):
            server.table(credential=entra.credential(), retry=None, timeout=0.05)
        assert server.received == []


def test_after_a_refusal_the_next_call_asks_again() -> None:
    with EntraServer(refused(7000222), Said()) as entra:
        credential = entra.credential()
        with pytest.raises(pbi.AuthenticationError):
            credential.get_token(SCOPE)
        assert claims(credential.get_token(SCOPE).token)["number"] == 2


# Arguments.

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an empty tenant": ({"tenant_id": ""}, "Directory"),
    "no tenant": ({"tenant_id": None}, "Directory"),
    "a tenant with slashes": ({"tenant_id": f"https://login.microsoftonline.com/{TENANT}"}, "Directory"),
    "a path": ({"tenant_id": "../x"}, "Directory"),
    "every tenant": ({"tenant_id": "common"}, "Directory"),
    "the secret as the tenant": ({"tenant_id": SECRET}, "Directory"),
    "no client": ({"client_id": None}, "Application"),
    "the app's name": ({"client_id": "My App"}, "Application"),
    "the secret as the client": ({"client_id": SECRET}, "Application"),
    "no secret": ({"client_secret": None}, "Value"),
    "an empty secret": ({"client_secret": " "}, "Value"),
    "the secret's id": ({"client_secret": "8d6c3e5a-1111-4000-8000-00000000000f"}, "not its Secret ID"),
    "a broken secret": ({"client_secret": f"{SECRET}\n{SECRET}"}, "Value"),
    "bytes": ({"client_secret": SECRET.encode()}, ""),
    "half a character": ({"client_secret": f"{SECRET}\ud800"}, ""),
    "http": ({"authority": "http://login.microsoftonline.com"}, "https"),
    "an authority with the tenant": ({"authority": f"https://login.microsoftonline.com/{TENANT}"}, "tenant_id"),
    "an authority with a password": ({"authority": f"https://u:{SECRET}@login.microsoftonline.com"}, ""),
    "a number": ({"authority": 5}, ""),
}


@pytest.mark.parametrize(("wrong", "advice"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_right_is_told_at_once_and_not_repeated(
    entra: EntraServer, wrong: dict[str, Any], advice: str
) -> None:
    with pytest.raises(pbi.ConfigurationError, match=next(iter(wrong))) as caught:
        entra.credential(**wrong)
    assert advice in (caught.value.hint or "")
    check(everything_about(caught.value), SECRET)
    assert entra.received == []


def test_white_space_of_a_paste_does_no_harm(entra: EntraServer) -> None:
    entra.credential(tenant_id=f" {TENANT}\n", client_id=f"{CLIENT_ID}\t", client_secret=f"{SECRET}\r\n").get_token(
        SCOPE
    )
    assert entra.received[0].form["client_secret"] == SECRET
    assert entra.received[0].tenant == TENANT


# Secrets.

ECHO = f'{{"error": "{SECRET}", "error_description": "AADSTS1: {SECRET}", "trace_id": "{SECRET}"}}'
FAULTS: dict[str, Said] = {
    "a refusal": refused(7000215),
    "an echo": Said(
        401, f'{{"error": "{SECRET}", "error_description": "AADSTS1: {SECRET}", "trace_id": "{SECRET}"}}'.encode()
    ),
    "a coded echo": Said(401, b'{"error": "x", "error_description": "client_secret=Abc8Q%7Ecanary%2Bof%2Fa%3Dsecret"}'),
    "text": Said(400, SECRET.encode()),
    "throttled": Said(429, SECRET.encode()),
    "down": Said(503, SECRET.encode()),
    "a redirect": Said(302, SECRET.encode(), {"Location": f"https://example.org/{SECRET}"}),
    "no token": Said(200, SECRET.encode()),
}


@pytest.mark.parametrize("said", FAULTS.values(), ids=FAULTS)
def test_no_fault_shows_the_secret(said: Said) -> None:
    with EntraServer(said) as entra, FaultServer() as server:
        credential = entra.credential()
        with pytest.raises(pbi.PowerBIPushError) as caught:
            server.table(credential=credential, retry=None)
    check(everything_about(caught.value), SECRET)
    check(pickle.dumps(caught.value).decode("latin-1"), SECRET)
    assert "canary" not in everything_about(caught.value)


def test_nothing_shows_the_secret_or_the_token(entra: EntraServer) -> None:
    credential = entra.credential()
    token = credential.get_token(SCOPE)
    assert repr(credential) == f"ClientSecretCredential(tenant_id='{TENANT}', client_id='{CLIENT_ID}')"
    for shown in (credential, token, vars(credential), credential._core):  # noqa: SLF001
        for secret in (SECRET, token.token):
            check(repr(shown) + str(shown) + f"{shown}", secret)


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_credential_stays_where_it_is(entra: EntraServer, leave: Callable[[object], object]) -> None:
    credential = entra.credential()
    for held in (credential, credential._core):  # noqa: SLF001
        with pytest.raises(TypeError):
            leave(held)
