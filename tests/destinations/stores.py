"""Certificates and key stores made for a test."""

from __future__ import annotations

import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(name: str) -> x509.Certificate:
    """A self-signed certificate of KEY."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=3650))
    return builder.sign(KEY, hashes.SHA256())


def pem(found: x509.Certificate) -> bytes:
    return found.public_bytes(Encoding.PEM)


def key_pem(password: str = "") -> bytes:
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _encryption(password))


def p12(found: x509.Certificate, password: str = "", extra: x509.Certificate | None = None) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"client", KEY, found, [extra] if extra else None, _encryption(password)
    )


def stored(name: str, content: bytes) -> dict[str, str]:
    """An element of `certificates` of a find result."""
    return {"Name": name, "Type": "CERTIFICATE", "Content": base64.b64encode(content).decode()}


def _encryption(password: str) -> KeySerializationEncryption:
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()
