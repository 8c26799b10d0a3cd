"""Short-lived X.509 user certificates: the Cloud Connector issues them, the system behind it trusts their issuer.

They travel in the header `SSL_CLIENT_CERT` as base64 of the DER form without line breaks (protocols, 5.4).
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

VALIDITY = timedelta(minutes=60)
RENEW_BEFORE = timedelta(minutes=5)
ISSUER_VALIDITY = timedelta(days=365)
KEPT_CERTIFICATES = 10_000
_TOLERANCE = timedelta(minutes=5)


class CertificateRefused(Exception):
    """A name no certificate can be issued for, or a certificate that is not to be believed."""


class UserCertificates:
    """An issuer and its certificates, one per user until shortly before it ends."""

    def __init__(self, issuer: str = "Cloud Connector User CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._user_key = ec.generate_private_key(ec.SECP256R1()).public_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
        self._issued: dict[str, tuple[datetime, str]] = {}
        self.certificate = self._own_certificate()

    def header_for(self, user: str) -> str:
        """The header value that stands for a user; raises CertificateRefused for a name X.509 cannot hold."""
        now = datetime.now(UTC)
        renew, value = self._issued.get(user, (now, ""))
        if renew > now:
            return value
        value = self.issue(user, now)
        if len(self._issued) >= KEPT_CERTIFICATES:
            self._issued.pop(next(iter(self._issued)))
        self._issued[user] = (now + VALIDITY - RENEW_BEFORE, value)
        return value

    def issue(self, user: str, now: datetime) -> str:
        """A new header value, valid from shortly before `now`; raises CertificateRefused."""
        try:
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user)])
        except ValueError as problem:
            raise CertificateRefused(str(problem)) from None
        certificate = (
            self._builder(subject, now)
            .public_key(self._user_key)
            .sign(private_key=self._key, algorithm=hashes.SHA256())
        )
        return to_header(certificate)

    def _builder(self, subject: x509.Name, now: datetime, validity: timedelta = VALIDITY) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _TOLERANCE)
            .not_valid_after(now + validity)
        )

    def _own_certificate(self) -> x509.Certificate:
        builder = self._builder(self._name, datetime.now(UTC), ISSUER_VALIDITY)
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        return (
            builder.public_key(self._key.public_key())
            .add_extension(constraint, critical=True)
            .sign(private_key=self._key, algorithm=hashes.SHA256())
        )


def to_header(certificate: x509.Certificate) -> str:
    """A certificate as a header value."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


class CertificateReader:
    """Believes the certificates of one issuer, and remembers those it has checked."""

    def __init__(self, issuer: x509.Certificate) -> None:
        self._issuer = issuer
        self._checked: dict[str, x509.Certificate] = {}

    def user_of(self, header: str) -> str:
        """The user a header value stands for; raises CertificateRefused unless it is valid now and of this issuer."""
        certificate = self._checked.get(header) or self._check(header)
        if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
            raise CertificateRefused("the certificate is not valid now")
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if len(names) != 1:
            raise CertificateRefused("the certificate names no user")
        return str(names[0].value)

    def _check(self, header: str) -> x509.Certificate:
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(header, validate=True))
            certificate.verify_directly_issued_by(self._issuer)
        except (binascii.Error, ValueError, TypeError, InvalidSignature) as problem:
            raise CertificateRefused("the certificate is malformed or of an unknown issuer") from problem
        if len(self._checked) >= KEPT_CERTIFICATES:
            self._checked.pop(next(iter(self._checked)))
        self._checked[header] = certificate
        return certificate
