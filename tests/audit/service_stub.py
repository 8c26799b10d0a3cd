"""An audit log service with its token service, on loopback: notes what it gets, answers as told."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.support.raw_backend import Link

PATH = b"/audit-log/oauth2/v2/security-events"


@dataclass
class AuditStub:
    """`statuses` are the next answers to events, 201 when there is none; `events` are those that were taken."""

    statuses: deque[int] = field(default_factory=deque)
    events: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0
    tokens: int = 0
    grants: list[str] = field(default_factory=list)

    async def serve(self, link: Link) -> None:
        """The script of a connection."""
        while True:
            request = await link.request()
            if request.target == b"/oauth/token":
                self.tokens += 1
                self.grants += parse_qs(request.body.decode())["grant_type"]
                token = f"token-{self.tokens}"
                await link.send(_json(200, {"access_token": token, "expires_in": 3600, "token_type": "bearer"}))
                continue
            assert request.target == PATH
            assert request.values(b"authorization") == [b"Bearer token-%d" % self.tokens]
            self.attempts += 1
            status = self.statuses.popleft() if self.statuses else 201
            if status == 201:
                self.events.append(json.loads(request.body))
            await link.send(_json(status, {}))


def credentials(port: int) -> dict[str, Any]:
    """The binding's credentials."""
    url = f"http://127.0.0.1:{port}"
    return {
        "url": url,
        "uaa": {"url": url, "clientid": "audit", "clientsecret": "s3cret", "identityzoneid": "provider-zone"},
    }


def _json(status: int, document: object) -> bytes:
    body = json.dumps(document).encode()
    head = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    return head + body
