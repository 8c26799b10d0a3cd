"""Masks what must not be written anywhere: a second line of defence behind not writing it in the first place."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

MASK = "redacted"

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
_CREDENTIALS = re.compile(r"\b(Bearer|Basic|Negotiate) +[A-Za-z0-9+/=._~-]+", re.IGNORECASE)
_COOKIES = re.compile(r"\b((?:set-)?cookie['\"]?[:=] *)[^\r\n]+", re.IGNORECASE)
_SESSIONS = re.compile(r"\b(JSESSIONID=)[^;,\s]+", re.IGNORECASE)
_SECRETS = re.compile(
    r"\b(client_?secret|password|passwd|client_assertion|assertion|access_token|refresh_token|id_token|code_verifier)"
    r"(['\"]?\s?[:=]\s?)['\"]?[^\s'\",;&]+",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*-----)?")
_PARAMETER_NAMES = frozenset({"code", "state", "nonce", "ticket", "sap-contextid", "apikey", "api_key", "sig"})
_PARAMETER_PARTS = ("token", "secret", "passw", "assertion", "saml", "session", "jwt", "credential", "verifier")


def redact(text: str) -> str:
    """The text without tokens, passwords, cookies and private keys."""
    text = _PEM.sub(MASK, text)
    text = _COOKIES.sub(rf"\1{MASK}", text)
    text = _CREDENTIALS.sub(rf"\1 {MASK}", text)
    text = _SECRETS.sub(rf"\1\2{MASK}", text)
    text = _SESSIONS.sub(rf"\1{MASK}", text)
    return _JWT.sub(MASK, text)


def redact_target(target: str) -> str:
    """A request target with the values of its secret query parameters masked; JWTs are masked anywhere in it."""
    path, mark, query = target.partition("?")
    if mark:
        target = path + mark + "&".join(map(_redact_parameter, query.split("&")))
    return _JWT.sub(MASK, target) if "eyJ" in target else target


def _redact_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={MASK}" if equals and _is_secret(name) else parameter


@lru_cache(maxsize=256)
def _is_secret(name: str) -> bool:
    plain = unquote(name).lower()
    return plain in _PARAMETER_NAMES or any(part in plain for part in _PARAMETER_PARTS)
