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
_QUERY_PARAMETER = re.compile(r";([^;=]+)=[^;]*")
_PATH_PARAMETER = re.compile(r";([^;=/]+)=[^;/]*")
_JOINTS = str.maketrans("", "", "-_.")
_PARAMETER_NAMES = frozenset(
    ("code", "state", "nonce", "ticket", "sapcontextid", "sig", "pin", "otp", "key", "pwd", "passcode")
)
_PARAMETER_PARTS = (
    "token", "secret", "passw", "assertion", "saml", "session", "jwt", "credential", "verifier", "authorization",
    "signature", "apikey", "subscriptionkey",
)  # fmt: skip
"""Parts of names, without hyphens, underscores and dots, as those above."""


def redact(text: str) -> str:
    """The text without tokens, passwords, cookies and private keys."""
    text = _PEM.sub(MASK, text)
    text = _COOKIES.sub(rf"\1{MASK}", text)
    text = _CREDENTIALS.sub(rf"\1 {MASK}", text)
    text = _SECRETS.sub(rf"\1\2{MASK}", text)
    text = _SESSIONS.sub(rf"\1{MASK}", text)
    return _JWT.sub(MASK, text)


def redact_target(target: str) -> str:
    """A request target or address, with the values of secret parameters of its query and path masked; JWTs are masked
    anywhere in it.
    """
    if "?" in target or ";" in target:
        path, mark, query = target.partition("?")
        path = _PATH_PARAMETER.sub(_redact_found, path)
        target = path + mark + "&".join(map(_redact_parameter, query.split("&")))
    return _JWT.sub(MASK, target) if "eyJ" in target else target


def _redact_parameter(parameter: str) -> str:
    """A parameter of a query; another one can stand behind a semicolon in its value."""
    name, equals, _ = parameter.partition("=")
    if equals and _is_secret(name):
        return f"{name}={MASK}"
    return _QUERY_PARAMETER.sub(_redact_found, parameter) if ";" in parameter else parameter


def _redact_found(parameter: re.Match[str]) -> str:
    return f";{parameter[1]}={MASK}" if _is_secret(parameter[1]) else parameter[0]


@lru_cache(maxsize=256)
def _is_secret(name: str) -> bool:
    plain = unquote(name).lower().translate(_JOINTS)
    return plain in _PARAMETER_NAMES or any(part in plain for part in _PARAMETER_PARTS)
