"""A person signs in with the browser of this machine, which comes back to a port of it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import webbrowser
from textwrap import dedent
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import orders, wait_until
from entra_server import CLIENT_ID, TENANT, EntraServer, Said, granted, jwt, refused
from fault_server import FaultServer
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
CODE = "canary-code/5e2f+7d1c"


def credential(entra: EntraServer, **more: Any) -> pbi.InteractiveBrowserCredential:
    return pbi.InteractiveBrowserCredential(CLIENT_ID, authority=entra.authority, **more)


class Page:
    """Entra's page as a browser has opened it."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)
        self.asked = dict(parse_qsl(self.url.query))
        self.port = urlsplit(self.asked["redirect_uri"]).port or 0

    def come_back(self, host: str = "127.0.0.1", path: str = "/", method: str = "GET", **brought: str) -> Any:
        """Go where Entra sends the browser; status, headers and text of what is there."""
        line = http.client.HTTPConnection(host, self.port, timeout=10)
        line.request(method, f"{path}?{urlencode({'state': self.asked['state']} | brought)}")
        answer = line.getresponse()
        shown = answer.status, dict(answer.getheaders()), answer.read().decode()
        line.close()
        return shown


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Page], object]], list[Page]]:
    """Stand in for the system's browser: do something with each page that is opened."""
    opened: list[Page] = []

    def act(work: Callable[[Page], object]) -> list[Page]:
        def open_page(url: str) -> bool:
            opened.append(Page(url))
            work(opened[-1])
            return True

        monkeypatch.setattr(webbrowser, "open", open_page)
        return opened

    return act


def test_the_browser_brings_the_code_that_fetches_the_token(browser: Any) -> None:
    shown: list[Any] = []
    pages = browser(lambda page: shown.append(page.come_back(code=CODE)))
    with EntraServer(granted(access_token=jwt(number=7))) as entra:
        assert credential(entra, tenant_id=TENANT).get_token(SCOPE).token == jwt(number=7)
        (asked,) = entra.received
        (page,) = pages
        assert f"{page.url.scheme}://{page.url.netloc}" == entra.authority
    assert page.url.path == f"/{TENANT}/oauth2/v2.0/authorize"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(asked.form["code_verifier"].encode()).digest()).decode()
    assert page.asked == {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": f"http://localhost:{page.port}",
        "response_mode": "query",
        "scope": f"{SCOPE} offline_access",
        "state": page.asked["state"],
        "code_challenge": challenge.rstrip("="),
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }
    assert len(page.asked["state"]) == len(asked.form["code_verifier"]) == 43
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert asked.form == {
        "client_id": CLIENT_ID,
        "scope": f"{SCOPE} offline_access",
        "grant_type": "authorization_code",
        "code": CODE,
        "redirect_uri": f"http://localhost:{page.port}",
        "code_verifier": asked.form["code_verifier"],
    }
    wait_until(lambda: shown)
    ((status, headers, text),) = shown
    assert (status, headers["Cache-Control"], headers["Referrer-Policy"]) == (200, "no-store", "no-referrer")
    assert "You can close this window" in text
    with pytest.raises(OSError, match="refused"):
        page.come_back(code=CODE)


@pytest.mark.parametrize("leaves", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_browser_is_no_failure_of_the_sign_in(browser: Any, leaves: Any) -> None:
    def interrupt(_: Page) -> None:
        raise leaves

    browser(interrupt)
    with EntraServer() as entra, pytest.raises(leaves):
        credential(entra).get_token(SCOPE)


def test_a_browser_that_fails_says_what_to_do(browser: Any) -> None:
    def fail(_: Page) -> None:
        raise webbrowser.Error

    browser(fail)
    with EntraServer() as entra, pytest.raises(pbi.AuthenticationError, match="the browser of the sign-in") as caught:
        credential(entra).get_token(SCOPE)
    assert "set BROWSER" in (caught.value.hint or "")


def test_whoever_has_no_secret_is_not_told_to_check_it(browser: Any) -> None:
    browser(lambda page: page.come_back())
    with EntraServer() as entra, pytest.raises(pbi.AuthenticationError, match="neither a code nor an error") as caught:
        credential(entra).get_token(SCOPE)
    assert caught.value.hint == "check tenant_id and client_id"
    browser(lambda page: page.come_back(code=CODE))
    with EntraServer(refused(1)) as entra, pytest.raises(pbi.AuthenticationError) as caught:
        credential(entra).get_token(SCOPE)
    assert (caught.value.hint or "").startswith("check tenant_id and client_id; ")


def test_each_sign_in_has_its_own_state_and_verifier(browser: Any) -> None:
    pages = browser(lambda page: page.come_back(code=CODE))
    with EntraServer(granted()) as entra:
        for _ in range(2):
            credential(entra).get_token(SCOPE)
        verifiers = {asked.form["code_verifier"] for asked in entra.received}
    assert (len(verifiers), len({page.asked["state"] for page in pages})) == (2, 2)


def test_rows_are_pushed_with_the_persons_token_and_the_person_comes_once(browser: Any, virtual: Emulator) -> None:
    pages = browser(lambda page: page.come_back(code=CODE))
    with EntraServer(granted(refresh_token="canary-refresh"), granted()) as entra, FaultServer() as server:
        table = server.table(credential=credential(entra))
        assert table.push(orders(1)).ok
        virtual.advance(3_600)
        assert table.push(orders(1)).ok
        assert bearer(server) == [f"Bearer {jwt(tid=TENANT)}"] * 3
        assert [asked.form["grant_type"] for asked in entra.received] == ["authorization_code", "refresh_token"]
    assert len(pages) == 1


def test_what_others_send_to_the_port_changes_nothing(browser: Any) -> None:
    shown: list[int] = []

    def act(page: Page) -> None:
        for path, method, brought in (
            ("/", "GET", {"state": "another", "code": "evil"}),
            ("/", "GET", {"state": "", "error": "access_denied"}),
            ("/favicon.ico", "GET", {"code": "evil"}),
            ("/", "POST", {"code": "evil"}),
        ):
            shown.append(page.come_back(path=path, method=method, **brought)[0])
        with (
            socket.create_connection(("127.0.0.1", page.port)) as idle,
            socket.create_connection(("127.0.0.1", page.port)) as rude,
        ):
            rude.sendall(b"\x16\x03\x01\x00\r\n\r\n")
            shown.append(page.come_back(code=CODE)[0])
            assert idle.fileno() > 0

    browser(act)
    with EntraServer(granted()) as entra:
        credential(entra).get_token(SCOPE)
        assert entra.received[0].form["code"] == CODE
    assert shown == [404, 404, 404, 404, 200]


def test_the_browser_may_come_back_by_the_newer_internet_protocol(browser: Any) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    browser(lambda page: page.come_back(host="::1", code=CODE))
    with EntraServer(granted()) as entra:
        credential(entra).get_token(SCOPE)


def test_the_port_may_be_chosen(browser: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pages = browser(lambda page: page.come_back(code=CODE))
    with EntraServer(granted()) as entra:
        credential(entra, redirect_port=port).get_token(SCOPE)
    assert pages[0].port == port


def test_a_port_that_is_taken_is_said_and_no_browser_opened(browser: Any) -> None:
    pages = browser(lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as taken, EntraServer() as entra:
        port = taken.getsockname()[1]
        with pytest.raises(pbi.AuthenticationError, match=f"the port {port} of this machine") as caught:
            credential(entra, redirect_port=port).get_token(SCOPE)
        assert entra.received == []
    assert "redirect_port=" in (caught.value.hint or "")
    assert pages == []


REFUSALS = {
    "cancelled": ({"error": "access_denied", "error_description": "AADSTS65004: declined"}, "access_denied", "consent"),
    "no words": ({"error": "access_denied"}, "access_denied", "cancelled or declined"),
    "another app": ({"error": "x", "error_description": "AADSTS700016: No app.\r\nTrace ID: 1"}, "No app", "client_id"),
    "nothing": ({}, "neither a code nor an error", ""),
}


@pytest.mark.parametrize(("brought", "message", "hint"), REFUSALS.values(), ids=REFUSALS)
def test_what_the_browser_brings_instead_of_a_code_is_said(
    browser: Any, brought: dict[str, str], message: str, hint: str
) -> None:
    shown: list[Any] = []
    browser(lambda page: shown.append(page.come_back(**brought)))
    with EntraServer() as entra:
        with pytest.raises(pbi.AuthenticationError, match=message) as caught:
            credential(entra).get_token(SCOPE)
        assert entra.received == []
    assert hint in (caught.value.hint or "")
    assert "Trace ID" not in str(caught.value)
    wait_until(lambda: shown)
    assert "did not work" in shown[0][2]


def test_a_code_that_entra_refuses_is_shown_nowhere(browser: Any) -> None:
    browser(lambda page: page.come_back(code=CODE))
    refusal = Said(400, f'{{"error": "invalid_grant", "error_description": "AADSTS54005: {CODE}"}}'.encode())
    with EntraServer(refusal) as entra, pytest.raises(pbi.AuthenticationError, match="54005") as caught:
        credential(entra).get_token(SCOPE)
    check(everything_about(caught.value), CODE)
    assert "anew" in (caught.value.hint or "")


def test_a_missing_redirect_address_is_said(browser: Any) -> None:
    browser(lambda page: page.come_back(code=CODE))
    with EntraServer(refused(50011, "invalid_request", 400)) as entra, pytest.raises(pbi.AuthenticationError) as caught:
        credential(entra).get_token(SCOPE)
    assert "redirect address" in (caught.value.hint or "")


def test_where_there_is_no_browser_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    with EntraServer() as entra, pytest.raises(pbi.AuthenticationError, match="no browser could be opened") as caught:
        credential(entra).get_token(SCOPE)
    assert "DeviceCodeCredential" in (caught.value.hint or "")
    assert "BROWSER" in (caught.value.hint or "")


def test_what_the_browser_raises_ends_the_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> bool:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "open", broken)
    with (
        EntraServer() as entra,
        pytest.raises(pbi.AuthenticationError, match="the browser of the sign-in failed") as it,
    ):
        credential(entra).get_token(SCOPE)
    assert isinstance(it.value.__cause__, webbrowser.Error)


def test_whoever_does_not_come_back_is_waited_for_five_minutes(browser: Any, virtual: Emulator) -> None:
    browser(lambda _: virtual.advance(299))
    with EntraServer() as entra:

        def leave(_: Page) -> None:
            virtual.advance(300)

        browser(leave)
        with pytest.raises(pbi.AuthenticationError, match="nobody signed in within 300 s"):
            credential(entra).get_token(SCOPE)


def test_the_variable_of_the_system_names_the_browser(tmp_path: Path) -> None:
    script = tmp_path / "browser.py"
    script.write_text(
        dedent("""
        import http.client, sys
        from urllib.parse import parse_qsl, urlencode, urlsplit
        asked = dict(parse_qsl(urlsplit(sys.argv[1]).query))
        line = http.client.HTTPConnection("localhost", urlsplit(asked["redirect_uri"]).port)
        line.request("GET", "/?" + urlencode({"state": asked["state"], "code": "from-the-command"}))
        assert line.getresponse().status == 200
        """)
    )
    with EntraServer(granted()) as entra:
        program = f"""
        import powerbi_push as pbi
        one = pbi.InteractiveBrowserCredential({CLIENT_ID!r}, authority={entra.authority!r})
        print(one.get_token({SCOPE!r}).expires_on > 0)
        """
        known = {**os.environ, "BROWSER": f"{sys.executable} {script} %s"}
        ran = subprocess.run(
            [sys.executable, "-c", dedent(program)], check=False, env=known, capture_output=True, text=True, timeout=50
        )
        assert (ran.stdout, ran.stderr) == ("True\n", "")
        assert entra.received[0].form["code"] == "from-the-command"


def test_a_credential_shows_who_signs_in(entra: EntraServer) -> None:
    shown = f"InteractiveBrowserCredential(tenant_id='organizations', client_id='{CLIENT_ID}')"
    assert repr(credential(entra)) == shown
