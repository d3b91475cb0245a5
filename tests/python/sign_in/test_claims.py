"""What a service wants of the next token goes to whoever gives it."""

from __future__ import annotations

import asyncio
import base64
import json
import webbrowser
from typing import TYPE_CHECKING, Any

import pytest

import powerbi_push as pbi
from conftest import orders
from entra_server import EntraServer, Said, granted, jwt
from fault_server import DATASET_ID, FaultServer, http
from test_browser_sign_in import Page
from test_browser_sign_in import credential as at_the_browser
from test_credentials import SCOPES

if TYPE_CHECKING:
    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]
WANTED = json.dumps({"access_token": {"acrs": {"essential": True, "value": "c1?>"}}})


def challenge(claims: str = WANTED) -> Any:
    """A refusal that wants something."""
    coded = base64.b64encode(claims.encode()).decode()
    header = f'Bearer realm="", authorization_uri="https://x", error="insufficient_claims", claims="{coded}"'
    return http(401, WWW_Authenticate=header)


def test_what_a_service_wants_goes_to_entra(virtual: Emulator) -> None:
    with EntraServer(granted()) as entra, FaultServer(challenge(), http(200)) as server:
        table = server.table(credential=entra.credential())
        assert table.push(orders(1)).ok
        virtual.advance(3_600)
        assert table.push(orders(1)).ok
        # Once: what comes later has what was wanted then.
        assert [asked.form.get("claims") for asked in entra.received] == [None, WANTED, None]


@pytest.mark.parametrize("header", ['Bearer error="invalid_token"', 'Bearer claims="%%%"', 'Bearer claims="W10="'])
def test_another_refusal_wants_nothing(entra: EntraServer, header: str) -> None:
    with FaultServer(http(401, WWW_Authenticate=header), http(200)) as server:
        assert server.table(credential=entra.credential()).push(orders(1)).ok
        assert [asked.form.get("claims") for asked in entra.received] == [None, None]


def wanting(claims: object = WANTED) -> Said:
    """A refusal of Entra itself that wants something."""
    said = {"error": "interaction_required", "error_description": "AADSTS50076: No.", "error_codes": [50076]}
    return Said(400, json.dumps(said | {"claims": claims}).encode())


@pytest.mark.parametrize(("claims", "passed_on"), [(WANTED, WANTED), ("[]", None), ("{", None), ({"a": 1}, None)])
def test_what_entra_itself_wants_goes_to_the_next_request(claims: object, passed_on: str | None) -> None:
    with EntraServer(wanting(claims), granted()) as entra:
        one = entra.credential()
        with pytest.raises(pbi.AuthenticationError, match="AADSTS50076"):
            one.get_token(SCOPE)
        one.get_token(SCOPE)
        assert [asked.form.get("claims") for asked in entra.received] == [None, passed_on]


@pytest.mark.parametrize("left", [0, 200])
def test_a_person_is_asked_with_what_entra_wants(virtual: Emulator, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    pages = pages_that_come_back(monkeypatch)
    with EntraServer(granted(refresh_token="R"), wanting(), granted()) as entra:
        one = at_the_browser(entra)
        first = one.get_token(SCOPE)
        virtual.advance(3_600 - left)
        if left:
            # Nobody is bothered while the token at hand is good.
            assert one.get_token(SCOPE) == first
            virtual.advance(left)
        assert one.get_token(SCOPE) != first
    assert [page.asked.get("claims") for page in pages] == [None, WANTED]


class _Theirs:
    """A credential as azure-identity has them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_token(self, *_scopes: str, claims: str | None = None, **_options: Any) -> tuple[str, int]:
        self.asked.append({"claims": claims})
        return jwt(number=len(self.asked)), 2**40


def test_it_goes_to_credentials_of_others_too() -> None:
    theirs = _Theirs()
    with FaultServer(challenge(), http(200)) as server:
        assert server.table(credential=theirs).push(orders(1)).ok
    assert theirs.asked == [{"claims": None}, {"claims": WANTED}]


def test_one_that_knows_nothing_of_it_is_asked_as_before() -> None:
    class Plain:
        count = 0

        def get_token(self, _scope: str) -> tuple[str, int]:
            self.count += 1
            return jwt(number=self.count), 2**40

    plain = Plain()
    with FaultServer(challenge(), http(200)) as server:
        assert server.table(credential=plain).push(orders(1)).ok
    assert plain.count == 2


def test_an_asynchronous_one_is_awaited() -> None:
    class Later(_Theirs):
        async def get_token(self, *scopes: str, claims: str | None = None, **options: Any) -> tuple[str, int]:  # type: ignore[override]
            return super().get_token(*scopes, claims=claims, **options)

    later = Later()

    async def push(url: str) -> pbi.PushResult:
        dataset = await pbi.Client(later, base_url=url).dataset_async(DATASET_ID)
        return await dataset.table("Orders", {"Id": int}).push_async(orders(1))

    with FaultServer(challenge(), http(200)) as server:
        assert asyncio.run(push(server.url)).ok
    assert later.asked == [{"claims": None}, {"claims": WANTED}]


def pages_that_come_back(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """The pages that a person has seen, who signs in on each."""
    pages: list[Page] = []

    def come_back(url: str) -> bool:
        pages.append(Page(url))
        pages[-1].come_back(code="a code")
        return True

    monkeypatch.setattr(webbrowser, "open", come_back)
    return pages


def test_a_person_is_asked_with_it_where_that_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = pages_that_come_back(monkeypatch)
    with EntraServer(granted()) as entra, FaultServer(challenge(), http(200)) as server:
        assert server.table(credential=at_the_browser(entra)).push(orders(1)).ok
    assert [page.asked.get("claims") for page in pages] == [None, WANTED]


def test_whoever_asks_our_credential_may_want_it(entra: EntraServer) -> None:
    one = entra.credential()
    first = one.get_token(SCOPE)
    assert one.get_token(SCOPE, claims="") == first
    second = one.get_token(SCOPE, claims=WANTED)
    assert second.token != first.token
    assert one.get_token(SCOPE) == second
    assert [asked.form.get("claims") for asked in entra.received] == [None, WANTED]
    assert asyncio.run(one.get_token_async(SCOPE, claims=WANTED)).token != second.token
    with pytest.raises(pbi.ConfigurationError, match="`claims` must be a str, not int"):
        one.get_token(SCOPE, claims=5)  # type: ignore[arg-type]
