"""The request as the backend gets it: built anew from what came in, never edited in place."""

from __future__ import annotations

from typing import NamedTuple

from app.answer import Headers
from app.backends.backend import Backend
from app.errors import Failure, GatewayError
from app.forwarding.headers import HeaderList, nominated, request_header_passes
from app.request_head import RequestHead
from app.transport.pool_key import OnPremiseKey

MAX_PROXY_LINE = 8192
_COLON = b": "


class Outbound(NamedTuple):
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
    head = _end_to_end(head)
    first = head.first
    lines = _copied(head, backend, outbound)
    host = first.get(b"host", b"")
    lines.append((b"host", host if backend.preserve_host and host else backend.authority))
    if backend.forwarded_headers:
        lines.append((b"x-forwarded-for", _forwarded_for(head)))
        lines.append((b"x-forwarded-host", first.get(b"x-forwarded-host", host)))
        lines.append((b"x-forwarded-proto", first.get(b"x-forwarded-proto") or head.scheme.encode("ascii")))
        lines.append((b"x-forwarded-path", first.get(b"x-forwarded-path") or head.path.encode("latin-1")))
    if outbound.cookie:
        lines.append((b"cookie", outbound.cookie))
    if backend.defaults:
        sent = {name for name, _ in lines}
        lines += [pair for pair in backend.defaults if pair[0] not in sent]
    lines += backend.credentials
    lines += outbound.extra
    request_line = b"%b %b HTTP/1.1" % (head.method.encode("ascii"), request_target(target, backend))
    data = b"\r\n".join((request_line, *map(_COLON.join, lines), b"", b""))
    if len(data) > MAX_PROXY_LINE and isinstance(backend.key, OnPremiseKey):
        _refuse_long_lines(data)
    return data


def _end_to_end(head: RequestHead) -> RequestHead:
    """The request without what `Connection` declares hop-by-hop. That goes first, so that it cannot remove what we say
    (attack 42)."""
    if b"connection" not in head.first:
        return head
    names = nominated([value for name, value in head.headers if name == b"connection"])
    if names.isdisjoint(head.first):
        return head
    headers = [pair for pair in head.headers if pair[0] not in names]
    return RequestHead(head.method, head.target, headers, head.client, head.scheme)


def _copied(head: RequestHead, backend: Backend, outbound: Outbound) -> HeaderList:
    """The client's headers that pass as they are."""
    first = head.first
    lines = [pair for pair in head.headers if request_header_passes[pair[0]]]
    if outbound.keep_authorization and b"authorization" in first:
        lines.append((b"authorization", first[b"authorization"]))
    if not backend.forwarded_headers:
        lines = [pair for pair in lines if not pair[0].startswith(b"x-forwarded-")]
    withheld = backend.replaced
    if outbound.dropped:
        withheld |= outbound.dropped
    if not withheld.isdisjoint(first):
        lines = [pair for pair in lines if pair[0] not in withheld]
    return lines


def _forwarded_for(head: RequestHead) -> bytes:
    """The client's address behind those that came along (several header lines are one list)."""
    client = head.client.encode("latin-1")
    if b"x-forwarded-for" not in head.first:
        return client
    return b", ".join((*(value for name, value in head.headers if name == b"x-forwarded-for"), client))


def _refuse_long_lines(data: bytes) -> None:
    for line in data.split(b"\r\n"):
        if len(line) > MAX_PROXY_LINE:
            name = line.partition(b":")[0][:64].decode("latin-1") if b":" in line[:64] else "request line"
            raise GatewayError(Failure.PROXY_HEADER_TOO_LONG, f"{name} has {len(line)} bytes")
