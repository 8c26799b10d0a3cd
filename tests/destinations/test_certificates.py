"""Key stores and trust stores."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from app.destinations.certificates import client_certificate, content_of, trusted_certificates
from tests.destinations.stores import certificate, key_pem, p12, pem

CLIENT, ISSUER = certificate("client"), certificate("issuer")
WRONG = b"not a store"


@pytest.mark.parametrize("name", ["k.p12", "K.PFX"])
@pytest.mark.parametrize("password", ["", "geheim"])
def test_a_pkcs12_store_gives_chain_and_key(name: str, password: str) -> None:
    found = client_certificate(name, p12(CLIENT, password, ISSUER), password)
    assert found.certificate.encode() == pem(CLIENT) + pem(ISSUER)
    assert load_pem_private_key(found.key.encode(), None)
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize("password", ["", "geheim"])
def test_a_pem_store_gives_chain_and_key(password: str) -> None:
    found = client_certificate("k.pem", key_pem(password) + pem(CLIENT) + pem(ISSUER), password)
    assert found.certificate.encode() == pem(CLIENT) + pem(ISSUER)
    assert load_pem_private_key(found.key.encode(), None)


@pytest.mark.parametrize(
    ("name", "content", "password", "reason"),
    [
        ("k.jks", WRONG, "", "neither"),
        ("k", WRONG, "", "neither"),
        ("k.p12", WRONG, "", "cannot be opened"),
        ("k.p12", p12(CLIENT, "right"), "wrong", "cannot be opened"),
        ("k.pem", pem(CLIENT), "", "without a private key"),
        ("k.pem", key_pem("right") + pem(CLIENT), "wrong", "cannot be read"),
        ("k.pem", key_pem("right") + pem(CLIENT), "", "cannot be read"),
        ("k.pem", key_pem(), "", "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(name: str, content: bytes, password: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        client_certificate(name, content, password)


def test_a_trust_store_is_pem_or_a_single_der_certificate() -> None:
    assert trusted_certificates("ca.pem", pem(CLIENT) + pem(ISSUER)).encode() == pem(CLIENT) + pem(ISSUER)
    assert trusted_certificates("ca.cer", ISSUER.public_bytes(Encoding.DER)).encode() == pem(ISSUER)
    with pytest.raises(ValueError, match=r"'ca\.jks'"):
        trusted_certificates("ca.jks", WRONG)


@given(st.binary(max_size=200), st.sampled_from(["k.p12", "k.pem"]))
def test_wild_content_is_refused_and_nothing_else_happens(content: bytes, name: str) -> None:
    with pytest.raises(ValueError, match="names a"):
        client_certificate(name, content, "x")


def test_content_is_base64_with_line_breaks_allowed() -> None:
    assert content_of("aGVs\nbG8=") == b"hello"
    with pytest.raises(ValueError, match=r"."):
        content_of("!!")
