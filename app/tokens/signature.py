"""Keys and signatures: the only module that handles JSON Web Keys and Signatures (RFC 7515, RFC 7517).

It is loaded when the first token is validated, not at the start: the library takes its time.
"""

from __future__ import annotations

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from app.pem import public_pem

MAX_KEYS = 100


def is_signed_by(token: str, key: RSAKey) -> bool:
    """Whether the token is a JWS of algorithm RS256 and this key signed it."""
    try:
        jws.deserialize_compact(token, key, algorithms=["RS256"])
    except (JoseError, ValueError):
        return False
    return True


def parse_keys(document: object) -> dict[str, RSAKey]:
    """RSA signing keys of a key set by id, without those we cannot use. Raises ValueError when it is no key set."""
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no key set")
    found: dict[str, RSAKey] = {}
    for entry in entries[:MAX_KEYS]:
        key = _rsa_key(entry)
        if key is not None:
            found[entry["kid"]] = key
    return found


def _rsa_key(entry: object) -> RSAKey | None:
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
        return None
    try:
        if "n" in entry:
            return RSAKey.import_key({"kty": "RSA", "n": entry["n"], "e": entry.get("e", "AQAB")})
        return RSAKey.import_key(public_pem(entry["value"]))
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def parse_pem(pem: str) -> RSAKey | None:
    """A public key as bindings deliver it, None when it is unusable."""
    try:
        return RSAKey.import_key(public_pem(pem))
    except (JoseError, ValueError):
        return None
