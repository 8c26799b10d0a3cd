"""Public keys as people and bindings write them down."""

from __future__ import annotations

import re


def public_pem(text: str) -> str:
    """A public key in the form parsers take: it may stand on one line, with `\\n` for line ends, or be base64 alone."""
    body = re.sub(r"-----[A-Z ]+-----|\s", "", text.replace("\\n", "\n"))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
