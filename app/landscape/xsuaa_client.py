"""The OAuth clients of XSUAA: who they are, how they prove it, where they may send a browser."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from cryptography import x509

DEFAULT_REDIRECT_URIS = ("http://localhost:*/**", "http://*.localhost:*/**", "http://127.0.0.1:*/**")


class OAuthError(Exception):
    """An error answer of an OAuth endpoint: HTTP status, `error` and `error_description` (RFC 6749, section 5.2)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A service instance as XSUAA knows it.

    `app_name` is the `xsappname`. `roles_apply` makes users' roles become scopes of this client; `sees_attributes`:
    its xs-security.json refers to the foreign scope `user_attributes`; `authorities` are the client's own scopes;
    `zones` the subdomains of the tenants that may use it. Validities in seconds.
    """

    client_id: str
    secret: str
    app_name: str
    instance_id: str
    zones: frozenset[str]
    certificate: x509.Certificate | None = None
    roles_apply: bool = False
    sees_attributes: bool = False
    authorities: tuple[str, ...] = ("uaa.resource",)
    redirect_uris: tuple[str, ...] = ()
    token_validity: int = 43200
    refresh_validity: int = 604800

    def may_redirect_to(self, address: str) -> bool:
        """Whether a registered pattern covers an address."""
        return any(matches_redirect(pattern, address) for pattern in self.redirect_uris)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a caller of the token endpoint showed: a client id with a secret or a certificate (or neither)."""

    client_id: str
    secret: str | None
    certificate_pem: str | None


def read_proof(headers: Mapping[str, str], form: Mapping[str, str], certificate_pem: str | None) -> Proof:
    """The client authentication of a request: Basic, or `client_id` and `client_secret` in the body, or mTLS.

    Basic credentials are taken as they are, unless `X-CF-ENCODED-CREDENTIALS: true` says that they are URL-encoded:
    the platform's compatibility mode ("Token Retrieval Fails With Status Code 401" of its troubleshooting guide).
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise OAuthError(401, "unauthorized", "Bad credentials") from None
        if headers.get("x-cf-encoded-credentials", "").lower() == "true":
            user, secret = unquote_plus(user), unquote_plus(secret)
        return Proof(user, secret, certificate_pem)
    return Proof(form.get("client_id", ""), form.get("client_secret"), certificate_pem)


def authenticate(proof: Proof, clients: Mapping[str, OAuthClient], zone: str) -> OAuthClient:
    """The client a proof stands for, in a tenant that may use it. Raises OAuthError 401."""
    client = clients.get(proof.client_id)
    if client is None or zone not in client.zones or not _proves(proof, client):
        raise OAuthError(401, "unauthorized", "Bad credentials")
    return client


def _proves(proof: Proof, client: OAuthClient) -> bool:
    if proof.secret is not None:
        return bool(client.secret) and hmac.compare_digest(proof.secret.encode(), client.secret.encode())
    if proof.certificate_pem is None or client.certificate is None:
        return False
    return x509.load_pem_x509_certificate(proof.certificate_pem.encode()) == client.certificate


def matches_redirect(pattern: str, address: str) -> bool:
    """Whether an address fits a registered pattern (`https://*.domain/callback/**`); the query is not looked at.

    `*` stands for characters of one label or segment, `**` (in the path) for any. Addresses a browser could read
    differently from us (user info, backslashes, control characters) fit nothing.
    """
    if re.search(r"[\\\x00-\x20\x7f]", address):
        return False
    parts = urlsplit(address)
    if "@" in parts.netloc or parts.fragment or "/../" in f"{parts.path}/":
        return False
    expected_scheme, _, rest = pattern.partition("://")
    expected_authority, slash, expected_path = rest.partition("/")
    return (
        parts.scheme == expected_scheme
        and _fits(expected_authority, parts.netloc, "[^/:]*")
        and _fits(slash + expected_path, parts.path, "[^/]*")
    )


def _fits(pattern: str, text: str, star: str) -> bool:
    pieces = re.split(r"(\*\*|\*)", pattern)
    expression = "".join({"**": ".*", "*": star}.get(piece, re.escape(piece)) for piece in pieces)
    return re.fullmatch(expression, text) is not None
