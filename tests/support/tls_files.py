"""Certificates for servers of tests: an authority of its own, and a certificate it issued, as PEM files."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a server."""

    authority: Path
    certificate: Path
    key: Path


def new_authority(name: str = "test authority") -> Pair:
    """An authority that trusts nobody else."""
    return _issue(name, None, x509.BasicConstraints(ca=True, path_length=0), ())


def issue(authority: Pair, name: str) -> Pair:
    """A certificate for a host, or of a client."""
    return _issue(name, authority, x509.BasicConstraints(ca=False, path_length=None), (x509.DNSName(name),))


def _issue(name: str, issuer: Pair | None, kind: x509.BasicConstraints, names: tuple[x509.DNSName, ...]) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(kind, critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(builder.sign(issuer.key if issuer else key, SHA256()), key)


@contextmanager
def tls_files(host: str) -> Iterator[TlsFiles]:
    """The files of a server that is called by this name."""
    authority = new_authority()
    server = issue(authority, host)
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        files = TlsFiles(*(Path(folder) / name for name in ("authority.pem", "certificate.pem", "key.pem")))
        files.authority.write_text(authority.certificate_pem)
        files.certificate.write_text(server.certificate_pem)
        files.key.write_text(server.key_pem)
        yield files
