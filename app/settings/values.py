"""How the text of an environment variable becomes a value: switches, whole numbers, choices, JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from app.pem import public_pem
from app.strict_model import MAX_DIGITS, fault, read_json

Value = TypeVar("Value")

_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::[0-9]{1,5})?")


def _switch(text: object) -> bool:
    words = {"true": True, "false": False}
    if not isinstance(text, str) or text.strip().lower() not in words:
        raise fault("true or false")
    return words[text.strip().lower()]


def _whole(text: object) -> int:
    if not isinstance(text, str) or not text.strip().isdecimal() or not text.isascii():
        raise fault("a whole number")
    if len(text.strip()) > MAX_DIGITS:
        raise fault(f"a whole number of at most {MAX_DIGITS} digits")
    return int(text)


def _hosts(text: object) -> tuple[str, ...]:
    hosts = tuple(host.strip().lower() for host in str(text).split(",") if host.strip())
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise fault("host names separated by commas, such as app.example or *.app.example")
    return hosts


def _public_key(text: object) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = public_pem(str(text))
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise fault("a public RSA key in PEM, or its base64 alone", show_value=False)
    return pem


def _json(text: object) -> Any:
    try:
        return read_json(str(text))
    except ValueError as error:
        raise fault(str(error), show_value=False) from None


Switch = Annotated[bool, BeforeValidator(_switch)]
"""`true` or `false`, in any case of letters."""

Whole = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
"""A whole number, 0 included."""

Positive = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
"""A whole number from 1."""

Hosts = Annotated[tuple[str, ...], BeforeValidator(_hosts)]
"""Host names separated by commas, each perhaps with a port, or `*.domain` for everything below a domain."""

PublicKey = Annotated[str, BeforeValidator(_public_key)]
"""A public RSA key, as PEM."""

Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Json = Annotated[Value, BeforeValidator(_json)]
"""A JSON text, validated as the given type."""
