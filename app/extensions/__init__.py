"""Extending the gateway, the Python way. What start scripts import; see docs/extending.md."""

from app.extensions.extension import Extension, GetRouterConfig, GetToken, Middleware, SessionEvent
from app.extensions.mount import Mount
from app.extensions.request_info import RequestInfo, error_of, request_info
from app.extensions.router_config import RouterConfig
from app.extensions.slots import at
from app.sessions.observer import End

__all__ = [
    "End",
    "Extension",
    "GetRouterConfig",
    "GetToken",
    "Middleware",
    "Mount",
    "RequestInfo",
    "RouterConfig",
    "SessionEvent",
    "at",
    "error_of",
    "request_info",
]
