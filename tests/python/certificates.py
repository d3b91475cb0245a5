"""Certificates that a test signs in with, made by the library that msal stands on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PASSWORD = "canary of a password"


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str | None = None, *, older: bool = False) -> bytes:
        """The key alone."""
        kind = serialization.PrivateFormat.TraditionalOpenSSL if older else serialization.PrivateFormat.PKCS8
        locked: Any = serialization.BestAvailableEncryption(password.encode()) if password else None
        encryption = locked or serialization.NoEncryption()
        pem: bytes = self.key.private_bytes(serialization.Encoding.PEM, kind, encryption)
        return pem

    @property
    def pem(self) -> bytes:
        """Both, as they are uploaded and downloaded."""
        return self.key_pem() + self.certificate_pem


@cache
def pair(name: str = "an app", *, curve: bool = False, bits: int = 2048, year: int = 2026) -> Pair:
    """Make a certificate that signs itself, and is good for ten years."""
    key: Any = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, bits)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(year, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number()).not_valid_before(begin)
    made = made.not_valid_after(begin + timedelta(days=3650))
    return Pair(made.sign(key, hashes.SHA256()), key)
