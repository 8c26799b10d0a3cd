"""Which requests may open a web socket. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import Failure, GatewayError
from app.guards.origins import OriginRule, check_origin
from app.request_head import RequestHead
from app.routing.reference import USER_API
from app.routing.route import Route


def check_websocket(route: Route, head: RequestHead, enabled: bool, origins: Sequence[OriginRule] | None) -> None:
    """Before anything of the caller is looked at. Raises NO_WEB_SOCKETS, NO_ROUTE, ORIGIN_REFUSED."""
    if not enabled:
        raise GatewayError(Failure.NO_WEB_SOCKETS)
    if route.local_dir is not None or route.service == USER_API:
        raise GatewayError(Failure.NO_ROUTE, "No destination serves web sockets at this address.")
    check_origin(head, origins)
