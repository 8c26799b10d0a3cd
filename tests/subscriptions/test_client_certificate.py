from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from app.landscape.certificates import CertificateAuthority
from app.subscriptions.client_certificate import is_expected, parse_certificate
from app.subscriptions.distinguished_name import NamePattern, parse_name


def name(**attributes: str | list[str]) -> x509.Name:
    oids = {
        "CN": NameOID.COMMON_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "C": NameOID.COUNTRY_NAME,
    }
    return x509.Name(
        [
            x509.NameAttribute(oids[key], each)
            for key, values in attributes.items()
            for each in ([values] if isinstance(values, str) else values)
        ]
    )


SUBJECT = name(CN="cis.manager.example", OU=["Clients", "EU"], O="Example", C="DE")
AUTHORITY = CertificateAuthority("Manager CA")
CERTIFICATE = AUTHORITY.client_pair(SUBJECT).certificate
PEM = CERTIFICATE.public_bytes(Encoding.PEM).decode()
BODY = b64encode(CERTIFICATE.public_bytes(Encoding.DER)).decode()
SUBJECT_PATTERN = parse_name({"CN": "*.manager.example", "OU": ["EU", "Clients"], "O": "Example", "C": "DE"})
ISSUER_PATTERN = parse_name({"CN": "Manager *", "O": "Landscape", "C": "*"})
ANYTHING = parse_name({"CN": "*"})
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    "header",
    [
        BODY,
        f" {BODY} ",
        PEM,
        quote(PEM),
        quote(PEM + AUTHORITY.pem),
        f'By=spiffe://x;Hash=abc;Cert="{quote(PEM)}";Subject="CN=other";URI=',
        f'Hash=abc;Cert="{quote(PEM)}",Hash=def;Cert="{quote(AUTHORITY.pem)}"',
    ],
    ids=["body", "spaces", "pem", "encoded", "chain", "elements", "two elements"],
)
def test_the_clients_certificate_is_read_in_every_form(header: str) -> None:
    assert parse_certificate(header) == CERTIFICATE


@pytest.mark.parametrize("header", [None, "", "junk", "=", BODY[:-8], "%", 'Cert=""', "A" * 20_000, "é"])
def test_anything_else_is_no_certificate(header: str | None) -> None:
    assert parse_certificate(header) is None


@given(st.text(max_size=300))
def test_whatever_the_header_holds_reading_it_ends_well(header: str) -> None:
    assert parse_certificate(header) is None


def test_the_expected_certificate_is_accepted_while_it_is_valid() -> None:
    assert is_expected(CERTIFICATE, SUBJECT_PATTERN, ISSUER_PATTERN, NOW)
    for off in (timedelta(days=-1), timedelta(days=8)):
        assert not is_expected(CERTIFICATE, SUBJECT_PATTERN, ISSUER_PATTERN, NOW + off)


@pytest.mark.parametrize(("subject", "issuer"), [(SUBJECT_PATTERN, ANYTHING), (ANYTHING, ISSUER_PATTERN)])
def test_subject_and_issuer_both_have_to_fit(subject: NamePattern, issuer: NamePattern) -> None:
    assert not is_expected(CERTIFICATE, subject, issuer, NOW)


@pytest.mark.parametrize(
    ("pattern", "found", "fits"),
    [
        ({"CN": "a"}, name(CN="a"), True),
        ({"cn": "a"}, name(CN="a"), True),
        ({"CN": "a"}, name(CN="A"), False),
        ({"CN": "*.a"}, name(CN="x.a"), True),
        ({"CN": "*.a"}, name(CN="x.a.evil"), False),
        ({"CN": "x.a"}, name(CN="xya"), False),
        ({"CN": "a", "O": "*"}, name(CN="a"), False),
        ({"CN": "a"}, name(CN="a", O="b"), False),
        ({"OU": ["a", "*"]}, name(OU=["a", "b"]), True),
        ({"OU": ["a", "*"]}, name(OU=["b", "c"]), False),
        ({"OU": ["a", "b"]}, name(OU=["a", "a"]), False),
        ({"OU": "a"}, name(OU=["a", "a"]), False),
        ({"OU": ["a"]}, name(OU="a"), True),
    ],
)
def test_a_name_has_exactly_the_expected_attributes(pattern: dict[str, object], found: x509.Name, fits: bool) -> None:
    assert parse_name(pattern).fits(found) is fits
