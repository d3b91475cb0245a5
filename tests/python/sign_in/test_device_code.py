"""A person enters a code on another device; this one waits, and then needs the person no more."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from canaries import check, everything_about
from conftest import orders, wait_until
from entra_server import CLIENT_ID, TENANT, EntraServer, Said, granted, jwt, refused
from fault_server import FaultServer
from powerbi_push.credentials import device_code
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
DEVICE_CODE = "canary-device/code+5e2f"
REFRESH = "canary-refresh/token+7d1c"
PAGE = "https://microsoft.com/devicelogin"


def code(**more: Any) -> Said:
    """What Entra says when it is asked for a code."""
    said = {"device_code": DEVICE_CODE, "user_code": "ABCD1234", "verification_uri": PAGE, "expires_in": 900}
    return Said(200, json.dumps(said | {"interval": 5} | more).encode())


def word(error: str) -> Said:
    return Said(400, json.dumps({"error": error, "error_description": f"{error} {DEVICE_CODE}"}).encode())


PENDING = word("authorization_pending")


def credential(entra: EntraServer, **more: Any) -> pbi.DeviceCodeCredential:
    more.setdefault("prompt", lambda *_: None)
    return pbi.DeviceCodeCredential(CLIENT_ID, authority=entra.authority, **more)


def test_the_person_is_told_and_asked_for_at_the_pace_that_entra_wants(virtual: Emulator) -> None:
    told: list[Any] = []
    with EntraServer(code(), PENDING, word("slow_down"), PENDING, granted(access_token=jwt(number=7))) as entra:
        token = credential(entra, tenant_id=TENANT, prompt=lambda *given: told.append(given)).get_token(SCOPE)
        first, *polls = entra.received
    assert token.token == jwt(number=7)
    ((page, shown, ends),) = told
    assert (page, shown, ends.tzinfo) == (PAGE, "ABCD1234", UTC)
    assert 880 < (ends - datetime.now(UTC)).total_seconds() <= 900
    assert first.path == f"/{TENANT}/oauth2/v2.0/devicecode"
    assert first.form == {"client_id": CLIENT_ID, "scope": f"{SCOPE} offline_access"}
    assert {poll.path for poll in polls} == {f"/{TENANT}/oauth2/v2.0/token"}
    expected = {
        "client_id": CLIENT_ID,
        "scope": f"{SCOPE} offline_access",
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": DEVICE_CODE,
    }
    assert [poll.form for poll in polls] == [expected] * 4
    # 5, 5, then 10 and 10 seconds.
    assert virtual.now == 30


def test_rows_are_pushed_with_the_persons_token(virtual: Emulator) -> None:
    assert virtual.now == 0
    with EntraServer(code(), PENDING, granted()) as entra, FaultServer() as server:
        assert server.table(credential=credential(entra)).push(orders(1)).ok
        assert bearer(server) == [f"Bearer {jwt(tid=TENANT)}"] * 2
    assert entra.received[0].path.startswith("/organizations/")


def test_the_person_is_asked_once_and_the_refresh_token_serves_then(virtual: Emulator) -> None:
    prompts: list[Any] = []
    answers = [code(), granted(refresh_token=REFRESH), granted(refresh_token=f"{REFRESH}2"), granted(), granted()]
    with EntraServer(*answers) as entra:
        one = credential(entra, prompt=lambda *given: prompts.append(given))
        for _ in range(4):
            one.get_token(SCOPE)
            virtual.advance(3_590)
        refreshes = [asked.form for asked in entra.received[2:]]
    assert len(prompts) == 1
    known = {"client_id": CLIENT_ID, "scope": f"{SCOPE} offline_access", "grant_type": "refresh_token"}
    tokens = [REFRESH, f"{REFRESH}2", f"{REFRESH}2"]
    assert refreshes == [{**known, "refresh_token": token} for token in tokens]


@pytest.mark.parametrize("ended", [refused(700082, "invalid_grant", 400), word("interaction_required")])
def test_the_person_is_asked_again_where_the_refresh_token_has_ended(virtual: Emulator, ended: Said) -> None:
    prompts: list[Any] = []
    with EntraServer(code(), granted(refresh_token=REFRESH), ended, code(), granted()) as entra:
        one = credential(entra, prompt=lambda *given: prompts.append(given))
        one.get_token(SCOPE)
        virtual.advance(3_600)
        one.get_token(SCOPE)
        assert len(entra.received) == 5
    assert len(prompts) == 2


def test_nobody_is_bothered_while_the_token_at_hand_is_good(virtual: Emulator) -> None:
    prompts: list[Any] = []
    with EntraServer(code(), granted()) as entra:
        one = credential(entra, prompt=lambda *given: prompts.append(given))
        first = one.get_token(SCOPE)
        virtual.advance(3_400)
        assert one.get_token(SCOPE) == first
        assert len(entra.received) == 2
        virtual.advance(200)
        with pytest.raises(pbi.AuthenticationError):  # the last answer is no code
            one.get_token(SCOPE)
    assert len(prompts) == 1


def test_an_interval_of_nothing_is_a_second(virtual: Emulator) -> None:
    with EntraServer(code(interval=0), PENDING, PENDING, granted()) as entra:
        credential(entra).get_token(SCOPE)
        assert len(entra.received) == 4
    assert virtual.now == 3


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**63, "9" * 19])
def test_an_end_beyond_every_calendar_is_told_as_the_last_day(virtual: Emulator, seconds: object) -> None:
    told: list[Any] = []
    with EntraServer(code(expires_in=seconds), granted()) as entra:
        credential(entra, prompt=lambda *given: told.append(given)).get_token(SCOPE)
    assert told[0][2] == datetime(9999, 12, 31, tzinfo=UTC)
    assert virtual.now == 5


def test_a_sign_in_goes_on_when_whoever_began_it_leaves(virtual: Emulator) -> None:
    prompts: list[Any] = []
    assert virtual.now == 0
    with EntraServer(code(), granted(access_token=jwt(number=7))) as entra:

        def prompt(*given: Any) -> None:
            entra.go.clear()
            prompts.append(given)

        async def leave() -> str:
            one = credential(entra, prompt=prompt)
            first, second = (asyncio.create_task(one.get_token_async(SCOPE)) for _ in range(2))
            await asyncio.to_thread(wait_until, lambda: len(entra.received) == 2)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            entra.go.set()
            return (await second).token

        assert asyncio.run(leave()) == jwt(number=7)
        assert len(entra.received) == 2
    assert len(prompts) == 1


@pytest.mark.parametrize("leaves", [KeyboardInterrupt, asyncio.CancelledError])
def test_what_prompt_raises_to_end_more_than_the_sign_in_stays_itself(leaves: Any) -> None:
    def prompt(*_: Any) -> None:
        raise leaves

    with EntraServer(code()) as server, pytest.raises(leaves):
        credential(server, prompt=prompt).get_token(SCOPE)


ENDS: dict[str, tuple[list[Said], str, str]] = {
    "declined": ([word("authorization_declined")], "authorization_declined", "cancelled or declined"),
    "expired": ([word("expired_token")], "expired_token", "enter the new code in time"),
    "a wrong code": ([word("bad_verification_code")], "bad_verification_code", "enter the new code in time"),
    "no public client": ([refused(7000218)], "7000218", "Allow public client flows"),
    "blocked": ([refused(53003, "access_denied", 400)], "53003", "Conditional Access"),
}


@pytest.mark.parametrize(("answers", "message", "hint"), ENDS.values(), ids=ENDS)
def test_a_sign_in_that_does_not_come_about_says_why(
    virtual: Emulator, answers: list[Said], message: str, hint: str
) -> None:
    assert virtual.now == 0
    with EntraServer(code(), PENDING, *answers) as entra:
        with pytest.raises(pbi.AuthenticationError, match=message) as caught:
            credential(entra).get_token(SCOPE)
        assert len(entra.received) == 3
    assert hint in (caught.value.hint or "")
    check(everything_about(caught.value), DEVICE_CODE)


def test_a_code_that_nobody_enters_ends_by_itself(virtual: Emulator) -> None:
    with EntraServer(code(expires_in="60", interval="20"), PENDING) as entra:
        with pytest.raises(pbi.AuthenticationError, match="nobody entered the code in time"):
            credential(entra).get_token(SCOPE)
        assert len(entra.received) == 4
    assert virtual.now == 60


@pytest.mark.parametrize("more", [{"verification_uri": "http://example.org"}, {"user_code": ""}, {"device_code": None}])
def test_a_code_that_is_none_is_shown_to_nobody(more: dict[str, Any]) -> None:
    told: list[Any] = []
    with EntraServer(code(**more)) as entra, pytest.raises(pbi.AuthenticationError):
        credential(entra, prompt=lambda *given: told.append(given)).get_token(SCOPE)
    assert told == []


def test_what_the_prompt_raises_ends_the_sign_in() -> None:
    def broken(*_: Any) -> None:
        msg = "no display"
        raise OSError(msg)

    with EntraServer(code()) as entra:
        with pytest.raises(pbi.AuthenticationError, match=r"`prompt` of .* failed: OSError: no display") as it:
            credential(entra, prompt=broken).get_token(SCOPE)
        assert isinstance(it.value.__cause__, OSError)
        assert len(entra.received) == 1


def test_where_nobody_watches_the_way_out_is_said() -> None:
    with EntraServer(code()) as entra, pytest.raises(pbi.AuthenticationError, match="nobody watches") as caught:
        credential(entra, prompt=None).get_token(SCOPE)
    assert isinstance(caught.value.__cause__, pbi.ConfigurationError)
    assert "prompt=" in (caught.value.__cause__.hint or "")


def test_in_a_terminal_the_code_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(device_code, "is_watched", lambda: True)
    device_code.show(PAGE, "ABCD1234", datetime(2026, 1, 1, 12, tzinfo=UTC))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"To sign in, open {PAGE} and enter the code ABCD1234 (until ")
    assert err.count("\n") == 1


def test_in_a_notebook_the_page_is_a_link_and_nothing_of_it_is_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    display = SimpleNamespace(display=shown.append, HTML=lambda text: text)
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell, display=display))
    device_code.show(f"{PAGE}?a&b", "<b>", datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert f'<a href="{PAGE}?a&amp;b"' in shown[0]
    assert "&lt;b&gt;" in shown[0]


def test_it_can_be_awaited_and_others_run_meanwhile(virtual: Emulator) -> None:
    assert virtual.now == 0
    with EntraServer(code(), granted()) as entra:
        one = credential(entra)

        async def ask() -> list[pbi.AccessToken]:
            return await asyncio.gather(*(one.get_token_async(SCOPE) for _ in range(5)))

        assert len(set(asyncio.run(ask()))) == 1
        assert len(entra.received) == 2


def test_the_code_is_no_secret_and_the_rest_is(entra: EntraServer) -> None:
    one = credential(entra)
    assert repr(one) == f"DeviceCodeCredential(tenant_id='organizations', client_id='{CLIENT_ID}')"
