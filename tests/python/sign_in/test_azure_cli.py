"""Whoever is signed in to the Azure CLI: a stand-in for `az` that notes what it was asked."""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import meanwhile, orders, wait_until
from entra_server import TENANT, jwt
from fault_server import FaultServer
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
TOKEN = jwt(tid="canary-of-az")
SAID = {"accessToken": TOKEN, "expiresOn": "2001-01-01 00:00:00.000000", "expires_on": 2_000_000_000, "tenant": "t"}


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put an `az` on the PATH that does so much; the file that it gives has what it was called with."""
    asked = tmp_path / "asked"

    def install(out: str = json.dumps(SAID), err: str = "", code: int = 0, then: str = "") -> Path:
        program = tmp_path / "az"
        program.write_text(
            f"#!{sys.executable}\nimport sys\nopen({str(asked)!r}, 'a').write(repr(sys.argv[1:]) + '\\n')\n"
            f"sys.stdout.write({out!r})\nsys.stderr.write({err!r})\nsys.stdout.flush()\n{then}\nsys.exit({code})\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f".:{tmp_path}")
        return asked

    return install


def test_az_is_asked_for_a_token_of_power_bi(az: Callable[..., Path]) -> None:
    asked = az()
    token = pbi.AzureCliCredential().get_token(SCOPE)
    assert (token.token, token.expires_on) == (TOKEN, 2_000_000_000)
    resource = SCOPE.removesuffix("/.default")
    assert asked.read_text() == (f"['account', 'get-access-token', '--output', 'json', '--resource', '{resource}']\n")


def test_rows_are_pushed_and_az_is_run_once(az: Callable[..., Path]) -> None:
    asked = az()
    one = pbi.AzureCliCredential(tenant_id=TENANT)
    with FaultServer() as server:
        table = server.table(credential=one, cloud="china")
        for _ in range(3):
            assert table.push(orders(1)).ok
        assert set(bearer(server)) == {f"Bearer {TOKEN}"}
    (line,) = asked.read_text().splitlines()
    assert f"'--resource', '{SCOPES['china'].removesuffix('/.default')}', '--tenant', '{TENANT}']" in line
    assert repr(one) == f"AzureCliCredential(tenant_id='{TENANT}')"


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "not signed in": ({"out": "", "err": "ERROR: Please run 'az login' to setup account.\n", "code": 1}, "Please run"),
    "no JSON": ({"out": "hello"}, "gave no token"),
    "no token": ({"out": "{}"}, "gave no token"),
    "a token of a failure": ({"code": 3, "err": "it broke"}, "it broke"),
    "much": ({"out": "x" * 10_000_000}, "gave no token"),
}


@pytest.mark.parametrize(("does", "said"), FAILURES.values(), ids=FAILURES)
def test_what_az_does_instead_is_said(az: Callable[..., Path], does: dict[str, Any], said: str) -> None:
    az(**does)
    with pytest.raises(pbi.AuthenticationError, match=said) as caught:
        pbi.AzureCliCredential().get_token(SCOPE)
    assert "az login" in (caught.value.hint or "")
    check(everything_about(caught.value), TOKEN)


def test_a_token_on_stderr_is_not_repeated(az: Callable[..., Path]) -> None:
    az(out="", err=f"ERROR: {TOKEN} is none", code=1)
    with pytest.raises(pbi.AuthenticationError, match=r"ERROR: \*\*\* is none") as caught:
        pbi.AzureCliCredential().get_token(SCOPE)
    check(everything_about(caught.value), TOKEN)


def child(port: int) -> str:
    """What begins a child of `az` that stays, with its pipes, as long as a connection to this port does."""
    program = f"import socket; one = socket.create_connection(('127.0.0.1', {port})); one.sendall(b'x'); one.recv(1)"
    return f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {program!r}])"


def test_an_az_that_has_answered_is_not_waited_for_though_it_left_a_child(az: Callable[..., Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        az(then=child(listener.getsockname()[1]))
        token = pbi.AzureCliCredential().get_token(SCOPE)
        one, _ = listener.accept()
        with one:
            assert (one.recv(1), token.token) == (b"x", TOKEN)


def test_an_az_that_is_given_up_ends_with_its_children(az: Callable[..., Path], virtual: Emulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        az(out="", then=f"{child(listener.getsockname()[1])}\nimport threading\nthreading.Event().wait(60)")
        children: list[socket.socket] = []

        def pass_time() -> None:
            children.append(listener.accept()[0])
            assert children[0].recv(1) == b"x"
            virtual.advance(7)

        client = virtual.client(credential=pbi.AzureCliCredential(), timeout=7)
        with meanwhile(pass_time), pytest.raises(pbi.AuthenticationError, match="did not answer within 7 s"):
            client.datasets()
        (one,) = children
        one.settimeout(30)
        with one:
            assert one.recv(1) == b""


def test_where_there_is_no_az_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pbi.AuthenticationError, match="there is no `az` on this machine's PATH"):
        pbi.AzureCliCredential().get_token(SCOPE)


def test_an_az_beside_the_program_is_not_run(
    az: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = az()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".:")
    with pytest.raises(pbi.AuthenticationError, match="there is no `az`"):
        pbi.AzureCliCredential().get_token(SCOPE)
    assert not asked.exists()


def test_a_scope_that_a_shell_could_misread_reaches_none(az: Callable[..., Path]) -> None:
    asked = az()
    with pytest.raises(pbi.AuthenticationError, match="cannot be one of the Azure CLI's"):
        pbi.AzureCliCredential().get_token("https://x & echo/.default")
    assert not asked.exists()


def test_an_az_that_never_ends_is_given_up(az: Callable[..., Path], virtual: Emulator, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    az(out="", then=f"open({str(begun)!r}, 'w').close()\nimport threading\nthreading.Event().wait(60)")

    def pass_time() -> None:
        wait_until(begun.exists)
        virtual.advance(30)

    with meanwhile(pass_time), pytest.raises(pbi.AuthenticationError, match="did not answer within 30 s"):
        pbi.AzureCliCredential().get_token(SCOPE)
