"""The local Microsoft Entra plays every way to sign in; ours go through all of them, to a row that arrives."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

import powerbi_push as pbi
from certificates import Pair, pair
from conftest import meanwhile, orders, wait_until
from person import Person
from powerbi_push.emulator import Emulator
from test_credentials import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable

SCOPE = SCOPES["public"]
KEYS = Path("/var/opt/azcmagent/tokens")
TEAM = pbi.DatasetSchema("Sales", [pbi.TableSchema("Orders", {"Id": int})])
ISSUER, SUBJECT = "https://token.actions.githubusercontent.com", "repo:contoso/rows:ref:refs/heads/main"


def arc_keys() -> list[Path]:
    """The keys of Azure Arc that are there, where they can be; skips, saying why, where they cannot."""
    try:
        KEYS.mkdir(parents=True, exist_ok=True)
        (KEYS / "probe").write_text("")
        (KEYS / "probe").unlink()
    except OSError as error:
        pytest.skip(f"the keys of Azure Arc lie in {KEYS}, which cannot be made here: {error}")
    return sorted(KEYS.iterdir())


def push(emulator: Emulator, credential: Any) -> None:
    """A row arrives, signed in so."""
    name = emulator.add_workspace("Team", app_role="Contributor")
    table = emulator.client(credential=credential).workspace(name).create_dataset(TEAM).table()
    assert table.push(orders(1)).ok
    assert emulator.rows((name, "Sales", "Orders")) == [{"Id": 0}]


def coded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def signed(known: Pair, claims: dict[str, Any], **header: Any) -> str:
    """A token that the key of a certificate has signed."""
    parts = [coded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT", **header}, claims)]
    body = ".".join(parts)
    return f"{body}.{coded(known.key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def refusal(emulator: Emulator, **form: str) -> tuple[int, str, int]:
    """What the token endpoint says of a form: the status, the word and the number."""
    url = f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/token"
    status, _, text = Person(emulator).open(url, form)
    said = json.loads(text)
    return status, said["error"], said["error_codes"][0]


@pytest.fixture
def certificate(powerbi: Emulator, tmp_path: Path) -> Path:
    """One that the app is known by."""
    powerbi.add_certificate(pair().certificate_pem.decode())
    path = tmp_path / "app.pem"
    path.write_bytes(pair().pem)
    return path


def test_a_certificate_signs_in(powerbi: Emulator, certificate: Path) -> None:
    one = pbi.CertificateCredential(powerbi.tenant_id, powerbi.client_id, certificate, authority=powerbi.authority)
    push(powerbi, one)
    assert [it.status for it in powerbi.requests if it.operation == "Entra_Token"] == [200]


def test_a_certificate_that_is_not_registered_does_not(powerbi: Emulator, certificate: Path) -> None:
    certificate.write_bytes(pair("another").pem)
    one = pbi.CertificateCredential(powerbi.tenant_id, powerbi.client_id, certificate, authority=powerbi.authority)
    with pytest.raises(pbi.AuthenticationError, match="AADSTS700027") as caught:
        one.get_token(SCOPE)
    assert "upload it under Certificates & secrets" in (caught.value.hint or "")


@pytest.mark.parametrize(("year", "reason"), [(2010, "expired"), (2100, "not valid yet")])
def test_a_certificate_is_good_in_its_time_only(powerbi: Emulator, tmp_path: Path, year: int, reason: str) -> None:
    known, path = pair(year=year), tmp_path / "app.pem"
    powerbi.add_certificate(known.certificate_pem.decode())
    path.write_bytes(known.pem)
    one = pbi.CertificateCredential(powerbi.tenant_id, powerbi.client_id, path, authority=powerbi.authority)
    with pytest.raises(
        pbi.AuthenticationError, match=rf"AADSTS700027.*\[Reason - The key used is {reason}\.\]"
    ) as caught:
        one.get_token(SCOPE)
    assert "or has ended" in (caught.value.hint or "")


@pytest.mark.parametrize(("answer", "status"), [("accepted", 200), ("refused", 401)])
def test_what_vouched_once_does_so_again_as_msal_needs_it_or_not(answer: Any, status: int) -> None:
    with Emulator(assumptions={"used_assertions": answer}) as emulator:
        emulator.add_certificate(pair().certificate_pem.decode())
        now, url = int(time.time()), f"{emulator.authority}/{emulator.tenant_id}/oauth2/v2.0/token"

        def ask(jti: str) -> int:
            claims = {"aud": url, "iss": emulator.client_id, "sub": emulator.client_id, "jti": jti, "exp": now + 600}
            form = {
                "client_id": emulator.client_id,
                "scope": SCOPE,
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": signed(pair(), claims, x5t=coded(pair().certificate.fingerprint(hashes.SHA1()))),  # noqa: S303 - what Entra takes
            }
            return Person(emulator).open(url, form)[0]

        assert [ask("1"), ask("1"), ask("2")] == [200, status, 200]


ASSERTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "good": ({}, {}, 0),
    "the older print": ({"x5t#S256": None}, {}, 0),
    "padding": ({"padded": True}, {}, 0),
    "no print": ({"x5t#S256": None, "x5t": None}, {}, 700027),
    "no algorithm": ({"alg": "none"}, {}, 700027),
    "another algorithm": ({"alg": "PS256"}, {}, 700027),
    "ended": ({}, {"exp": -400, "nbf": -900}, 700024),
    "no end": ({}, {"exp": None}, 700024),
    "too long": ({}, {"exp": 1_300}, 700024),
    "not yet": ({}, {"nbf": 400}, 700024),
    "another audience": ({}, {"aud": "https://login.microsoftonline.com/x/oauth2/v2.0/token"}, 700023),
    "another subject": ({}, {"sub": "another"}, 700021),
    "another issuer": ({}, {"iss": "https://example.org"}, 700211),
    "no id": ({}, {"jti": None}, 50027),
}


@pytest.mark.parametrize(("header", "changed", "code"), ASSERTIONS.values(), ids=ASSERTIONS)
def test_what_vouches_is_looked_at_closely(
    powerbi: Emulator, certificate: Path, header: dict[str, Any], changed: dict[str, Any], code: int
) -> None:
    assert certificate.exists()
    now, url = int(time.time()), f"{powerbi.authority}/{powerbi.tenant_id}/oauth2/v2.0/token"
    claims: dict[str, Any] = {"aud": url, "iss": powerbi.client_id, "sub": powerbi.client_id, "jti": "1"}
    claims |= {"nbf": now, "exp": now + 600}
    for name, value in changed.items():
        claims[name] = now + value if isinstance(value, int) else value
    prints = {"x5t#S256": hashes.SHA256(), "x5t": hashes.SHA1()}  # noqa: S303 - what Entra takes
    heads: dict[str, Any] = {name: coded(pair().certificate.fingerprint(kind)) for name, kind in prints.items()}
    if header.pop("padded", False):
        heads = {name: f"{value}=" for name, value in heads.items()}
    heads |= header
    vouching = signed(
        pair(),
        {name: value for name, value in claims.items() if value is not None},
        **{name: value for name, value in heads.items() if value is not None},
    )
    form = {
        "client_id": powerbi.client_id,
        "scope": SCOPE,
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    if code:
        assert refusal(powerbi, **form, client_assertion=vouching) == (401 if code < 700_211 else 400, word(code), code)
        return
    assert Person(powerbi).open(url, {**form, "client_assertion": vouching})[0] == 200
    # One sign of it changed.
    broken = vouching[:-9] + ("A" if vouching[-9] != "A" else "B") + vouching[-8:]
    assert refusal(powerbi, **form, client_assertion=broken) == (401, "invalid_client", 700_027)
    assert refusal(powerbi, **form, client_assertion="x.y.z") == (401, "invalid_client", 50_027)
    del form["client_assertion_type"]
    assert refusal(powerbi, **form, client_assertion=vouching) == (400, "invalid_request", 900_144)


def word(code: int) -> str:
    return "invalid_client" if code < 700_211 else "invalid_grant"


@pytest.fixture
def voucher(powerbi: Emulator, tmp_path: Path) -> Callable[..., pbi.WorkloadIdentityCredential]:
    """Sign in by the token of another provider, which the app trusts."""
    powerbi.trust(ISSUER, SUBJECT, pair("a provider").certificate_pem.decode())
    file = tmp_path / "token"

    def sign_in(key: str = "a provider", **changed: Any) -> pbi.WorkloadIdentityCredential:
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": now + 600, **changed}
        file.write_text(signed(pair(key), claims))
        return pbi.WorkloadIdentityCredential(
            tenant_id=powerbi.tenant_id,
            client_id=powerbi.client_id,
            token_file_path=file,
            authority=powerbi.authority,
        )

    return sign_in


def test_another_provider_vouches(powerbi: Emulator, voucher: Any) -> None:
    push(powerbi, voucher())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://example.org"}, 700211),
        ({"aud": "api://another"}, 700212),
        ({"sub": "repo:contoso/another"}, 700213),
        ({"key": "another"}, 50012),
        ({"exp": 1_000_000_000}, 700024),
    ],
)
def test_another_provider_is_looked_at_closely(voucher: Any, changed: dict[str, Any], code: int) -> None:
    with pytest.raises(pbi.AuthenticationError, match=f"AADSTS{code}") as caught:
        voucher(**changed).get_token(SCOPE)
    if code in {700211, 700212, 700213}:
        assert "Federated credentials" in (caught.value.hint or "")


@pytest.fixture
def person(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody at the browser of this machine, who lets the app in."""
    person = Person(powerbi)
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(person.sign_in(url)))
    return person


def at_the_browser(emulator: Emulator, **more: Any) -> pbi.InteractiveBrowserCredential:
    return pbi.InteractiveBrowserCredential(emulator.client_id, authority=emulator.authority, **more)


def test_a_person_signs_in_with_the_browser(powerbi: Emulator, person: Person) -> None:
    assert person is not None
    push(powerbi, at_the_browser(powerbi))
    assert [it.operation for it in powerbi.requests[:3]] == ["Entra_Authorize", "Entra_Authorize", "Entra_Token"]
    assert not any(it.query.count("ticket=") != it.query.count("ticket=***") for it in powerbi.requests)


def test_a_person_may_cancel(powerbi: Emulator, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(person.sign_in(url, "decline")))
    with pytest.raises(pbi.AuthenticationError, match="access_denied: AADSTS65004"):
        at_the_browser(powerbi).get_token(SCOPE)


def test_a_code_is_good_once_and_for_whoever_asked(powerbi: Emulator) -> None:
    person = Person(powerbi)
    verifier, redirect = "v" * 43, "http://localhost:1"
    challenge = coded(hashlib.sha256(verifier.encode()).digest())
    asked = {"client_id": powerbi.client_id, "response_type": "code", "redirect_uri": redirect, "state": "s 1"}
    asked |= {"scope": f"{SCOPE} offline_access", "code_challenge": challenge, "code_challenge_method": "S256"}

    def code(**more: str) -> str:
        page = person.page(f"{powerbi.authority}/organizations/oauth2/v2.0/authorize?{urlencode({**asked, **more})}")
        status, target, _ = person.click(page, "accept")
        brought = dict(parse_qsl(urlsplit(target).query))
        assert (status, brought["state"]) == (302, "s 1")
        return brought["code"]

    form = {"client_id": powerbi.client_id, "grant_type": "authorization_code", "redirect_uri": redirect}
    assert refusal(powerbi, **form, code="x", code_verifier=verifier) == (400, "invalid_grant", 70_000)
    first = code()
    assert refusal(powerbi, **form, code=first) == (400, "invalid_grant", 50_148)
    assert refusal(powerbi, **form, code=first, code_verifier="w" * 43) == (400, "invalid_grant", 501_481)
    assert refusal(powerbi, **{**form, "redirect_uri": "http://localhost:2"}, code=first, code_verifier=verifier) == (
        400,
        "invalid_grant",
        500_112,
    )
    url = f"{powerbi.authority}/organizations/oauth2/v2.0/token"
    assert person.open(url, {**form, "code": first, "code_verifier": verifier})[0] == 200
    assert refusal(powerbi, **form, code=first, code_verifier=verifier) == (400, "invalid_grant", 54_005)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"client_id": "another"}, "AADSTS700016"),
        ({"redirect_uri": "http://localhost:1/path"}, "AADSTS50011"),
        ({"redirect_uri": "https://example.org"}, "AADSTS50011"),
        ({"redirect_uri": "http://localhost.example.org"}, "AADSTS50011"),
        ({"redirect_uri": "http://[::1]:1"}, "AADSTS50011"),
    ],
)
def test_whoever_asks_wrongly_is_not_led_back(powerbi: Emulator, changed: dict[str, str], text: str) -> None:
    asked = {"client_id": powerbi.client_id, "response_type": "code", "redirect_uri": "http://localhost:1"} | changed
    url = f"{powerbi.authority}/organizations/oauth2/v2.0/authorize?{urlencode({**asked, 'scope': SCOPE})}"
    status, target, shown = Person(powerbi).open(url)
    assert (status, target, text in shown) == (400, "", True)


def test_a_device_signs_in_at_its_own_pace(virtual: Emulator) -> None:
    person, told = Person(virtual), list[Any]()

    def prompt(page: str, code: str, _until: object) -> None:
        told.append((page, code))

    one = pbi.DeviceCodeCredential(virtual.client_id, authority=virtual.authority, prompt=prompt)

    def enter() -> None:
        wait_until(lambda: statuses(virtual).count(400) >= 2)
        assert "signed in" in person.enter(*told[0])

    with meanwhile(enter):
        push(virtual, one)
    assert statuses(virtual)[-1] == 200
    # What was entered is entered once.
    page, code = told[0]
    assert "did not work" in person.click(person.page(page), "next", code=code)[2]


def statuses(emulator: Emulator) -> list[int | None]:
    return [it.status for it in emulator.requests if it.operation == "Entra_Token"]


def test_a_device_that_asks_too_often_is_told_so(virtual: Emulator) -> None:
    url = f"{virtual.authority}/organizations/oauth2/v2.0/devicecode"
    person = Person(virtual)
    given = json.loads(person.open(url, {"client_id": virtual.client_id, "scope": SCOPE})[2])
    assert (given["expires_in"], given["interval"]) == (900, 5)
    form = {"client_id": virtual.client_id, "device_code": given["device_code"]}
    form["grant_type"] = "urn:ietf:params:oauth:grant-type:device_code"

    def ask() -> str:
        return refusal(virtual, **form)[1]

    assert [ask(), ask()] == ["authorization_pending", "slow_down"]
    virtual.advance(9)  # from now on ten seconds have to lie between
    assert ask() == "slow_down"
    virtual.advance(15)
    assert ask() == "authorization_pending"
    assert refusal(virtual, **{**form, "device_code": "x"}) == (400, "bad_verification_code", 70_018)
    virtual.advance(900)
    assert ask() == "expired_token"
    assert "did not work" in person.click(person.page(given["verification_uri"]), "next", code=given["user_code"])[2]


def test_a_device_may_be_declined(virtual: Emulator) -> None:
    person = Person(virtual)
    one = pbi.DeviceCodeCredential(
        virtual.client_id,
        authority=virtual.authority,
        prompt=lambda page, code, _: person.enter(page, code, "decline"),
    )
    with pytest.raises(pbi.AuthenticationError, match="authorization_declined") as caught:
        one.get_token(SCOPE)
    assert "cancelled or declined" in (caught.value.hint or "")


def test_a_code_that_nobody_enters_ends(virtual: Emulator) -> None:
    one = pbi.DeviceCodeCredential(virtual.client_id, authority=virtual.authority, prompt=lambda *_: None)
    with pytest.raises(pbi.AuthenticationError, match="in time"):
        one.get_token(SCOPE)
    assert 895 <= virtual.now <= 905


def test_a_refresh_token_brings_the_next_one_and_ends_for_itself(
    virtual: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    person, opened = Person(virtual), list[str]()

    def open_page(url: str) -> bool:
        opened.append(url)
        return bool(person.sign_in(url))

    monkeypatch.setattr(webbrowser, "open", open_page)
    for cache in (None, tmp_path / "cache" / "tokens"):
        opened.clear()
        one = at_the_browser(virtual, cache=cache)
        # Each lasts 90 days: after 120 the first is long gone.
        for _ in range(4):
            one.get_token(SCOPE)
            virtual.advance(30 * 86_400)
        assert len(opened) == 1
        virtual.revoke_sign_ins()
        one.get_token(SCOPE)
        assert len(opened) == 2


def test_a_machine_has_an_identity(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in powerbi.machine().items():
        monkeypatch.setenv(name, value)
    push(powerbi, pbi.ManagedIdentityCredential())
    assert pbi.ManagedIdentityCredential(client_id=powerbi.client_id).get_token(SCOPE).token
    with pytest.raises(pbi.AuthenticationError, match="Identity not found"):
        pbi.ManagedIdentityCredential(client_id=powerbi.tenant_id).get_token(SCOPE)
    with pytest.raises(pbi.AuthenticationError, match="AADSTS500011"):
        pbi.ManagedIdentityCredential().get_token("https://graph.microsoft.com/.default")
    url = f"{powerbi.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x"
    assert Person(powerbi).open(url)[0] == 400  # not a program of the machine: there is no header


def test_so_has_app_service(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in powerbi.machine("app_service").items():
        monkeypatch.setenv(name, value)
    push(powerbi, pbi.ManagedIdentityCredential())
    header = powerbi.machine("app_service")["IDENTITY_HEADER"]
    assert header not in repr(powerbi.requests)
    monkeypatch.setenv("IDENTITY_HEADER", "another")
    with pytest.raises(pbi.AuthenticationError, match="401"):
        pbi.ManagedIdentityCredential().get_token(SCOPE)


def test_so_has_azure_arc(powerbi: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    before = arc_keys()
    for name, value in powerbi.machine("arc").items():
        monkeypatch.setenv(name, value)
    push(powerbi, pbi.ManagedIdentityCredential())
    assert sorted(KEYS.iterdir()) == before  # a key is good once


def test_what_is_no_certificate_is_not_registered(powerbi: Emulator) -> None:
    for text in ("", "hello", pair().key_pem().decode()):
        with pytest.raises(pbi.ConfigurationError, match="no certificate"):
            powerbi.add_certificate(text)
        with pytest.raises(pbi.ConfigurationError, match="no certificate"):
            powerbi.trust(ISSUER, SUBJECT, text)
