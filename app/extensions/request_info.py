"""What extensions get to know about a request: an immutable view, found in the ASGI scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.answer import Headers
from app.errors import GatewayError
from app.principal import ServicePrincipal, Tenant, UserPrincipal

INFO = "gangway.request"
ERROR = "gangway.error"


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request on its way.

    `target` is path and query as received; header names are lower-case. `tenant` and `user` are None as long as they
    are not known: in the slot `first`, and on public routes. `user` is another application where one calls for itself.
    No token is ever part of it.
    """

    method: str
    target: str
    headers: Headers
    tenant: Tenant | None = None
    user: UserPrincipal | ServicePrincipal | None = None
    scopes: frozenset[str] = frozenset()
    route: str = ""
    """`source` of the route that serves the request; empty while none has been found."""
    correlation_id: str = ""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


def request_info(scope: Mapping[str, Any]) -> RequestInfo:
    """What is known about the request of an ASGI scope; also for handlers of a mounted application."""
    info = scope.get(INFO)
    if isinstance(info, RequestInfo):
        return info
    query = scope["query_string"]
    raw: bytes = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
    return RequestInfo(scope.get("method", "GET"), raw.decode("latin-1"), tuple(scope["headers"]))


def error_of(scope: Mapping[str, Any]) -> GatewayError | None:
    """The failure that is being answered, in the slot `before_error_handler`; None anywhere else."""
    error = scope.get(ERROR)
    return error if isinstance(error, GatewayError) else None
