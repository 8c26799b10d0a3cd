"""Basic authentication of the backends (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping


def basic_user(authorization: str, users: Mapping[str, str]) -> str:
    """The user of a Basic header when the password is right, else empty; `users` is name -> password."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    expected = users.get(name)
    return name if expected is not None and hmac.compare_digest(expected.encode(), password.encode()) else ""
