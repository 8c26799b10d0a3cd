"""The client certificate of a request, as the platform's router hands it on (protocols 1.3). Pure."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import datetime
from urllib.parse import unquote

from cryptography import x509

from app.subscriptions.distinguished_name import NamePattern

MAX_CHARACTERS = 16 * 1024
_ELEMENT = re.compile(r'(?:\A|[;,])Cert="([^"]*)"', re.IGNORECASE)
_MARKS = re.compile(r"-----(?:BEGIN|END) CERTIFICATE-----|\s")


def parse_certificate(header: str | None) -> x509.Certificate | None:
    """The certificate in a header value; None when there is none that can be read.

    Cloud Foundry sends the body of a PEM file on one line, Kyma a URL-encoded one, by itself or as `Cert` among other
    elements. Of several certificates, the first is the client's.
    """
    text = (header or "").strip()
    if not text or len(text) > MAX_CHARACTERS:
        return None
    element = _ELEMENT.search(text)
    if element is not None:
        text = element[1]
    if "%" in text:
        text = unquote(text)
    first, _, _ = text.partition("-----END CERTIFICATE-----")
    try:
        return x509.load_der_x509_certificate(b64decode(_MARKS.sub("", first), validate=True))
    except ValueError:
        return None


def is_expected(certificate: x509.Certificate, subject: NamePattern, issuer: NamePattern, now: datetime) -> bool:
    """Whether a certificate is valid `now` and of these names. That its issuer really signed it, and that the client
    has the key, the platform's router has found out in the TLS handshake.
    """
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    return subject.fits(certificate.subject) and issuer.fits(certificate.issuer)
