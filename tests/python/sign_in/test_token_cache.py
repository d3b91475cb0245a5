"""A person signs in once, and other processes of the same user go on with that, until it is ended."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import webbrowser
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from command import Command
from conftest import meanwhile, wait_until
from entra_server import CLIENT_ID, TENANT, EntraServer, granted, refused
from person import Person, as_browser
from powerbi_push.emulator import Emulator
from test_credentials import SCOPES
from test_device_code import code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCOPE = SCOPES["public"]
REFRESH = "canary-refresh+token/5e2f"
ENDED = refused(700082, "invalid_grant", 400)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "of its own" / "sign-ins"


def credential(entra: EntraServer, cache: Path | None, **more: Any) -> pbi.DeviceCodeCredential:
    given = {"client_id": CLIENT_ID, "tenant_id": TENANT, "prompt": lambda *_: None, "authority": entra.authority}
    return pbi.DeviceCodeCredential(**{**given, "cache": cache, **more})


def kinds(entra: EntraServer) -> list[str]:
    """What was asked for, and with which token."""
    return [asked.form.get("refresh_token") or asked.form.get("grant_type", "a code")[-11:] for asked in entra.received]


def test_who_has_signed_in_is_not_asked_in_the_next_process(cache: Path, virtual: Emulator) -> None:
    with EntraServer(code(), granted(refresh_token=REFRESH), granted(refresh_token=f"{REFRESH}2"), granted()) as entra:
        credential(entra, cache).get_token(SCOPE)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o600
        assert stat.S_IMODE(cache.parent.stat().st_mode) == 0o700
        one = credential(entra, str(cache))  # type: ignore[arg-type]
        one.get_token(SCOPE)
        virtual.advance(3_600)
        one.get_token(SCOPE)
        assert kinds(entra) == ["a code", "device_code", REFRESH, f"{REFRESH}2"]
    kept = json.loads(cache.read_text())["sign_ins"]
    assert kept == [
        {
            "tenant": TENANT,
            "client": CLIENT_ID,
            "authority": f"{entra.authority}/",
            "scope": SCOPE,
            "refresh_token": f"{REFRESH}2",
        }
    ]


def test_tenant_client_authority_and_scope_have_a_sign_in_each(cache: Path, virtual: Emulator) -> None:
    assert virtual.now == 0
    others: list[tuple[dict[str, Any], str]] = [
        ({"tenant_id": "fabrikam.com"}, SCOPE),
        ({"client_id": CLIENT_ID.replace("1", "2")}, SCOPE),
        ({}, SCOPES["usgov"]),
    ]
    with EntraServer(code(), granted(refresh_token=REFRESH)) as entra:
        credential(entra, cache).get_token(SCOPE)
    for other, scope in others:
        with EntraServer(code(), granted()) as another:
            credential(another, cache, authority=entra.authority.replace("127.0.0.1", "localhost"))
            credential(another, cache, **other).get_token(scope)
            assert kinds(another) == ["a code", "device_code"]


def test_a_cache_in_the_home_folder_is_there(
    tmp_path: Path, virtual: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert virtual.now == 0
    with EntraServer(code(), granted(refresh_token=REFRESH)) as entra:
        credential(entra, "~/of mine/sign-ins").get_token(SCOPE)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["of mine"]
    assert pbi.logout("~/of mine/sign-ins")
    with pytest.raises(pbi.ConfigurationError, match="begins with ~ and is in no home folder"):
        pbi.logout("~somebody/sign-ins")


def test_a_sign_in_that_has_ended_is_forgotten_and_the_person_asked(cache: Path, virtual: Emulator) -> None:
    assert virtual.now == 0
    with EntraServer(code(), granted(refresh_token=REFRESH), ENDED, code(), granted()) as entra:
        credential(entra, cache).get_token(SCOPE)
        credential(entra, cache).get_token(SCOPE)
        assert kinds(entra) == ["a code", "device_code", REFRESH, "a code", "device_code"]
    assert json.loads(cache.read_text())["sign_ins"] == []


def test_what_another_process_has_put_there_meanwhile_is_taken(cache: Path, virtual: Emulator) -> None:
    assert virtual.now == 0
    with EntraServer(code(), granted(refresh_token=REFRESH), ENDED, granted()) as entra:
        credential(entra, cache).get_token(SCOPE)
        entra.go.clear()
        one = credential(entra, cache)

        def change() -> None:
            wait_until(lambda: len(entra.received) == 3)
            cache.write_text(cache.read_text().replace(REFRESH, "the next one"))
            entra.go.set()

        with meanwhile(change):
            one.get_token(SCOPE)
        assert kinds(entra)[2:] == [REFRESH, "the next one"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_cache_that_others_can_read_is_refused(cache: Path, entra: EntraServer, mode: int) -> None:
    cache.parent.mkdir(mode=0o700)
    cache.write_text("")
    cache.chmod(mode)
    with pytest.raises(pbi.ConfigurationError, match="can be reached by other users") as caught:
        credential(entra, cache)
    assert "Revoke sessions" in (caught.value.hint or "")
    with pytest.raises(pbi.ConfigurationError, match="can be reached by other users"):
        pbi.logout(cache)
    assert (cache.exists(), entra.received) == (True, [])


def test_a_cache_that_is_opened_to_others_later_is_refused_before_the_person_is_asked(
    cache: Path, virtual: Emulator
) -> None:
    with EntraServer(code(), granted(refresh_token=REFRESH)) as entra:
        one = credential(entra, cache)
        one.get_token(SCOPE)
        cache.parent.chmod(0o755)
        virtual.advance(3_600)
        with pytest.raises(pbi.ConfigurationError, match="its folder can be reached") as caught:
            one.get_token(SCOPE)
        assert len(entra.received) == 2
    check(everything_about(caught.value), REFRESH)


def test_no_link_is_followed(cache: Path, entra: EntraServer, tmp_path: Path) -> None:
    cache.parent.mkdir(mode=0o700)
    (tmp_path / "elsewhere").write_text("")
    cache.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(pbi.ConfigurationError, match="is a link, and none is followed"):
        credential(entra, cache)
    with pytest.raises(pbi.ConfigurationError, match="is a link, and none is followed"):
        pbi.logout(cache)
    assert (tmp_path / "elsewhere").read_text() == ""


def test_logout_ends_it(cache: Path, virtual: Emulator) -> None:
    assert virtual.now == 0
    assert not pbi.logout(cache)
    with EntraServer(code(), granted(refresh_token=REFRESH), code(), granted()) as entra:
        credential(entra, cache).get_token(SCOPE)
        assert pbi.logout(cache)
        assert list(cache.parent.iterdir()) == []
        assert not pbi.logout(str(cache))
        credential(entra, cache).get_token(SCOPE)
        assert kinds(entra) == ["a code", "device_code"] * 2


def test_nothing_of_somebody_else_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o700)
    (folder / "notes").write_text("hello")
    (folder / "notes").chmod(0o600)
    with pytest.raises(pbi.ConfigurationError, match="no cache of sign-ins"):
        pbi.logout(folder / "notes")
    assert (folder / "notes").read_text() == "hello"
    with pytest.raises(pbi.ConfigurationError):
        pbi.logout(folder)


def test_without_a_cache_nothing_is_written(tmp_path: Path, virtual: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert virtual.now == 0
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME")
    with EntraServer(code(), granted(refresh_token=REFRESH)) as entra:
        credential(entra, None).get_token(SCOPE)
    assert list(tmp_path.rglob("*")) == []


def test_two_programs_at_once_lose_no_sign_in(cache: Path, virtual: Emulator) -> None:
    assert virtual.now == 0
    program = f"""
    import sys, powerbi_push as pbi
    cache, authority, tenant = sys.argv[1:]
    one = pbi.DeviceCodeCredential({CLIENT_ID!r}, tenant_id=tenant, prompt=print, authority=authority, cache=cache)
    one.get_token({SCOPE!r})
    """
    with EntraServer(code(interval=0), *[granted(refresh_token=REFRESH)]) as entra:
        first = credential(entra, cache)
        first.get_token(SCOPE)
        environment = {**os.environ, "XDG_STATE_HOME": str(cache.parent)}
        running = [
            subprocess.Popen(
                [sys.executable, "-c", dedent(program), str(cache), entra.authority, TENANT], env=environment
            )
            for _ in range(2)
        ]
        assert [one.wait(50) for one in running] == [0, 0]
    assert len(json.loads(cache.read_text())["sign_ins"]) == 1


# The command line.


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    with Emulator() as emulator:
        command = Command(emulator, tmp_path)
        command.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
        yield command


def kept(command: Command) -> Path:
    return command.folder / "state" / "powerbi-push" / "sign-ins.json"


def browser(command: Command, button: str = "accept") -> dict[str, str]:
    """The system's browser, with a person who clicks a button of the page."""
    return {"BROWSER": as_browser(command.folder, button), "AZURE_CLIENT_ID": command.emulator.client_id}


def test_login_shows_the_code_of_a_device_whatever_else_is_heard(command: Command) -> None:
    with EntraServer(code(interval=0), granted(refresh_token=REFRESH)) as entra:
        where = {"POWERBI_PUSH_EMULATOR": "", "AZURE_AUTHORITY_HOST": entra.authority, "AZURE_CLIENT_ID": CLIENT_ID}
        ran = command("--quiet", "login", "--device-code", "--tenant", TENANT, where=where)
        assert (ran.code, kinds(entra)) == (0, ["a code", "device_code"])
    assert ran.err.startswith("To sign in, open https://microsoft.com/devicelogin and enter the code ABCD1234 (until ")
    assert REFRESH in kept(command).read_text()


def test_programs_go_on_with_a_login(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator = command.emulator
    ran = command("login", "--client-id", emulator.client_id, "--tenant", emulator.tenant_id, where=browser(command))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"signed in as the user `emulator@localhost` of the tenant `{emulator.tenant_id}`\n"
    assert stat.S_IMODE(kept(command).stat().st_mode) == 0o600
    # A program that is given no credential.
    monkeypatch.setenv("XDG_STATE_HOME", str(command.folder / "state"))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", emulator.url)
    client = pbi.Client(base_url=emulator.url)
    client.create_dataset(pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})]))
    assert client.dataset("Sales").table("Orders").push([{"Id": 1}]).ok
    # Where the service has ended it that is said, and nothing else is tried.
    emulator.revoke_sign_ins()
    with pytest.raises(pbi.AuthenticationError, match="has ended") as caught:
        pbi.DefaultAzureCredential().get_token(SCOPE)
    assert "powerbi-push login" in (caught.value.hint or "")


def test_login_opens_the_browser_and_logout_forgets(command: Command) -> None:
    ran = command("--json", "login", where=browser(command))
    assert ran.code == 0, ran.err
    expires = ran.json["expires_on"]
    tenant = command.emulator.tenant_id
    assert ran.json == {"ok": True, "user": "emulator@localhost", "tenant": tenant, "expires_on": expires}
    assert kept(command).exists()
    assert command("--json", "logout").json == {"ok": True, "signed_out": True}
    assert not kept(command).exists()
    assert command("logout").out == "nobody was signed in\n"


def test_login_without_an_app_says_how_to_register_one(command: Command) -> None:
    ran = command("login")
    assert (ran.code, ran.out) == (2, "")
    for words in ("--client-id", "AZURE_CLIENT_ID", "App registrations", "http://localhost"):
        assert words in ran.err


def test_a_login_that_is_declined_keeps_nothing(command: Command) -> None:
    ran = command("--json", "login", where=browser(command, "decline"))
    assert (ran.code, ran.json["error"]["code"]) == (1, "access_denied"), ran.out
    assert not kept(command).exists()


def test_the_doctor_is_told_of_a_login(powerbi: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person = Person(powerbi)
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(person.sign_in(url)))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", powerbi.url)
    where = tmp_path / "powerbi-push" / "sign-ins.json"
    pbi.InteractiveBrowserCredential(powerbi.client_id, cache=where).get_token(SCOPE)
    report = pbi.doctor(base_url=powerbi.url)
    assert report.ok, str(report)
    assert "signed in as the user `emulator@localhost`" in str(report)
