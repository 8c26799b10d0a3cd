"""What is noted about a request on its way, for the log and for its answer: nothing is decided from it."""

from __future__ import annotations

import time
from typing import Protocol

from app.answer import Headers
from app.errors import GatewayError
from app.observability.access_log import Outcome
from app.observability.platform_fields import UNKNOWN
from app.observability.trace import Trace
from app.principal import Caller, Tenant
from app.request_head import RequestHead

STATISTICS = b"sap-statistics"
"""Asks how long a request took, as a header or in the query (reference, "Support of SAP Statistics")."""


class Answered(Protocol):
    """What is known of an answer: status 0 where none has begun."""

    status: int
    bytes_sent: int
    content_type: bytes


class Visit:
    """Started when a request comes in; `outcome` is its record when it has been answered.

    `cross_origin` are the headers of a CORS ruling, which every answer carries, also one about a failure, and
    `frame_ancestors` is the directive about frames of its Content-Security-Policy, where there is one by tenant.
    `trace` is there where somebody wants to see the request's steps. `written`: the request's line is in the log.
    """

    __slots__ = (
        "_received_at", "_started", "caller", "correlation_id", "cross_origin", "destination", "error",
        "forwarded_after", "frame_ancestors", "tenant", "trace", "written",
    )  # fmt: skip

    def __init__(self, correlation_id: str) -> None:
        self.correlation_id = correlation_id
        self._received_at = time.time()
        self._started = time.perf_counter()
        self.destination = UNKNOWN
        self.tenant: Tenant | None = None
        self.caller: Caller | None = None
        self.error: GatewayError | None = None
        self.forwarded_after = 0.0
        self.cross_origin: Headers = ()
        self.frame_ancestors = b""
        self.trace: Trace | None = None
        self.written = False

    @property
    def elapsed(self) -> float:
        """Seconds since the request came in."""
        return time.perf_counter() - self._started

    @staticmethod
    def wants_statistics(head: RequestHead) -> bool:
        """Whether the client asked how long we took."""
        return head.first.get(STATISTICS) == b"true" or "sap-statistics=true" in head.query

    def statistics(self) -> Headers:
        """The answer to that: milliseconds in all, and what of them the backend took until its head was there."""
        total = self.elapsed * 1000
        external = total - self.forwarded_after * 1000
        return ((b"sap-statistics-approuter", b"total=%.3f,ext=%.3f" % (total, external)),)

    def outcome(self, answered: Answered) -> Outcome:
        """How the request ended."""
        tenant, error = self.tenant, self.error
        return Outcome(
            status=answered.status or (error.row.status if error is not None else 0),
            received_at=self._received_at,
            duration=self.elapsed,
            correlation_id=self.correlation_id,
            response_size=answered.bytes_sent,
            content_type=answered.content_type,
            caller=self.caller,
            tenant_id=tenant.id if tenant is not None else UNKNOWN,
            tenant_subdomain=tenant.subdomain if tenant is not None else UNKNOWN,
            destination=self.destination,
            error=error,
            way=self.trace.steps if self.trace is not None else (),
        )
