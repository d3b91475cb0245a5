"""Proxies: nothing for this machine goes through one, and one that does not let through is named."""

from __future__ import annotations

import base64
import socket
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import QUICK, SCHEMA, orders
from entra_server import CLIENT_ID, SECRET, TENANT, EntraServer
from fault_server import DATASET_ID, FaultServer, closed_port, http
from powerbi_push.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
AWAY = "https://service.invalid"


class Proxy:
    """Hears what is said to it, gives one answer to each connection, and closes it."""

    def __init__(self, answer: bytes = b"") -> None:
        """Listen on a free port of 127.0.0.1."""
        self.heard: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.place}"

    def __enter__(self) -> Self:
        """Accept."""
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Accept no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.recv(65_536))
                connection.sendall(self._answer)


def refusing(status: int, body: bytes = b"", kind: str = "text/html") -> bytes:
    return f"HTTP/1.1 {status} No\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture(autouse=True)
def _no_proxies_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy(refusing(502)) as proxy:
        yield proxy


@pytest.fixture(params=[*VARIABLES, "proxy="])
def options(request: pytest.FixtureRequest, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The proxy, named in one of the ways there are."""
    if request.param == "proxy=":
        return {"proxy": proxy.url}
    monkeypatch.setenv(request.param, proxy.url)
    return {}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_what_is_for_this_machine_never_goes_through_a_proxy(host: str, options: dict[str, Any], proxy: Proxy) -> None:
    with FaultServer() as server, EntraServer() as entra:
        here, authority = (url.replace("127.0.0.1", host) for url in (server.url, entra.authority))
        credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET, authority=authority)
        client = pbi.Client(credential, base_url=here, retry=None, **options)
        assert client.dataset(DATASET_ID).table("Orders").push(orders(2)).ok
        assert pbi.StreamingDataset(f"{here}/beta/t/datasets/d/rows?key=k", **options).push(orders(1)).ok
        assert (len(server.received), len(entra.received)) == (3, 1)
    assert proxy.heard == []


@pytest.mark.parametrize("host", ["127.3.2.1", "localhost.", "[::1]"])
def test_every_other_name_of_this_machine_is_one_too(host: str, options: dict[str, Any], proxy: Proxy) -> None:
    # Nothing listens there, and some machines do not know the name: what counts is who was asked.
    with pytest.raises(pbi.TransportError, match=r"could not connect to \S+: "):
        pbi.Client("opaque", base_url=f"http://{host}:1", retry=None, **options).datasets()
    assert proxy.heard == []


def test_https_to_this_machine_goes_through_no_proxy_either(options: dict[str, Any], proxy: Proxy) -> None:
    with Emulator(tls=True) as emulator:
        table = emulator.client(**options).create_dataset(SCHEMA).table()
        assert table.push(orders(2)).ok
    assert proxy.heard == []


def test_the_emulator_of_the_environment_is_reached_without_a_proxy(
    proxy: Proxy, powerbi: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, proxy.url)
    pbi.Client().create_dataset(SCHEMA)
    assert pbi.push(orders(2), "Sales/Orders").ok
    assert len(powerbi.rows("Sales/Orders")) == 2
    assert proxy.heard == []


@pytest.mark.parametrize("way", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "proxy="])
def test_a_connection_that_a_proxy_refuses_is_told_with_its_status_and_who_it_was(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(refusing(403, b"<html>No</html>")) as proxy:
        url = f"http://user:canary@{proxy.place}"
        options: dict[str, Any] = {"proxy": url} if way == "proxy=" else {}
        if way != "proxy=":
            monkeypatch.setenv(way, url)
        client = pbi.Client("a-token", base_url=AWAY, retry=None, **options)
        with pytest.raises(pbi.TransportError) as caught:
            client.datasets()
        heard = b"".join(proxy.heard)
    assert caught.value.message == f"the proxy {proxy.place} does not connect to service.invalid: it answered 403"
    assert "let service.invalid through" in (caught.value.hint or "")
    assert "canary" not in str(caught.value)
    # What it was told is where to connect to, and who asks; the token is for the service.
    assert b"a-token" not in heard
    assert {line for said in proxy.heard for line in said.splitlines() if line.startswith(b"CONNECT")} == {
        b"CONNECT service.invalid:443 HTTP/1.1"
    }
    assert b"Basic " + base64.b64encode(b"user:canary") in heard


def test_a_proxy_that_wants_a_name_is_told_and_one_that_does_not_take_it() -> None:
    with Proxy(refusing(407)) as proxy:
        for url, words in (
            (proxy.url, "wants a name and a password"),
            (f"http://u:canary@{proxy.place}", "does not take"),
        ):
            with pytest.raises(pbi.TransportError, match=f"the proxy {proxy.place} {words}") as caught:
                pbi.Client("opaque", base_url=AWAY, proxy=url, retry=None).datasets()
            assert "proxy='http://name:password@host:port'" in (caught.value.hint or "")
            assert "canary" not in str(caught.value) + str(caught.value.hint)
        # Asking again for a status that is known could lock an account.
        assert len(proxy.heard) == 2


def test_a_proxy_that_is_not_there_or_goes_away_is_told() -> None:
    nowhere = closed_port()
    place = nowhere.removeprefix("http://")
    with pytest.raises(
        pbi.TransportError, match=f"could not connect to the proxy {place}: tcp connect error"
    ) as caught:
        pbi.Client("opaque", base_url=AWAY, proxy=nowhere, retry=None).datasets()
    assert "NO_PROXY" in (caught.value.hint or "")
    with Proxy() as proxy, pytest.raises(pbi.TransportError) as caught:
        pbi.Client("opaque", base_url=AWAY, proxy=proxy.url, retry=None).datasets()
    assert caught.value.message.startswith(f"the proxy {proxy.place} did not connect to service.invalid: ")


def test_rows_that_a_proxy_does_not_let_through_are_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(refusing(403)) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with pytest.raises(pbi.TransportError, match=f"the proxy {proxy.place} does not connect") as caught:
            pbi.StreamingDataset(f"{AWAY}/beta/t/datasets/d/rows?key=canary", retry=QUICK).push(orders(3))
        assert caught.value.result is not None
        assert caught.value.result.unsent == 3
        assert b"canary" not in b"".join(proxy.heard)


def test_a_sign_in_that_a_proxy_does_not_let_through_names_it() -> None:
    with Proxy(refusing(407)) as proxy, FaultServer() as server:
        credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET, authority=AWAY)
        with pytest.raises(pbi.ConfigurationError, match="never sent over http"):
            pbi.Client(credential, base_url=server.url, proxy=proxy.url)
        client = pbi.Client(credential, base_url="https://api.example.org", proxy=proxy.url, retry=None)
        with pytest.raises(pbi.TransportError, match=f"the proxy {proxy.place} wants a name and a password"):
            client.datasets()


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a"])
@pytest.mark.parametrize("way", ["ALL_PROXY", "https_proxy", "proxy="])
def test_a_socks_proxy_is_refused_when_the_client_is_made(
    scheme: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{scheme}://user:canary@127.0.0.1:1080"
    options: dict[str, Any] = {"proxy": url} if way == "proxy=" else {}
    if way != "proxy=":
        monkeypatch.setenv(way, url)
    credential = pbi.ClientSecretCredential(TENANT, CLIENT_ID, SECRET, authority=AWAY)
    for make in (
        lambda: pbi.Client("opaque", **options),
        lambda: pbi.StreamingDataset(f"{AWAY}/beta/t/datasets/d/rows?key=k", **options),
        lambda: pbi.Client(credential, base_url="https://127.0.0.1:1", **options),
    ):
        with pytest.raises(pbi.ConfigurationError, match=f"{scheme}://127.0.0.1:1080") as caught:
            make()
        assert "HTTP proxy" in (caught.value.hint or "")
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", ["ftp://user:canary@127.0.0.1:21", "http://user:canary@", "http://a canary", "canary://x"]
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_what_is_no_proxy_is_refused_when_the_client_is_made(
    wrong: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, wrong)
    for make in (lambda: pbi.Client("opaque"), lambda: pbi.StreamingDataset(f"{AWAY}/beta/t/datasets/d/rows?key=k")):
        with pytest.raises(pbi.ConfigurationError, match=f"{variable} is not the URL of a proxy") as caught:
            make()
        assert "HTTP proxy" in (caught.value.hint or "")
        assert "canary" not in str(caught.value)
    # It stands before nothing that is reached without it.
    monkeypatch.setenv("NO_PROXY", "api.powerbi.com")
    pbi.Client("opaque")
    pbi.Client("opaque", base_url="http://127.0.0.1:1")
    # A proxy of the same call is the one that counts.
    pbi.Client("opaque", base_url="https://example.org", proxy="http://127.0.0.1:1")


def test_a_variable_that_is_empty_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    pbi.Client("opaque")


def test_a_socks_proxy_of_the_environment_does_not_stand_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with FaultServer() as server:
        assert server.table().push(orders(1)).ok


@pytest.mark.parametrize("status", [403, 407, 451])
def test_a_page_of_a_filter_is_no_word_of_the_service_about_rows(status: int) -> None:
    page = http(status, b"<html>Blocked</html>", request_id=False, Content_Type="text/html")
    with FaultServer(page) as server, pytest.raises(pbi.TransportError, match="in place of the service") as caught:
        server.table(retry=None).push(orders(3))
    assert f"answered {status} with a web page" in caught.value.message
    assert caught.value.result is not None
    assert caught.value.result.ranges == [(0, 3, "unsent")]


def test_a_sender_keeps_rows_that_a_filter_turned_away() -> None:
    page = http(403, b"<html>Blocked</html>", request_id=False, Content_Type="text/html")
    heard: list[pbi.PowerBIPushError] = []
    with FaultServer(page) as server:
        sender = server.table(retry=None).sender(max_delay=0.001, on_error=heard.append)
        sender.send({"Id": 1})
        server.wait_for_posts(1)
        with pytest.raises(pbi.UndeliveredError):
            sender.close(timeout=0.5)
        assert (sender.stats.rejected, sender.stats.pending) == (0, 1)
    assert isinstance(heard[0], pbi.TransportError)
