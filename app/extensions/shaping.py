"""Response hooks: what they make of the headers of a backend's answer. One that fails changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from app.answer import Headers
from app.extensions.extension import ResponseHook
from app.extensions.handed_on import Send
from app.extensions.request_info import RequestInfo
from app.inbound.answer_headers import is_header
from app.inbound.exchange import Message

log = logging.getLogger("gangway.extensions")

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def shaping(hooks: Sequence[ResponseHook], info: RequestInfo, send: Send) -> Send:
    """A channel that shows the head of an answer to the hooks, one after the other."""

    async def shape(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": await _shaped(hooks, info, message["status"], tuple(message["headers"]))}
        await send(message)

    return shape


async def _shaped(hooks: Sequence[ResponseHook], info: RequestInfo, status: int, headers: Headers) -> Headers:
    for hook in hooks:
        try:
            headers = _checked(await hook(info, status, headers), headers)
        except Exception:  # a hook that fails changes nothing
            fields = {"correlation_id": info.correlation_id}
            log.exception("a response hook failed; its changes are left out", extra={"fields": fields})
    return headers


def _checked(returned: Headers, before: Headers) -> Headers:
    """What a hook returned, with lower-case names. Raises TypeError or ValueError for what cannot be sent."""
    headers = tuple((name.lower(), value) for name, value in returned)
    for name, value in headers:
        if not is_header(name, value):
            raise ValueError(f"no header: {name!r}")
        if name in _FRAMING and (name, value) not in before:
            raise ValueError(f"{name.decode()} is decided by the body")
    return headers
