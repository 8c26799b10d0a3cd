"""The addresses the platform asks whether this process lives, and whether it is ready (protocols 1.4).

They answer from facts in memory, without login, before routes and sessions are looked at: within microseconds also
when everything behind is slow.
"""

from __future__ import annotations

import json

from app.answer import Answer, Headers
from app.errors import Failure, GatewayError
from app.health.readiness import Readiness
from app.request_head import RequestHead

_HEADERS: Headers = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_ALIVE = Answer(200, _HEADERS, b'{"status":"UP"}')


class HealthEndpoints:
    """Answers `<prefix>/live` and `<prefix>/ready`; `prefix` is `GATEWAY_PREFIX`, such as `/.gangway`."""

    def __init__(self, readiness: Readiness, prefix: str = "/.gangway") -> None:
        self._readiness = readiness
        self._live = f"{prefix}/live"
        self._ready = f"{prefix}/ready"

    def answer(self, head: RequestHead) -> Answer | None:
        """The answer when the request is for one of the two, or None.

        Raises GatewayError METHOD_NOT_ALLOWED for other methods than GET and HEAD.
        """
        if head.path not in {self._live, self._ready}:
            return None
        if head.method not in {"GET", "HEAD"}:
            raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b"GET, HEAD"),))
        return _ALIVE if head.path == self._live else self._readiness_answer()

    def _readiness_answer(self) -> Answer:
        ready = self._readiness.ready
        checks = {name: {"ok": check.ok, "detail": check.detail} for name, check in self._readiness.checks.items()}
        status = "DOWN" if not ready else "UP" if self._readiness.healthy else "DEGRADED"
        body = json.dumps({"status": status, "checks": checks}).encode()
        return Answer(200 if ready else 503, _HEADERS, body)
