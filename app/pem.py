"""Public keys and certificates in PEM, as people and bindings write them down."""

from __future__ import annotations

import os
import re
import ssl


def public_pem(text: str) -> str:
    """A public key in the form parsers take: it may stand on one line, with `\\n` for line ends, or be base64 alone."""
    body = re.sub(r"-----[A-Z ]+-----|\s", "", text.replace("\\n", "\n"))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def is_trust_store(file: str) -> bool:
    """Whether a file is there and holds certificates that can be trusted. Reads it."""
    if not os.path.isfile(file):  # a pipe or a device might never end
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (OSError, ValueError):  # among them ssl.SSLError
        return False
    return True
