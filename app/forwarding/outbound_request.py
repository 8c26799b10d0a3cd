"""The request as the backend gets it: built anew from what came in, never edited in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.forwarding.headers import Treatment, nominated, request_treatment
from app.request_head import RequestHead
from app.transport.pool_key import OnPremiseKey

MAX_PROXY_LINE = 8192


@dataclass(frozen=True, slots=True)
class Outbound:
    """What one request adds of its own.

    `cookie` is the Cookie header to send (the client's without ours, plus the backend's stored ones), empty for none.
    `keep_authorization`: the client's own Authorization may pass (public routes only). `dropped`: headers of the
    client that are meant for us. `extra`: headers set last.
    """

    cookie: bytes = b""
    keep_authorization: bool = False
    dropped: frozenset[bytes] = frozenset()
    extra: Headers = ()


def request_target(target: str, backend: Backend) -> bytes:
    """The request target: the destination's base, the rewritten target, the destination's queries. Raw bytes stay."""
    raw = target.encode("latin-1")
    if not raw.startswith(b"/"):
        raw = b"/" + raw
    if backend.query:
        raw += (b"&" if b"?" in raw else b"?") + backend.query
    return backend.base + raw


def build_head(head: RequestHead, target: str, backend: Backend, outbound: Outbound) -> bytes:
    """Request line and headers as bytes, ending with the empty line.

    Raises GatewayError(PROXY_HEADER_TOO_LONG) for lines the connectivity proxy would not take (protocols, 5.2).
    """
    lines = [head.method.encode("ascii"), b" ", request_target(target, backend), b" HTTP/1.1\r\n"]
    host = _copy_headers(head, backend, outbound, lines)
    lines += (b"host: ", host if backend.preserve_host and host else backend.authority, b"\r\n")
    if outbound.cookie:
        lines += (b"cookie: ", outbound.cookie, b"\r\n")
    if backend.defaults:
        _append(lines, [pair for pair in backend.defaults if pair[0] not in head.first])
    _append(lines, backend.credentials)
    _append(lines, outbound.extra)
    lines.append(b"\r\n")
    data = b"".join(lines)
    if len(data) > MAX_PROXY_LINE and isinstance(backend.key, OnPremiseKey):
        _refuse_long_lines(data)
    return data


def _copy_headers(head: RequestHead, backend: Backend, outbound: Outbound, lines: list[bytes]) -> bytes:
    """Copy what may pass and add the forwarding headers; returns the client's Host."""
    dropped = outbound.dropped
    if b"connection" in head.first:
        dropped |= nominated(value for name, value in head.headers if name == b"connection")
    replaced = backend.replaced
    host = forwarded_for = b""
    missing = {b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-path"}
    for name, value in head.headers:
        treatment = request_treatment(name)
        if treatment is Treatment.PASS:
            if name not in replaced and name not in dropped:
                lines += (name, b": ", value, b"\r\n")
        elif treatment is Treatment.HOST:
            host = value
        elif treatment is Treatment.AUTHORIZATION:
            if outbound.keep_authorization and name not in replaced:
                lines += (name, b": ", value, b"\r\n")
        elif treatment is Treatment.FORWARDED_FOR:
            forwarded_for += value + b", "
        elif treatment is Treatment.FORWARDED and backend.forwarded_headers and name in missing:
            missing.discard(name)
            lines += (name, b": ", value, b"\r\n")
    lines += (b"x-forwarded-for: ", forwarded_for, head.client.encode("latin-1"), b"\r\n")
    if backend.forwarded_headers and missing:
        _add_forwarded(head, host, missing, lines)
    return host


def _add_forwarded(head: RequestHead, host: bytes, missing: set[bytes], lines: list[bytes]) -> None:
    """What a front end has not said is made from the request (reference, "Forwarding Headers")."""
    if b"x-forwarded-host" in missing:
        lines += (b"x-forwarded-host: ", host, b"\r\n")
    if b"x-forwarded-proto" in missing:
        lines += (b"x-forwarded-proto: ", head.scheme.encode("ascii"), b"\r\n")
    if b"x-forwarded-path" in missing:
        lines += (b"x-forwarded-path: ", head.path.encode("latin-1"), b"\r\n")


def _append(lines: list[bytes], pairs: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in pairs:
        lines += (name, b": ", value, b"\r\n")


def _refuse_long_lines(data: bytes) -> None:
    for line in data.split(b"\r\n"):
        if len(line) > MAX_PROXY_LINE:
            name = line.partition(b":")[0][:64].decode("latin-1") if b":" in line[:64] else "request line"
            raise GatewayError(Failure.PROXY_HEADER_TOO_LONG, f"{name} has {len(line)} bytes")
