"""Key stores and trust stores of destinations: PKCS#12 and PEM become what the transport takes (protocols 4.3, 4.4)."""

from __future__ import annotations

import base64
import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from app.transport.pool_key import ClientCertificate

_KEY_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.+?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)


def content_of(base64_text: str) -> bytes:
    """The bytes of a stored certificate. Raises ValueError."""
    return base64.b64decode("".join(base64_text.split()), validate=True)


def client_certificate(location: str, content: bytes, password: str) -> ClientCertificate:
    """Chain and key of a client key store: `.p12`, `.pfx` or `.pem`, by the ending of its name.

    Raises ValueError, saying what is wrong, for another format, a wrong password or a store without a key.
    """
    ending = location.lower().rpartition(".")[2]
    if ending in ("p12", "pfx"):
        return _from_pkcs12(content, password)
    if ending == "pem":
        return _from_pem(content, password)
    raise ValueError("names a store that is neither .p12, .pfx nor .pem")


def trusted_certificates(location: str, content: bytes) -> str:
    """The certificates of a trust store as PEM: PEM or a single DER certificate.

    Raises ValueError for another format, such as a Java key store.
    """
    try:
        found = (
            x509.load_pem_x509_certificates(content)
            if b"-----BEGIN" in content
            else [x509.load_der_x509_certificate(content)]
        )
    except ValueError:
        raise ValueError(f"names '{location}', which holds no PEM certificate") from None
    return _pem(found)


def _from_pkcs12(content: bytes, password: str) -> ClientCertificate:
    try:
        store = pkcs12.load_pkcs12(content, password.encode() or None)
    except ValueError:
        raise ValueError("names a PKCS#12 store that cannot be opened with its password") from None
    if store.key is None or store.cert is None:
        raise ValueError("names a store without a private key and its certificate")
    chain = [store.cert.certificate, *(extra.certificate for extra in store.additional_certs)]
    key = store.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ClientCertificate(_pem(chain), key.decode())


def _from_pem(content: bytes, password: str) -> ClientCertificate:
    block = _KEY_BLOCK.search(content)
    if block is None:
        raise ValueError("names a PEM file without a private key")
    try:
        secret = password.encode() if b"ENCRYPTED" in block[0] else None
        key = load_pem_private_key(block[0], secret)
        chain = x509.load_pem_x509_certificates(_KEY_BLOCK.sub(b"", content))
    except (ValueError, TypeError):
        raise ValueError("names a PEM file that cannot be read with its password") from None
    return ClientCertificate(_pem(chain), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _pem(chain: list[x509.Certificate]) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in chain)
