"""Which answers come from the connectivity proxy or the Cloud Connector, and not from the backend (protocols 5.3, 5.5).

Neither marks its answers: status and text have to do. What is not recognised is the backend's own.
"""

from __future__ import annotations

from app.answer import Headers
from app.errors import Failure

SUSPECT = frozenset({400, 403, 405, 407, 502, 503})
"""Statuses whose body is worth a look."""

BODY_LIMIT = 1024
"""How much of the body is looked at, in bytes: the texts stand at its beginning."""

_TEXTS: dict[int, tuple[tuple[bytes, Failure], ...]] = {
    400: (
        (b"one of the headers [sap-connectivity", Failure.PROXY_REFUSED),
        (b"invalid proxy header", Failure.PROXY_REFUSED),
    ),
    403: (
        (b"access denied to resource", Failure.RESOURCE_DENIED),
        (b"access denied to system", Failure.RESOURCE_DENIED),
        (b"principal propagation forbidden", Failure.PROPAGATION_FORBIDDEN),
    ),
    502: ((b"principal propagation forbidden", Failure.PROPAGATION_FORBIDDEN),),
    503: ((b"there is no sap cloud connector", Failure.NO_CLOUD_CONNECTOR),),
}


def proxy_failure(status: int, headers: Headers, body_start: bytes) -> Failure | None:
    """The failure that an answer received through the connectivity proxy stands for, None for the backend's own.

    `headers` with lower-case names; `body_start` is the beginning of the body, of which `BODY_LIMIT` bytes count.
    407 is always the proxy's. 405 is so without the `Allow` that a server has to send with it (RFC 9110, 15.5.6),
    where the text speaks of the request's form.
    """
    if status == 407:
        return Failure.PROXY_TOKEN_REFUSED
    text = body_start[:BODY_LIMIT].lower()
    if status == 405 and not any(name == b"allow" for name, _ in headers) and (b"connect" in text or b"http" in text):
        return Failure.PROXY_METHOD_REFUSED
    return next((failure for beginning, failure in _TEXTS.get(status, ()) if beginning in text), None)
