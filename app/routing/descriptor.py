"""xs-app.json, the whole of its schema (reference router 23.0.0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from app.problem import PathPart, Problem
from app.routing.descriptor_cors import CorsPolicy
from app.routing.descriptor_header import ResponseHeader
from app.routing.descriptor_options import (
    Compression,
    DestinationOptions,
    ErrorPage,
    Login,
    Logout,
    OutgoingRequestOptions,
    ServiceOptions,
    WebSockets,
    WhitelistService,
)
from app.routing.descriptor_route import RouteEntry
from app.strict_model import Many, StrictModel, problems_of, read_json

FILE_NAME = "xs-app.json"


class Descriptor(StrictModel):
    """The content of xs-app.json."""

    welcome_file: Annotated[str, Field(min_length=1)] | None = None
    """Where `/` redirects to."""
    authentication_method: Literal["none", "route"] = "route"
    """`none` switches authentication off for all routes."""
    state_protection: bool = True
    """Whether logins carry a state parameter."""
    session_timeout: Annotated[int, Field(ge=1)] = 15
    """Minutes without a request after which a session ends; `SESSION_TIMEOUT` goes before."""
    routes: Many[RouteEntry] = ()
    """The routes; the first that matches counts."""
    login: Login = Login(callbackEndpoint="/login/callback")
    """Login endpoint."""
    logout: Logout | None = None
    """Logout endpoints and page."""
    destinations: dict[str, DestinationOptions] = Field(default_factory=dict)
    """Options of destinations, by name."""
    services: dict[str, ServiceOptions] = Field(default_factory=dict)
    """Options of business services, by name."""
    response_headers: Many[ResponseHeader] = ()
    """Headers added to all answers."""
    compression: Compression = Compression()
    """Compression of answers."""
    plugin_metadata_endpoint: Annotated[str, Field(min_length=1)] | None = None
    """Path that lists the plugins."""
    whitelist_service: WhitelistService | None = None
    """Service that tells who may frame our pages."""
    websockets: WebSockets = WebSockets(enabled=False)
    """Web sockets."""
    error_page: Many[ErrorPage] = ()
    """Own pages for errors of the gateway."""
    cors: Many[CorsPolicy] | None = None
    """Cross-origin policies; go before the variable `CORS`."""
    outgoing_request_options: OutgoingRequestOptions | None = None
    """Timeouts of calls to platform services."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a descriptor.

    With problems, `descriptor` holds what is left without the offending parts, so that other checks can go on;
    `positions` are the indexes of its routes in the file.
    """

    descriptor: Descriptor = field(default_factory=Descriptor)
    positions: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_descriptor(text: str, where: str = FILE_NAME) -> Reading:
    """Read xs-app.json; never raises, problems are part of the result."""
    try:
        document = read_json(text.removeprefix("\ufeff"))
    except ValueError as error:
        return Reading(problems=(Problem(where, "", "", str(error)),))
    if not isinstance(document, dict):
        return Reading(problems=(Problem(where, "$", "", "an object"),))
    try:
        descriptor = Descriptor.model_validate(document)
    except ValidationError as error:
        rest, positions = _without_faults(document, [details["loc"] for details in error.errors()])
        problems = tuple(problems_of(where, error, Descriptor))
        return Reading(Descriptor.model_validate(rest), positions, problems)
    return Reading(descriptor, tuple(range(len(descriptor.routes))))


def _without_faults(
    document: dict[str, Any], locations: list[tuple[PathPart, ...]]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The document without the routes, and other top-level properties, in which errors were found."""
    bad_routes = {place[1] for place in locations if place[0] == "routes" and len(place) > 1}
    bad_names = {place[0] for place in locations if place[0] != "routes" or len(place) == 1}
    rest = {name: value for name, value in document.items() if name not in bad_names}
    routes = rest.get("routes", [])
    positions = tuple(index for index in range(len(routes)) if index not in bad_routes)
    if routes:
        rest["routes"] = [routes[index] for index in positions]
    return rest, positions
