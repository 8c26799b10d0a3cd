"""A throw-away certificate authority: server certificates, client certificates, key stores."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate with its private key and the issuer's certificate."""

    certificate: x509.Certificate
    key: PrivateKey
    issuer: x509.Certificate

    @property
    def certificate_pem(self) -> str:
        """The certificate and its issuer's, PEM, leaf first."""
        return _pem(self.certificate) + _pem(self.issuer)

    @property
    def key_pem(self) -> str:
        """The private key, PKCS#8 PEM, unencrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def p12(self, password: str) -> bytes:
        """A PKCS#12 key store that holds the pair and the issuer's certificate."""
        encryption = serialization.BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"client", self.key, self.certificate, [self.issuer], encryption)


class CertificateAuthority:
    """Issues certificates that nobody outside the landscape trusts; nothing of it is kept on disk."""

    def __init__(self, common_name: str = "Landscape CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = distinguished_name(common_name)
        self.certificate = (
            _builder(name, name, self._key.public_key(), timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The authority's certificate, PEM: what a client adds to its trust store."""
        return _pem(self.certificate)

    def server_pair(self, *names: str) -> KeyPair:
        """A certificate for host names and IP addresses."""
        return self._issue(
            distinguished_name(names[0]), ExtendedKeyUsageOID.SERVER_AUTH, timedelta(days=7), alternative_names=names
        )

    def client_pair(self, subject: x509.Name | str, validity: timedelta = timedelta(days=7)) -> KeyPair:
        """A client certificate for a subject, or for a plain common name."""
        name = distinguished_name(subject) if isinstance(subject, str) else subject
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, validity)

    def server_context(self, *names: str, ask_client: bool = False) -> ssl.SSLContext:
        """A TLS context for a server; with `ask_client` a client may show a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _load_pair(context, self.server_pair(*names))
        if ask_client:
            context.load_verify_locations(cadata=self.pem)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def client_context(self, pair: KeyPair | None = None) -> ssl.SSLContext:
        """A TLS context for a client that trusts this authority alone, and shows the pair if one is given."""
        context = ssl.create_default_context(cadata=self.pem)
        if pair:
            _load_pair(context, pair)
        return context

    def _issue(
        self,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        validity: timedelta,
        alternative_names: tuple[str, ...] = (),
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self.certificate.subject, key.public_key(), validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if alternative_names:
            names = [_alternative_name(name) for name in alternative_names]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return KeyPair(builder.sign(self._key, hashes.SHA256()), key, self.certificate)


def distinguished_name(common_name: str) -> x509.Name:
    """`CN=<common name>,O=Landscape,C=DE`."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Landscape"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, validity: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_TOLERANCE)
        .not_valid_after(now + validity)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _load_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    """The ssl module reads certificate and key from files only: they exist for the moment of the call."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pair.pem")
        path.touch(mode=0o600)
        path.write_text(pair.key_pem + pair.certificate_pem)
        context.load_cert_chain(path)
