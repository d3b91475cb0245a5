"""A service principal signs in with its secret, once for all who share it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import in_a_child, meanwhile, orders
from entra_server import CLIENT_ID, SECRET, TENANT, EntraServer, Said, claims
from fault_server import DATASET_ID, FaultServer, http
from test_credentials import SCOPES, bearer, equals

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
GRAPH = "https://graph.microsoft.com/.default"


# Signing in.


def test_the_token_of_entra_goes_with_every_request(entra: EntraServer) -> None:
    with FaultServer() as server:
        server.table(credential=entra.credential()).push(orders(3))
        assert [claims(token)["number"] for token in bearer(server)] == [1, 1]
    (asked,) = entra.received
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert asked.form == {
        "client_id": CLIENT_ID,
        "scope": SCOPE,
        "client_secret": SECRET,
        "grant_type": "client_credentials",
    }
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert {"authorization", "referer", "cookie"} & set(asked.headers) == set()


@pytest.mark.parametrize("secret", ["a&b=c%20+d", "ü😀", "a b", "=", "%2B", "ends~with-._"])
def test_a_secret_of_any_signs_arrives_as_it_is(entra: EntraServer, secret: str) -> None:
    entra.credential(client_secret=secret).get_token(SCOPE)
    assert entra.received[0].form["client_secret"] == secret


@pytest.mark.parametrize(("cloud", "scope"), SCOPES.items())
def test_the_scope_is_the_one_of_the_cloud(entra: EntraServer, cloud: str, scope: str) -> None:
    with FaultServer() as server:
        server.table(credential=entra.credential(), cloud=cloud)
    assert entra.received[0].form["scope"] == scope


AUTHORITIES = {
    "public": "login.microsoftonline.com",
    "usgov": "login.microsoftonline.com",
    "usgovhigh": "login.microsoftonline.us",
    "usgovdod": "login.microsoftonline.us",
    "china": "login.chinacloudapi.cn",
}


def first_connection(client: pbi.Client, proxy: FaultServer) -> bytes:
    """Where a client goes first, as its proxy sees it."""
    with pytest.raises(pbi.TransportError):
        client.datasets()
    return proxy.received[0].head.split(b"\r\n")[0]


@pytest.mark.parametrize(("cloud", "host"), AUTHORITIES.items())
def test_the_authority_is_the_one_of_the_cloud_and_is_reached_through_the_clients_proxy(cloud: str, host: str) -> None:
    credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET)
    with FaultServer() as proxy:
        client = pbi.Client(credential, cloud=cloud, proxy=proxy.url, retry=None)
        assert first_connection(client, proxy) == f"CONNECT {host}:443 HTTP/1.1".encode()
        assert not [request for request in proxy.received if SECRET.encode() in request.head + request.body]


def test_the_authority_of_the_environment_goes_before_the_clouds_and_an_argument_before_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.example.org/")
    for authority, host in ((None, b"login.example.org"), ("login.example.net", b"login.example.net")):
        credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET, authority=authority)
        with FaultServer() as proxy:
            client = pbi.Client(credential, proxy=proxy.url, retry=None)
            assert first_connection(client, proxy) == b"CONNECT " + host + b":443 HTTP/1.1"


def test_a_token_of_the_real_entra_is_never_sent_over_http() -> None:
    credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET)
    with pytest.raises(pbi.ConfigurationError, match="never sent over http"):
        pbi.Client(credential, base_url="http://127.0.0.1:1")


# Sharing.


def test_clients_share_the_token_of_one_credential(entra: EntraServer) -> None:
    credential = entra.credential()
    with FaultServer() as server:
        for timeout in (5.0, 10.0, 15.0):
            server.table(credential=credential, timeout=timeout).push(orders(1))
        tokens = set(bearer(server))
    assert tokens == {f"Bearer {credential.get_token(SCOPE).token}"}
    assert len(entra.received) == 1


def test_scopes_and_credentials_never_share_a_token(entra: EntraServer) -> None:
    one, same = entra.credential(), entra.credential()
    tokens = [one.get_token(SCOPE), one.get_token(SCOPES["china"]), same.get_token(SCOPE), one.get_token(SCOPE)]
    assert [claims(token.token)["number"] for token in tokens] == [1, 2, 3, 1]


def test_tenants_never_cross(entra: EntraServer) -> None:
    tenants = ("one.example", "other.example")
    ready = Barrier(64)

    def use(table: pbi.Table) -> None:
        ready.wait()
        table.push(orders(1))

    with FaultServer() as first, FaultServer() as second:
        servers = dict(zip(tenants, (first, second), strict=True))
        tables = {name: server.table(credential=entra.credential(tenant_id=name)) for name, server in servers.items()}
        threads = [Thread(target=use, args=(tables[tenants[number % 2]],)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for tenant, server in servers.items():
            assert len(server.posts) == 32
            assert {claims(token)["tid"] for token in bearer(server)} == {tenant}
    assert sorted(asked.tenant for asked in entra.received) == sorted(tenants)


def test_sixty_four_waiters_make_one_call(entra: EntraServer) -> None:
    entra.go.clear()
    credential, tokens = entra.credential(), []
    threads = [Thread(target=lambda: tokens.append(credential.get_token(SCOPE).token)) for _ in range(64)]
    for thread in threads:
        thread.start()
    entra.go.set()
    for thread in threads:
        thread.join()
    assert (len(tokens), len(set(tokens)), len(entra.received)) == (64, 1, 1)


def test_sixty_four_threads_over_a_hundred_expiries_make_a_hundred_and_one_calls(virtual: Emulator) -> None:
    with EntraServer() as entra, ThreadPoolExecutor(64) as threads:
        credential = entra.credential()
        for expiries in range(101):
            answers = threads.map(lambda _: claims(credential.get_token(SCOPE).token)["number"], range(64))
            assert set(answers) == {expiries + 1}
            virtual.advance(3_600)
        assert len(entra.received) == 101


def test_a_refused_token_is_replaced_and_the_rows_arrive(entra: EntraServer) -> None:
    with FaultServer(http(401), http(200)) as server:
        result = server.table(credential=entra.credential()).push(orders(3))
        assert (result.confirmed, result.maybe_twice, result.retries) == (3, 0, 1)
        assert [claims(token)["number"] for token in bearer(server)] == [1, 1, 2]
    assert len(entra.received) == 2


def test_a_good_token_serves_while_entra_is_down(virtual: Emulator) -> None:
    with EntraServer(Said(), Said(503)) as entra, FaultServer() as server:
        table = server.table(credential=entra.credential())
        virtual.advance(3_290)
        assert table.push(orders(1)).ok
        assert len(entra.received) == 1
        for calls in (2, 3, 4):
            virtual.advance(30)
            assert table.push(orders(1)).ok
            assert table.push(orders(1)).ok
            assert len(entra.received) == calls
        assert len(set(bearer(server))) == 1
        virtual.advance(300)
        with pytest.raises(pbi.ServiceError) as caught:
            table.push(orders(1))
        assert caught.value.status == 503
        assert caught.value.result is not None
        assert caught.value.result.unsent == 1


def test_tokens_of_five_seconds_cost_one_call_each(virtual: Emulator) -> None:
    with EntraServer(Said(expires_in=5)) as entra, FaultServer() as server:
        table = server.table(credential=entra.credential())
        for _ in range(20):
            assert table.push(orders(1)).ok
            virtual.advance(1)
        assert len(entra.received) == 4


def test_a_forked_child_signs_in_by_itself(entra: EntraServer) -> None:
    credential = entra.credential()
    mine = claims(credential.get_token(SCOPE).token)["number"]

    def child() -> None:
        assert claims(credential.get_token(SCOPE).token)["number"] == mine + 1
        with FaultServer() as server:
            assert server.table(credential=credential).push(orders(1)).ok

    in_a_child(child)
    assert claims(credential.get_token(SCOPE).token)["number"] == mine
    assert len(entra.received) == 2


# On its own.


def test_a_credential_gives_tokens_as_azure_identity_does(entra: EntraServer) -> None:
    credential = entra.credential()
    before = int(time.time())
    with credential as same:
        token = same.get_token(GRAPH, claims=None, tenant_id=TENANT.upper(), enable_cae=True)
    assert before + 3599 <= token.expires_on <= time.time() + 3599
    assert (token.token, token.expires_on) == tuple(token)
    assert claims(token.token)["scope"] == GRAPH
    assert (credential.tenant_id, credential.client_id) == (TENANT, CLIENT_ID)
    credential.close()
    assert credential.get_token(GRAPH) == token
    assert len(entra.received) == 1


def test_a_function_around_a_credential_is_a_credential_too(entra: EntraServer) -> None:
    credential = entra.credential()

    class Wrapped:
        """As a user's own class, or a chain of azure-identity, holds it."""

        def get_token(self, *scopes: str, **options: Any) -> object:
            return credential.get_token(*scopes, **options)

    with FaultServer() as server:
        assert server.table(credential=lambda: credential.get_token(SCOPE)).push(orders(1)).ok
        assert server.table(credential=Wrapped()).push(orders(1)).ok
        assert len(set(bearer(server))) == 1
    assert len(entra.received) == 1


def test_a_token_can_be_awaited(entra: EntraServer) -> None:
    credential = entra.credential()

    async def ask() -> list[Any]:
        return await asyncio.gather(*(credential.get_token_async(SCOPE) for _ in range(20)))

    assert len(set(asyncio.run(ask()))) == 1
    with FaultServer() as server:
        client = pbi.Client(credential, base_url=server.url)
        assert asyncio.run(client.dataset_async(DATASET_ID)).name == "Sales"
    assert len(entra.received) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda credential: credential.get_token(),
        lambda credential: credential.get_token(None),
        lambda credential: credential.get_token(SCOPE, tenant_id="fabrikam.com"),
    ],
)
def test_a_token_that_cannot_be_meant_is_not_asked_for(
    entra: EntraServer, ask: Callable[[pbi.ClientSecretCredential], object]
) -> None:
    with pytest.raises(pbi.ConfigurationError):
        ask(entra.credential())
    assert entra.received == []


def test_others_run_while_entra_is_slow(entra: EntraServer) -> None:
    entra.go.clear()
    tokens: list[str] = []
    with FaultServer() as server:
        table = server.table(credential="another")
        with meanwhile(lambda: tokens.append(entra.credential().get_token(SCOPE).token)):
            assert table.push(orders(1)).ok
            assert equals(lambda: len(tokens), 0)
            entra.go.set()
    assert len(tokens) == 1
