"""Variables about the process: its address, limits, logs and the connections it makes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from app.routing.descriptor_options import OutgoingRequestOptions
from app.settings.values import Json, Positive, PublicKey, Switch, Text, Whole
from app.strict_model import fault

LogLevel = Literal["debug", "verbose", "path", "info", "warning", "warn", "error", "fatal", "none", "off"]


class VariableModel(BaseModel):
    """The base of settings: each attribute is the variable of the same name in upper case, or of its alias."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", alias_generator=str.upper, hide_input_in_errors=True
    )


def _prefix(value: str) -> str:
    if not value.startswith("/") or value.endswith("/") or any(c in value for c in "?#%\\ "):
        raise fault("a path such as /.gangway: it starts with / and does not end with it")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class ServerSettings(VariableModel):
    """The process and its connections."""

    port: Annotated[Positive, Field(le=65535)] = 5000
    """Port to listen on."""
    xs_bind_address: Text = "0.0.0.0"  # noqa: S104 the platform's router comes from outside of the container
    """Address to listen on; `::` is every address, of IPv4 too."""
    web_concurrency: Positive = 1
    """Worker processes that serve the port together; more than one only with a store for sessions."""
    gateway_prefix: Annotated[Text, AfterValidator(_prefix)] = "/.gangway"
    """Path below which the gateway answers itself: health and status."""
    gateway_tls_certificate: Text | None = None
    """PEM file with the server's certificate chain; with it, and the key, the server speaks https only."""
    gateway_tls_key: Text | None = None
    """PEM file with the key of that certificate."""
    incoming_connection_timeout: Whole = 120_000
    """Milliseconds until a client connection is closed that is idle, or takes nothing that waits for it; 0 is never."""
    incoming_request_timeout: Whole = 300_000
    """Milliseconds a request may take to arrive, 408 afterwards; 0 is without limit. Its head may never
    take longer than 30 s."""
    server_keep_alive: Whole | None = None
    """Milliseconds an idle client connection is kept for the next request."""
    http2_support: Switch = False
    """Whether the server speaks HTTP/2."""
    backend_max_sockets: Whole = 100
    """Most connections to one backend host; 0 is without limit."""
    gateway_max_sockets: Positive = 2000
    """Most connections to all backends together."""
    gateway_connect_timeout: Positive = 10_000
    """Milliseconds until a connection to a backend has to be open, 504 afterwards (502 where it is a proxy's)."""
    gateway_idle_timeout: Positive = 120_000
    """Milliseconds a backend may be silent in the middle of an answer."""
    gateway_total_timeout: Whole = 0
    """Milliseconds a forwarded request may take as a whole; 0 is without limit."""
    gateway_max_in_flight: Positive = 1500
    """Most forwarded requests under way at a time, 503 beyond."""
    gateway_max_in_flight_per_destination: Positive = 500
    """Most forwarded requests under way to one destination, 503 beyond."""
    gateway_max_web_sockets: Positive = 5000
    """Most web sockets open at a time, 503 beyond."""
    disable_connection_reuse: Switch | None = None
    """Whether each request to a backend has a connection of its own; by default only on Kubernetes
    (Kyma), where `false` keeps connections."""
    outgoing_request_options: Json[OutgoingRequestOptions] | None = None
    """Timeouts of calls to platform services."""
    xs_cacert_path: Text | None = None
    """Files with trusted certificates, separated as in PATH."""
    node_tls_reject_unauthorized: Text = "1"
    """`0` accepts untrusted certificates everywhere; not for production. Anything else verifies them."""
    node_env: str = ""
    """`development` reads default-env.json, which is also read where there is no platform around."""
    xs_app_log_level: Annotated[LogLevel, BeforeValidator(_lower)] = "info"
    """Least level that is logged: `debug`, `info`, `warning`, `error`, `fatal` or `none`; at `debug`, requests are
    logged with their way (see `REQUEST_TRACE`)."""
    dyn_log_level_key: PublicKey | None = None
    """Public RSA key of those who may set the level of single requests, by a token in `SAP-LOG-LEVEL`."""
    dyn_log_header: Annotated[str, Field(pattern=r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")] = "SAP-LOG-LEVEL"
    """Name of the header with that token."""
    cf_nodejs_logging_level: Literal["off", "error", "warn", "info", "verbose", "debug", "silly"] = "error"
    """Level of the reference router's logging library."""
    request_trace: Switch = False
    """Whether a request's line in the log tells its way: route, caller, destination, calls to services, socket, answer,
    each with the milliseconds since it came in."""
    return_error_source: Switch = False
    """Whether errors of the gateway carry `x-error-source: gateway`."""
    zone_info_cache_ttl: Whole = 600
    """Seconds a subaccount's data are cached."""
    zone_info_max_cache_ttl: Whole = 14_400
    """Seconds after which unused data of a subaccount are dropped."""
    cache_service_credentials: Switch = False
    """Whether credentials are read once only."""
    skip_client_credentials_tokens_load: Switch = False
    """Whether no technical tokens are fetched at start."""
    disable_html5_repo_keep_alive: Switch = False
    """Whether connections to the HTML5 application repository are not kept."""
