"""Reading one request to the connectivity proxy: its form, its target, its connectivity headers. No I/O.

Protocols, 5.2: absolute form with http only, a proxy token on every request, location id in plain text.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.landscape.http_wire import Framing, Head, request_framing
from app.landscape.proxy_refusal import (
    absolute_form_only,
    invalid_proxy_header,
    malformed,
    proxy_token_missing,
    scheme_refused,
)

_REQUEST_LINE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x22\x24-\x7e]+) HTTP/1\.([01])")
_AUTHORITY = re.compile(r"([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")

AUTHORIZATION = b"proxy-authorization"
LOCATION_ID = b"sap-connectivity-scc-location_id"
USER_TOKEN = b"sap-connectivity-authentication"
APPLICATION_TOKEN = b"sap-connectivity-technical-authentication"
_SINGLE = (AUTHORIZATION, LOCATION_ID, USER_TOKEN, APPLICATION_TOKEN)


@dataclass(frozen=True, slots=True)
class ProxyRequest:
    """A request as it asks to be carried. `target` is path and query, as sent; `upgrade` is the wanted protocol."""

    method: str
    host: str
    port: int
    target: str
    head: Head
    framing: Framing
    location_id: str
    upgrade: str
    keep_alive: bool

    @property
    def system(self) -> str:
        """Virtual address, `host:port`."""
        return f"{self.host}:{self.port}"


def read_request(head: Head) -> ProxyRequest:
    """A request from its head. Raises Refusal for any other form than the absolute one with http."""
    match = _REQUEST_LINE.fullmatch(head.first_line.decode("latin-1"))
    if match is None:
        raise malformed("Malformed request line")
    method, url, minor = match.groups()
    framing = request_framing(head)
    host, port, target = _split(method, url)
    _check_single(head)
    return ProxyRequest(
        method=method,
        host=host,
        port=port,
        target=target,
        head=head,
        framing=framing,
        location_id=(head.value(LOCATION_ID) or b"").decode("latin-1"),
        upgrade=_wanted_upgrade(head),
        keep_alive=minor == "1" and not head.lists(b"connection", b"close"),
    )


def _split(method: str, url: str) -> tuple[str, int, str]:
    if method == "CONNECT":
        raise scheme_refused("CONNECT")
    scheme = url[:8].lower()
    if scheme == "https://":
        raise scheme_refused("https")
    if not scheme.startswith("http://"):
        raise absolute_form_only()
    parts = urlsplit(url)
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None or int(authority[2] or 80) > 65535:
        raise malformed("Malformed virtual host")
    target = url[len("http://") + len(parts.netloc) :]
    return authority[1].lower(), int(authority[2] or 80), target if target.startswith("/") else "/" + target


def _check_single(head: Head) -> None:
    if len(head.values(b"host")) > 1:
        raise malformed("More than one Host header")
    for name in _SINGLE:
        if len(head.values(name)) > 1:
            raise invalid_proxy_header(name.decode())


def _wanted_upgrade(head: Head) -> str:
    wanted = head.value(b"upgrade")
    return wanted.decode("latin-1").lower() if wanted and head.lists(b"connection", b"upgrade") else ""


def proxy_token(head: Head) -> str:
    """The token of `Proxy-Authorization`: `Bearer <jwt>`, or `Basic` of `<jwt>:`. Raises Refusal (407)."""
    scheme, _, credentials = (head.value(AUTHORIZATION) or b"").partition(b" ")
    if scheme.lower() == b"bearer" and credentials.strip():
        return credentials.strip().decode("latin-1")
    if scheme.lower() == b"basic":
        return _token_of_basic(credentials.strip())
    raise proxy_token_missing()


def _token_of_basic(credentials: bytes) -> str:
    try:
        user = base64.b64decode(credentials, validate=True).partition(b":")[0].decode("latin-1")
    except (binascii.Error, ValueError):
        raise invalid_proxy_header(AUTHORIZATION.decode()) from None
    if not user:
        raise proxy_token_missing()
    return user


def bearer_of(head: Head, name: bytes) -> str | None:
    """The token of a connectivity header, None when the header is absent. Raises Refusal when it is no bearer."""
    value = head.value(name)
    if value is None:
        return None
    scheme, _, token = value.partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise invalid_proxy_header(name.decode())
    return token.strip().decode("latin-1")
