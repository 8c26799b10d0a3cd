"""A route as the gateway uses it: everything resolved, nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.errors import Failure, GatewayError
from app.routing.descriptor_route import Replace
from app.routing.js_regex import Pattern
from app.routing.reference import BackendReference
from app.routing.target import Template


class AuthenticationType(StrEnum):
    """How callers of a route prove who they are."""

    NONE = "none"
    XSUAA = "xsuaa"
    BASIC = "basic"
    IAS = "ias"


@dataclass(frozen=True, slots=True)
class RequiredScopes:
    """Scopes with `$XSAPPNAME` resolved. `default` is for methods not in `by_method`; None refuses them."""

    default: frozenset[str] | None
    by_method: Mapping[str, frozenset[str]]

    def allow(self, method: str, granted: frozenset[str]) -> bool:
        """Whether a user with these scopes may use the method: one of the required ones is enough."""
        required = self.by_method.get(method, self.default)
        return required is not None and not required.isdisjoint(granted)

    def check(self, method: str, granted: frozenset[str]) -> None:
        """Raises SCOPE_MISSING where `allow` says no; the log says which scopes would do."""
        if not self.allow(method, granted):
            required = self.by_method.get(method, self.default)
            needed = "no scope permits this method" if required is None else f"needs {' or '.join(sorted(required))}"
            raise GatewayError(Failure.SCOPE_MISSING, logged=needed)


@dataclass(frozen=True, slots=True)
class Route:
    """One route. Exactly one of `destination`, `destination_template`, `destination_from_host`, `service` and
    `local_dir` says where its requests go; the route of unknown addresses (`RouteTable`) has none of them.
    """

    index: int
    """Position in the table, counted from 0."""
    source: str
    """The pattern as configured."""
    pattern: Pattern
    """The compiled pattern."""
    target: Template | None
    """What replaces the matched part; None leaves the address as it is."""
    destination: str | None = None
    """Name of the destination."""
    destination_template: Template | None = None
    """How the destination's name follows from the match."""
    destination_from_host: bool = False
    """Whether the destination's name is part of the host name."""
    service: str | None = None
    """Name of the business service."""
    endpoint: str | None = None
    """Endpoint of the service."""
    local_dir: str | None = None
    """Folder, relative to the working directory."""
    reference: BackendReference | None = None
    """The backend that gets the requests; None where the request names it, or where there is none."""
    methods: frozenset[str] | None = None
    """Methods the route serves; None is all."""
    authentication: AuthenticationType = AuthenticationType.NONE
    """How callers prove who they are."""
    scopes: RequiredScopes | None = None
    """Scopes the user needs; None is none. Nobody has them where `authenticationMethod` switches logins off."""
    csrf: bool = False
    """Whether writing methods need a CSRF token; never on public routes."""
    set_backend_session_cookies: bool = False
    """Whether session cookies of the backend go to the browser."""
    cache_control: str | None = None
    """`Cache-Control` of static files."""
    replace: Replace | None = None
    """Placeholders in static files."""
    prefer_local: bool = False
    """Whether the destination is the provider's."""
    identity_provider: str | None = None
    """Identity provider for the login."""
    dynamic_identity_provider: bool = False
    """Whether `sap_idp` in the query chooses the identity provider."""
    implicit: bool = False
    """Whether this is the default route to `resources`, which is written nowhere."""

    @property
    def is_public(self) -> bool:
        """Whether anybody may call."""
        return self.authentication is AuthenticationType.NONE
