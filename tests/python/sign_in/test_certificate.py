"""A service principal signs in with a certificate; what vouches for it is signed with the certificate's key."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs12

import powerbi_push as pbi
from canaries import check, everything_about
from certificates import PASSWORD, Pair, pair
from conftest import orders
from entra_server import CLIENT_ID, TENANT, EntraServer, Said, granted, refused
from fault_server import FaultServer
from test_credentials import SCOPES, bearer

if TYPE_CHECKING:
    from pathlib import Path

    from powerbi_push.emulator import Emulator

SCOPE = SCOPES["public"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.pem"
    path.write_bytes(pair().pem)
    return path


def credential(entra: EntraServer, file: Path, **more: Any) -> pbi.CertificateCredential:
    return pbi.CertificateCredential(TENANT, CLIENT_ID, file, authority=entra.authority, **more)


def decoded(part: str) -> Any:
    return json.loads(unpadded(part))


def unpadded(part: str) -> bytes:
    assert "=" not in part
    return base64.urlsafe_b64decode(part + "==")


def verify(assertion: str, known: Pair, kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of what vouches, whose signature is that of the certificate."""
    header, claims, signature = assertion.split(".")
    known.key.public_key().verify(unpadded(signature), f"{header}.{claims}".encode(), kind, hashes.SHA256())
    return decoded(header), decoded(claims)


NEWER = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
OLDER = padding.PKCS1v15()


def fingerprint(known: Pair, kind: Any) -> str:
    return base64.urlsafe_b64encode(known.certificate.fingerprint(kind)).decode().rstrip("=")


def test_what_vouches_is_what_entra_wants(entra: EntraServer, file: Path) -> None:
    with FaultServer() as server:
        assert server.table(credential=credential(entra, file)).push(orders(1)).ok
        assert len(bearer(server)) == 2
    (asked,) = entra.received
    assertion = asked.form.pop("client_assertion")
    assert asked.path == f"/{TENANT}/oauth2/v2.0/token"
    assert asked.form == {
        "client_id": CLIENT_ID,
        "scope": SCOPE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "grant_type": "client_credentials",
    }
    header, claims = verify(assertion, pair(), NEWER)
    assert header == {"alg": "PS256", "typ": "JWT", "x5t#S256": fingerprint(pair(), hashes.SHA256())}
    assert abs(claims["nbf"] - time.time()) < 60
    assert len(claims["jti"]) == 43
    assert claims == {
        "aud": f"{entra.authority}/{TENANT}/oauth2/v2.0/token",
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "jti": claims["jti"],
        "nbf": claims["nbf"],
        "iat": claims["nbf"],
        "exp": claims["nbf"] + 600,
    }


def test_where_the_newer_signature_is_refused_the_older_one_is_tried_once(file: Path, virtual: Emulator) -> None:
    with EntraServer(refused(5002730), granted(), granted()) as entra:
        one = credential(entra, file)
        one.get_token(SCOPE)
        virtual.advance(3_600)
        one.get_token(SCOPE)
        newer, older, again = [asked.form["client_assertion"] for asked in entra.received]
    assert verify(newer, pair(), NEWER)[0]["alg"] == "PS256"
    for assertion in (older, again):
        header, _ = verify(assertion, pair(), OLDER)
        assert header == {"alg": "RS256", "typ": "JWT", "x5t": fingerprint(pair(), hashes.SHA1())}  # noqa: S303 - what Entra wants


def test_a_certificate_that_entra_does_not_know_is_said(file: Path) -> None:
    with EntraServer(refused(700027), refused(50012)) as entra:
        with pytest.raises(pbi.AuthenticationError, match="AADSTS700027") as caught:
            credential(entra, file).get_token(SCOPE)
        assert len(entra.received) == 2
    assert "upload it under Certificates & secrets" in (caught.value.hint or "")


def test_another_refusal_is_not_asked_about_twice(file: Path) -> None:
    with EntraServer(refused(700016, "unauthorized_client", 400)) as entra:
        with pytest.raises(pbi.AuthenticationError, match="700016"):
            credential(entra, file).get_token(SCOPE)
        assert len(entra.received) == 1


def test_a_certificate_may_be_renewed_while_it_is_in_use(entra: EntraServer, file: Path, virtual: Emulator) -> None:
    one = credential(entra, file)
    one.get_token(SCOPE)
    file.write_bytes(pair("renewed").pem)
    virtual.advance(3_600)
    one.get_token(SCOPE)
    for asked, known in zip(entra.received, (pair(), pair("renewed")), strict=True):
        verify(asked.form["client_assertion"], known, NEWER)


def test_of_a_chain_the_certificate_of_the_key_is_taken_and_keys_may_be_of_the_older_kind(
    entra: EntraServer, file: Path
) -> None:
    file.write_bytes(pair("an authority").certificate_pem + pair().certificate_pem + pair().key_pem(older=True))
    credential(entra, file).get_token(SCOPE)
    header, _ = verify(entra.received[0].form["client_assertion"], pair(), NEWER)
    assert header["x5t#S256"] == fingerprint(pair(), hashes.SHA256())


BUILDER = serialization.PrivateFormat.PKCS12.encryption_builder()
NEWEST, OLDEST = pkcs12.PBES.PBESv2SHA256AndAES256CBC, pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
LOCKS: dict[str, Any] = {
    "as OpenSSL 3": lambda password: (
        BUILDER.kdf_rounds(2_048).key_cert_algorithm(NEWEST).hmac_hash(hashes.SHA256()).build(password)
    ),
    "as Windows": lambda password: (
        BUILDER.kdf_rounds(2_000)
        .key_cert_algorithm(OLDEST)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - what Windows writes
        .build(password)
    ),
    "sealed by a longer hash": lambda password: (
        BUILDER.key_cert_algorithm(NEWEST).hmac_hash(hashes.SHA512()).build(password)
    ),
}


def pfx(password: str | None, lock: Any = LOCKS["as OpenSSL 3"], **other: Any) -> bytes:
    """A PKCS#12 file with the certificate of another besides."""
    given: dict[str, Any] = {"key": pair().key, "certificate": pair().certificate} | other
    others = [pair("an authority").certificate] if given["certificate"] else None
    locked = lock(password.encode()) if password else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"app", given["key"], given["certificate"], others, locked)


@pytest.mark.parametrize("lock", LOCKS.values(), ids=LOCKS)
@pytest.mark.parametrize("password", [PASSWORD, "p\u00e4ssw\u00f6rt \U0001f511", None])
def test_a_pkcs12_file_is_read(entra: EntraServer, file: Path, lock: Any, password: str | None) -> None:
    file.write_bytes(pfx(password, lock))
    credential(entra, file, password=password).get_token(SCOPE)
    header, _ = verify(entra.received[0].form["client_assertion"], pair(), NEWER)
    assert header["x5t#S256"] == fingerprint(pair(), hashes.SHA256())
    if password:
        for wrong in ("another", f"{password} ", "", None):
            with pytest.raises(pbi.ConfigurationError, match="is encrypted") as caught:
                credential(entra, file, password=wrong)
            check(everything_about(caught.value), password)


def test_a_file_as_windows_wrote_it_before_is_read(entra: EntraServer, file: Path) -> None:
    locked = file.with_name("old.pfx")
    command = ["openssl", "pkcs12", "-export", "-legacy", "-in", str(file), "-out", str(locked), "-passout", "pass:x y"]
    if shutil.which("openssl") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("there is no openssl with the ciphers of old")
    assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x06" in locked.read_bytes()  # RC2 of 40 bits
    credential(entra, locked, password="x y").get_token(SCOPE)
    verify(entra.received[0].form["client_assertion"], pair(), NEWER)


def test_an_encrypted_key_is_opened(entra: EntraServer, file: Path) -> None:
    file.write_bytes(pair().key_pem(PASSWORD) + pair().certificate_pem)
    credential(entra, file, password=PASSWORD).get_token(SCOPE)
    verify(entra.received[0].form["client_assertion"], pair(), NEWER)
    with pytest.raises(pbi.ConfigurationError, match="is encrypted with another password than `password`") as caught:
        credential(entra, file, password="canary-wrong")
    check(everything_about(caught.value), "canary-wrong")


def test_the_environment_names_the_password_too(
    entra: EntraServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(pfx(PASSWORD))
    for name, value in (("TENANT_ID", TENANT), ("CLIENT_ID", CLIENT_ID), ("CLIENT_CERTIFICATE_PATH", str(file))):
        monkeypatch.setenv(f"AZURE_{name}", value)
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PASSWORD", PASSWORD)
    pbi.EnvironmentCredential(authority=entra.authority).get_token(SCOPE)
    monkeypatch.delenv("AZURE_CLIENT_CERTIFICATE_PASSWORD")
    with pytest.raises(pbi.ConfigurationError, match="is encrypted: pass its password="):
        pbi.EnvironmentCredential(authority=entra.authority)


WRONG: dict[str, tuple[bytes | None, str]] = {
    "nothing": (None, "cannot be read"),
    "empty": (b"", "is neither a PEM file nor a PKCS#12 file"),
    "something else": (b"hello", "is neither a PEM file nor a PKCS#12 file"),
    "no key": (pair().certificate_pem, "holds no private key"),
    "no certificate": (pair().key_pem(), "holds no certificate"),
    "another key": (pair().certificate_pem + pair("another").key_pem(), "do not belong together"),
    "a curve": (pair(curve=True).pem, "no RSA key"),
    "a short key": (pair(bits=1024).pem, "no RSA key of 2048 bits"),
    "an encrypted key": (pair().key_pem(PASSWORD) + pair().certificate_pem, "is encrypted: pass its password="),
    "an encrypted file": (pfx(PASSWORD), "is encrypted: pass its password="),
    "a key that is encrypted as of old": (
        pair().key_pem(PASSWORD, older=True) + pair().certificate_pem,
        "in the older way of OpenSSL: `openssl pkcs8 -topk8`",
    ),
    "a file without a key": (pfx(None, key=None), "holds no private key"),
    "a file without its certificate": (pfx(None, certificate=None), "holds no certificate"),
    "a file of a curve": (pfx(None, key=pair(curve=True).key, certificate=None), "no RSA key"),
    "half a file": (pfx(None)[:-1], "is neither a PEM file nor a PKCS#12 file"),
    "much": (b"-----BEGIN " + b"x" * 1_000_000, "too long"),
}


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_a_file_that_cannot_be_used_is_told_at_once(
    entra: EntraServer, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "wrong.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(pbi.ConfigurationError, match=said) as caught:
        credential(entra, path)
    assert str(path) in str(caught.value)
    assert "certificate_path" in (caught.value.hint or "")
    assert entra.received == []


@pytest.mark.parametrize(
    "write",
    [lambda pem: b"\xef\xbb\xbf" + pem, lambda pem: pem.replace(b"\n", b"\r\n    "), lambda pem: b"   \t" + pem],
    ids=["a mark of the byte order", "indented", "an indented first line"],
)
def test_a_pem_file_is_read_as_editors_leave_it(entra: EntraServer, file: Path, write: Any) -> None:
    file.write_bytes(write(pair().pem))
    assert credential(entra, file).get_token(SCOPE).token


@pytest.mark.parametrize("form", ["PEM", "a key alone", "Base64"])
def test_a_key_in_place_of_its_path_is_not_shown(form: str) -> None:
    text = {"PEM": pair().pem.decode(), "a key alone": pair().key_pem().decode()}.get(form)
    text = text or base64.b64encode(pfx(PASSWORD)).decode()
    with pytest.raises(pbi.ConfigurationError, match="holds a key or a certificate itself") as caught:
        pbi.CertificateCredential(TENANT, CLIENT_ID, text)
    assert "is a PEM or PKCS#12 (.pfx) file" in (caught.value.hint or "")
    assert text[40:60] not in str(everything_about(caught.value))


def test_the_environment_names_a_certificate(entra: EntraServer, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TENANT_ID", TENANT), ("CLIENT_ID", CLIENT_ID), ("CLIENT_CERTIFICATE_PATH", str(file))):
        monkeypatch.setenv(f"AZURE_{name}", value)
    one = pbi.EnvironmentCredential(authority=entra.authority)
    one.get_token(SCOPE)
    verify(entra.received[0].form["client_assertion"], pair(), NEWER)
    file.write_bytes(b"broken")
    with pytest.raises(pbi.ConfigurationError, match="AZURE_CLIENT_CERTIFICATE_PATH: the certificate in"):
        pbi.EnvironmentCredential()


def test_nothing_shows_the_password_or_what_vouches(file: Path) -> None:
    with EntraServer(Said(401, b'{"error": "invalid_client"}')) as entra:
        one = credential(entra, file, password=PASSWORD)
        with pytest.raises(pbi.AuthenticationError) as caught:
            one.get_token(SCOPE)
        shown = everything_about(caught.value) + repr(one) + repr(vars(one))
        check(shown, PASSWORD)
        check(shown, entra.received[0].form["client_assertion"])
    assert repr(one) == f"CertificateCredential(tenant_id='{TENANT}', client_id='{CLIENT_ID}')"
