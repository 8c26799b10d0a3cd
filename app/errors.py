"""Every way a request can fail: status, hop and what to do next, in one table.

`Failure` is the table: a member is a failure, its value the row, so that a failure without a row cannot exist.
`GatewayError` carries one of them to the place that answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Hop(StrEnum):
    """The station of a request's way that failed; the value is what `x-error-origin` says."""

    CLIENT = "client"
    SESSION = "session"
    XSUAA = "xsuaa"
    IDENTITY_SERVICE = "identity-service"
    DESTINATION_SERVICE = "destination-service"
    HTML5_REPOSITORY = "html5-repository"
    CONNECTIVITY_PROXY = "connectivity-proxy"
    FORWARD_PROXY = "forward-proxy"
    CLOUD_CONNECTOR = "cloud-connector"
    BACKEND = "backend"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the error table: HTTP status, failing hop, short title, and what the reader should do."""

    status: int
    hop: Hop
    title: str
    advice: str


class Failure(Enum):
    """The error table."""

    # -- the client's request
    BAD_REQUEST = Row(400, Hop.CLIENT, "Bad request", "Correct the request and send it again.")
    NO_ROUTE = Row(404, Hop.CLIENT, "Not found", "Correct the address, or add a route to xs-app.json that it matches.")
    NO_WEB_SOCKETS = Row(404, Hop.CLIENT, "No web sockets", "Set websockets.enabled to true in xs-app.json.")
    METHOD_NOT_ALLOWED = Row(405, Hop.CLIENT, "Method not allowed", "Use one of the methods listed in Allow.")
    REQUEST_TIMEOUT = Row(
        408,
        Hop.CLIENT,
        "Request timeout",
        "Send it again, and faster: within INCOMING_REQUEST_TIMEOUT, its head within 30 s.",
    )
    URI_TOO_LONG = Row(414, Hop.CLIENT, "Address too long", "Shorten the address.")
    HEADERS_TOO_LARGE = Row(431, Hop.CLIENT, "Header fields too large", "Send fewer or shorter headers and cookies.")
    CLIENT_GONE = Row(
        499, Hop.CLIENT, "Client closed the request", "Find out why the client did not wait for its answer."
    )
    PATH_REFUSED = Row(400, Hop.CLIENT, "Path refused", "Leave dot segments and disguised separators out.")
    HTTPS_REQUIRED = Row(403, Hop.CLIENT, "HTTPS required", "Call this address with https.")
    EXPECTATION_FAILED = Row(417, Hop.CLIENT, "Expectation failed", "Send no Expect but 100-continue.")
    METHOD_NOT_SUPPORTED = Row(501, Hop.CLIENT, "Method not supported", "Use a method of HTTP or WebDAV.")
    VERSION_NOT_SUPPORTED = Row(505, Hop.CLIENT, "HTTP version not supported", "Call with HTTP/1.1.")
    # -- who is calling
    LOGIN_REQUIRED = Row(401, Hop.SESSION, "Login required", "Log in: there is no session, or it has ended.")
    BASIC_REQUIRED = Row(401, Hop.SESSION, "Credentials required", "Send a user name and a password.")
    TOKEN_REFUSED = Row(401, Hop.SESSION, "Token refused", "Send a living token that was issued for this application.")
    TOO_MANY_UNKNOWN = Row(
        503, Hop.SESSION, "Too many unknown tenants", "Retry later: tokens of unknown tenants flood in."
    )
    CERTIFICATE_REFUSED = Row(
        401, Hop.CLIENT, "Certificate refused", "Call with the client certificate that the binding names."
    )
    LOGIN_FAILED = Row(400, Hop.SESSION, "Login failed", "Start the login again from the application's address.")
    SCOPE_MISSING = Row(403, Hop.SESSION, "Forbidden", "Assign the user a role that has the scope this route requires.")
    CSRF_REQUIRED = Row(403, Hop.SESSION, "CSRF token required", "Fetch a token with x-csrf-token: fetch and send it.")
    ORIGIN_REFUSED = Row(
        403,
        Hop.CLIENT,
        "Origin refused",
        "Allow origin, method and headers in cors; for web sockets: WS_ALLOWED_ORIGINS.",
    )
    TENANT_MISMATCH = Row(
        403, Hop.SESSION, "Wrong tenant", "Use the address of the user's tenant, or log in at this one."
    )
    SUBSCRIBER_UNKNOWN = Row(404, Hop.XSUAA, "Unknown subscriber", "Correct the host name, or subscribe this tenant.")
    STORE_UNAVAILABLE = Row(503, Hop.SESSION, "Session store unavailable", "Check the session store; retry later.")
    # -- platform services
    XSUAA_REFUSED = Row(502, Hop.XSUAA, "Token request refused", "Check the xsuaa binding and its grant types.")
    XSUAA_UNAVAILABLE = Row(503, Hop.XSUAA, "Authorization server unavailable", "Retry later; check the xsuaa URL.")
    IDENTITY_REFUSED = Row(
        502, Hop.IDENTITY_SERVICE, "Token request refused", "Check the identity binding and its grant types."
    )
    IDENTITY_UNAVAILABLE = Row(
        503, Hop.IDENTITY_SERVICE, "Identity service unavailable", "Retry later; check the identity binding's URL."
    )
    DESTINATION_UNKNOWN = Row(502, Hop.DESTINATION_SERVICE, "Unknown destination", "Create the destination.")
    DESTINATION_UNUSABLE = Row(502, Hop.DESTINATION_SERVICE, "Unusable destination", "Correct its properties.")
    DESTINATION_TOKEN_FAILED = Row(
        502, Hop.DESTINATION_SERVICE, "Destination token failed", "Check the destination's authentication properties."
    )
    DESTINATION_SERVICE_REFUSED = Row(
        502, Hop.DESTINATION_SERVICE, "Destination service refused", "Check the destination binding."
    )
    DESTINATION_SERVICE_UNAVAILABLE = Row(
        503, Hop.DESTINATION_SERVICE, "Destination service unavailable", "Retry later."
    )
    DYNAMIC_DESTINATION_REFUSED = Row(
        403, Hop.DESTINATION_SERVICE, "Destination not dynamic", "Set HTML5.DynamicDestination on the destination."
    )
    SERVICE_UNKNOWN = Row(502, Hop.GATEWAY, "Unknown service", "Bind the service that xs-app.json names.")
    SERVICE_UNUSABLE = Row(502, Hop.GATEWAY, "Unusable service", "Correct the service's binding, or the route to it.")
    HTML5_REPOSITORY_REFUSED = Row(
        502, Hop.HTML5_REPOSITORY, "HTML5 repository refused", "Check the binding of html5-apps-repo, app-runtime."
    )
    HTML5_REPOSITORY_UNAVAILABLE = Row(503, Hop.HTML5_REPOSITORY, "HTML5 repository unavailable", "Retry later.")
    HTML5_APP_UNUSABLE = Row(
        502, Hop.HTML5_REPOSITORY, "Unusable HTML5 application", "Correct its xs-app.json and deploy it again."
    )
    CONNECTIVITY_MISSING = Row(
        500, Hop.CONNECTIVITY_PROXY, "No connectivity service", "Bind the connectivity service to reach on-premise."
    )
    PROXY_TOKEN_REFUSED = Row(
        502, Hop.CONNECTIVITY_PROXY, "Proxy refused the token", "Check the connectivity binding (407 from the proxy)."
    )
    PROXY_METHOD_REFUSED = Row(
        502,
        Hop.CONNECTIVITY_PROXY,
        "Proxy refused the form",
        "Give the destination an http:// URL (405 from the proxy).",
    )
    PROXY_HEADER_TOO_LONG = Row(
        431, Hop.CONNECTIVITY_PROXY, "Header line too long", "Shorten headers: the proxy takes lines of 8192 bytes."
    )
    PROXY_REFUSED = Row(
        502,
        Hop.CONNECTIVITY_PROXY,
        "Proxy refused the request",
        "Send fewer or shorter headers: they did not fit.",
    )
    PROXY_UNREACHABLE = Row(502, Hop.CONNECTIVITY_PROXY, "Proxy unreachable", "Check the connectivity binding's host.")
    FORWARD_PROXY_FAILED = Row(
        502, Hop.FORWARD_PROXY, "Forward proxy failed", "Check proxyHost and proxyPort of the destination."
    )
    RESOURCE_DENIED = Row(
        403, Hop.CLOUD_CONNECTOR, "Access denied by the Cloud Connector", "Expose the path in its access control."
    )
    PROPAGATION_FORBIDDEN = Row(
        502,
        Hop.CLOUD_CONNECTOR,
        "Principal propagation forbidden",
        "Set up mutual TLS from Cloud Connector to backend.",
    )
    NO_CLOUD_CONNECTOR = Row(
        503, Hop.CLOUD_CONNECTOR, "No Cloud Connector", "Connect a Cloud Connector with this location id."
    )
    # -- the backend
    BACKEND_UNREACHABLE = Row(502, Hop.BACKEND, "Backend unreachable", "Check the destination's URL and the backend.")
    BACKEND_TLS_FAILED = Row(502, Hop.BACKEND, "Backend TLS failed", "Check the backend's certificate and trust.")
    BACKEND_INVALID = Row(
        502, Hop.BACKEND, "Invalid answer of the backend", "See what listens at the destination's URL."
    )
    BACKEND_CLOSED = Row(502, Hop.BACKEND, "Backend closed the connection", "See the backend's log: it broke off.")
    BACKEND_TIMEOUT = Row(
        504, Hop.BACKEND, "Backend timeout", "Find out why the backend is slow, or raise its timeout."
    )
    BACKEND_BUSY = Row(
        503,
        Hop.BACKEND,
        "Backend overloaded",
        "Retry later, or raise BACKEND_MAX_SOCKETS and GATEWAY_MAX_IN_FLIGHT_PER_DESTINATION.",
    )
    BACKEND_BROKEN = Row(
        503, Hop.BACKEND, "Backend suspended", "See its failures before this one; it is tried again in 5 seconds."
    )
    # -- ourselves
    OVERLOADED = Row(503, Hop.GATEWAY, "Overloaded", "Retry later, or run more instances.")
    STOPPED = Row(
        503, Hop.GATEWAY, "Gateway stopped", "Ask again: the instance was stopped before the answer was over."
    )
    INTERNAL = Row(500, Hop.GATEWAY, "Internal error", "Look up the correlation id in the log.")


class GatewayError(Exception):
    """A request failed.

    `detail` is for the client and the log: it may name a destination, a route or a service's message, never a token,
    a secret or an internal address. `logged` is what the log alone says beside it: it may name addresses, too, but
    nothing secret. `advice` stands in the place of the row's where more is known. `headers` are added to the answer
    (for example `Allow`).
    """

    def __init__(
        self,
        failure: Failure,
        detail: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        *,
        advice: str = "",
        logged: str = "",
    ) -> None:
        super().__init__(f"{failure.name}: {detail}" if detail else failure.name)
        self.failure = failure
        self.detail = detail
        self.headers = headers
        self.advice = advice or failure.value.advice
        self.logged = logged

    @property
    def row(self) -> Row:
        """The row of the error table."""
        return self.failure.value

    @property
    def whole_detail(self) -> str:
        """The detail as the log has it."""
        return "; ".join(part for part in (self.detail, self.logged) if part)
