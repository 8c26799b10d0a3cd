"""A request to an OData service and its answer as plain values, so that the parts of a batch can be the same thing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from app.landscape.asgi_exchange import WebRequest
from app.landscape.odata_schema import ODataError, bad_request


@dataclass(frozen=True, slots=True)
class ODataRequest:
    """`path` decoded and relative to the service, `base` the service's own address, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: str
    base: str

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises ODataError."""
        try:
            data = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise bad_request("The request body is not valid JSON") from None
        if not isinstance(data, dict):
            raise bad_request("The request body is not a JSON object")
        return data


@dataclass(frozen=True, slots=True)
class ODataAnswer:
    """Status, headers, body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def service_request(request: WebRequest, service: str, user: str) -> ODataRequest:
    """A web request below the path of a service, as that service sees it."""
    return ODataRequest(
        method=request.method,
        path=request.path[len(service) :].strip("/"),
        query=request.query,
        headers=request.headers,
        body=request.body,
        user=user,
        base=f"http://{request.host}{service}",
    )


def part_of(request: ODataRequest, method: str, url: str, headers: Mapping[str, str], body: bytes) -> ODataRequest:
    """A request inside a batch: its address is absolute, or relative to host or service. Raises ODataError."""
    service_path = urlsplit(request.base).path
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.path.startswith("/"):
        if not path.startswith(service_path + "/"):
            raise bad_request(f"The address {parts.path} is outside of the service")
        path = path[len(service_path) :]
    return ODataRequest(
        method=method,
        path=path.strip("/"),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=body,
        user=request.user,
        base=request.base,
    )


def json_answer(status: int, data: Any, headers: Mapping[str, str]) -> ODataAnswer:
    """An answer with a JSON body."""
    return ODataAnswer(status, {"Content-Type": "application/json", **headers}, json.dumps(data).encode())


def method_refused(method: str) -> ODataError:
    """405 for this kind of resource."""
    return ODataError(405, "/IWFND/CM_MGW/083", f"Method {method} is not allowed for this resource")
