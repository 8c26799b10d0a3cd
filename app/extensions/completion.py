"""What answers of middleware and of mounted applications lack of what every answer of ours has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.answer import Headers
from app.cache_control import make_private, unshared
from app.extensions.handed_on import Send
from app.forwarding.client_response import COOKIE
from app.guards.cors import ruled
from app.http_date import date_header
from app.inbound.exchange import Message
from app.observability.correlation import returned_headers
from app.response_headers import ResponsePolicy
from app.visit import Visit

_MARK = "gangway.complete"
"""Key of an answer's first message to which nothing is added any more: what it lacks, somebody has taken away."""


@dataclass(frozen=True, slots=True)
class Completion:
    """For the answers to one request. `own` are the headers that the gateway's own answer would carry besides."""

    policy: ResponsePolicy
    visit: Visit
    own: Headers = ()

    def sending(self, send: Send) -> Send:
        """A channel that completes what is sent through it."""

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start" and _MARK not in message:
                message = {**message, "headers": self.headers(message.get("headers", ())), _MARK: True}
            await send(message)

        return completed

    def headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, with what they lack; what is there already wins."""
        headers = [(name.lower(), value) for name, value in given]
        names = {name for name, _ in headers}
        ours = (*self.own, *returned_headers(self.visit.correlation_id), date_header())
        headers += [pair for pair in ours if pair[0] == COOKIE or pair[0] not in names]
        headers = ruled(headers, self.visit.cross_origin)
        headers += [pair for pair in self.policy.missing_from(headers) if pair not in headers]
        if self.own:
            make_private(headers)
        return list(unshared(tuple(headers))) if self.visit.caller is not None else headers


def complete(send: Send) -> Send:
    """A channel for answers that lack nothing."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, _MARK: True}
        await send(message)

    return marked
