"""Tokens as people paste them: what stands around one is taken off, and what cannot be one is never sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from power_bi_server import POWER_BI, USER, examined, failed, power_bi, states, token

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

WHOLE = token(USER)
HEADER, PAYLOAD, SIGNATURE = WHOLE.split(".")


def is_taken(emulator: Emulator, credential: Any) -> bool:
    """Whether the emulator, which knows its own tokens and no others, takes what is sent."""
    return pbi.Client(credential, base_url=emulator.url).datasets() == []


@pytest.mark.parametrize(
    "pasted",
    ["{}", " {}\n", "Bearer {}", "bearer  {} ", '"{}"', "'Bearer {}'", 'Bearer "{}"\r\n'],
)
@pytest.mark.parametrize("is_called", [False, True])
def test_what_stands_around_a_token_is_taken_off(powerbi: Emulator, pasted: str, *, is_called: bool) -> None:
    good = powerbi.credential.get_token().token
    text = pasted.format(good)
    assert is_taken(powerbi, (lambda: text) if is_called else text)


@pytest.mark.parametrize("form", ["dict", "text", "quoted"])
def test_what_the_azure_cli_prints_is_a_credential(powerbi: Emulator, form: str) -> None:
    good = powerbi.credential.get_token().token
    printed = {"accessToken": good, "expiresOn": "2026-01-02 03:04:05", "tokenType": "Bearer"}
    credential: Any = printed if form == "dict" else json.dumps(printed, indent=2)
    if form == "quoted":
        credential = f"'{credential}'\n"
    assert is_taken(powerbi, credential)


def test_the_azure_clis_token_ends_when_it_says(powerbi: Emulator) -> None:
    printed = {"accessToken": "opaque", "expires_on": 1_700_000_000}
    with pytest.raises(pbi.AuthenticationError, match="has ended"):
        pbi.Client(printed, base_url=powerbi.url).datasets()
    assert powerbi.requests == []


CUT = [HEADER, f"{HEADER}.", f"{HEADER}.{PAYLOAD}", f"{HEADER}.{PAYLOAD}.", f"{HEADER}.{PAYLOAD[:-9]}.{SIGNATURE}"]
FLAWED = [
    ("", "is empty"),
    (" \n", "is empty"),
    ("Bearer ", "is empty"),
    ('""', "is empty"),
    ("two words", "has blanks or line ends inside"),
    (f"{HEADER}.\n{PAYLOAD}.{SIGNATURE}", "has blanks or line ends inside"),
    *((cut, "is a JSON Web Token that was cut") for cut in CUT),
]


@pytest.mark.parametrize(("text", "flaw"), FLAWED)
def test_a_given_text_that_cannot_be_a_token_is_refused_where_it_is_given(text: str, flaw: str) -> None:
    for credential in (text, {"access_token": text}, {"accessToken": text}):
        with pytest.raises(pbi.ConfigurationError, match=f"^the access token {flaw}") as caught:
            pbi.Client(credential)
        assert text.strip() == "" or text not in str(caught.value)


@pytest.mark.parametrize(("text", "flaw"), FLAWED)
def test_one_that_a_callable_returns_is_refused_before_it_is_sent(powerbi: Emulator, text: str, flaw: str) -> None:
    for answer in (text, (text, 4_000_000_000)):
        client = pbi.Client(lambda answer=answer: answer, base_url=powerbi.url)
        with pytest.raises(pbi.AuthenticationError, match=f"the access token that the credential gave {flaw}"):
            client.datasets()
    assert powerbi.requests == []


@pytest.mark.parametrize(("text", "flaw"), FLAWED)
def test_the_doctor_is_as_strict(powerbi: Emulator, text: str, flaw: str) -> None:
    given = failed(pbi.doctor(credential=text, base_url=powerbi.url))
    assert (given.name, flaw in given.message) == ("settings", True)
    called = failed(pbi.doctor(credential=lambda: text, base_url=powerbi.url))
    assert (called.name, flaw in called.message) == ("sign-in", True)
    assert powerbi.requests == []


@pytest.mark.parametrize("text", ["opaque", "a.b.c", "e30.W10.e30", "x" * 5_000])
def test_any_other_text_goes_out_and_the_hint_of_a_401_begins_with_that(powerbi: Emulator, text: str) -> None:
    with pytest.raises(pbi.ServiceError) as caught:
        pbi.Client(text, base_url=powerbi.url).datasets()
    assert caught.value.status == 401
    assert str(caught.value.hint).startswith("the token is no JSON Web Token: access tokens of Microsoft Entra begin")
    assert [request.status for request in powerbi.requests] == [401]


def test_a_json_web_token_that_is_refused_is_not_called_another_thing(powerbi: Emulator) -> None:
    with pytest.raises(pbi.ServiceError) as caught:
        pbi.Client(WHOLE, base_url=powerbi.url).datasets()
    assert caught.value.status == 401
    assert "JSON Web Token" not in str(caught.value.hint)


@pytest.mark.parametrize("is_called", [False, True])
@pytest.mark.parametrize(
    ("audience", "meant"),
    [
        ("https://graph.microsoft.com", "Microsoft Graph"),
        ("https://management.azure.com/", "Azure's management"),
        ("https://api.fabric.microsoft.com", "Microsoft Fabric"),
        ("https://analysis.chinacloudapi.cn/powerbi/api", "the Power BI of another cloud, "),
        (["https://example.org"], "`https://example.org`"),
    ],
)
def test_a_token_for_somebody_else_is_refused_before_anything_is_sent(
    powerbi: Emulator, audience: Any, meant: str, *, is_called: bool
) -> None:
    text = token(USER, aud=audience)
    client = pbi.Client((lambda: text) if is_called else text, base_url=powerbi.url)
    with pytest.raises(pbi.AuthenticationError, match=f"the token is for {meant}") as caught:
        client.datasets()
    assert f"{POWER_BI}/.default" in str(caught.value.hint)
    assert powerbi.requests == []


@pytest.mark.parametrize(
    "audience", [POWER_BI, f"{POWER_BI}/", "00000009-0000-0000-c000-000000000000", ["x", POWER_BI], None, ""]
)
def test_a_token_for_power_bi_or_for_nobody_in_particular_is_sent(audience: Any) -> None:
    with power_bi({"/datasets": []}) as url:
        assert pbi.Client(token(USER, aud=audience), base_url=url).datasets() == []


def test_the_cloud_says_whose_power_bi_is_meant() -> None:
    text = token(USER, aud="https://analysis.chinacloudapi.cn/powerbi/api")
    with power_bi({"/datasets": []}) as url:
        assert pbi.Client(text, cloud="china", base_url=url).datasets() == []
    assert states(examined(USER))["audience"] == "ok"
