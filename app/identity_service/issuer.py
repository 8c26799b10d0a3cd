"""Which issuers of tokens are the identity service's tenants (protocols 3.3, rule 1). Pure."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from app.bindings.credentials import IdentityCredentials
from app.tokens.claims import Claims, refused, text

_UNSAFE = re.compile(r"[\x00-\x20\x7f%\\?#@]")
_LABEL = re.compile(r"[A-Za-z0-9-]{1,63}")


def own_issuer(credentials: IdentityCredentials) -> str:
    """The issuer that the binding names."""
    return with_scheme(credentials.url, credentials).rstrip("/")


def with_scheme(address: str, credentials: IdentityCredentials) -> str:
    """An issuer as an address: tenants may be configured to call themselves by their host alone."""
    scheme = "http" if credentials.url.startswith("http://") else "https"
    return address if "://" in address else f"{scheme}://{address}"


def trusted_issuer(claims: Claims, credentials: IdentityCredentials) -> str:
    """The tenant of the identity service that vouches for a token; `ias_iss` names it where `iss` is a custom domain.

    Refuses what is not the binding's own host or one label below one of its domains, over the binding's own scheme and
    port.
    """
    issuer = with_scheme(text(claims, "ias_iss") or text(claims, "iss"), credentials)
    found, own = _split(issuer), _split(own_issuer(credentials))
    if found is None or own is None or (found.scheme, found.port) != (own.scheme, own.port):
        raise refused("the issuer is unknown")
    if found.hostname != own.hostname and not _is_below(found.hostname or "", credentials.domains):
        raise refused("the issuer is unknown")
    return issuer.rstrip("/").lower()


def _split(address: str) -> SplitResult | None:
    """An address of a host, with nothing that different readers could understand differently."""
    if _UNSAFE.search(address) or not address.isascii():
        return None
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for a malformed one
    except ValueError:
        return None
    plain = parts.hostname and not parts.netloc.endswith(":") and parts.path in ("", "/")
    return parts if plain and parts.scheme in ("https", "http") else None


def _is_below(host: str, domains: tuple[str, ...]) -> bool:
    for domain in domains:
        label, dot, rest = host.partition(".")
        if host == domain.lower() or (dot and rest == domain.lower() and _LABEL.fullmatch(label)):
            return True
    return False
