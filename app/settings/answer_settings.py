"""Variables about addresses and answers: headers, cookies, origins, compression."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.routing import js_regex
from app.routing.descriptor_cors import CorsPolicy, PatternText
from app.routing.descriptor_options import Compression
from app.routing.descriptor_route import Plugin
from app.settings.environment_destination import EnvironmentDestination
from app.settings.json_variables import AllowedHost, CookieAttributes, HeaderEntry
from app.settings.server_settings import VariableModel
from app.settings.values import Hosts, Json, Switch, Text, Whole
from app.strict_model import Many, fault


def _host_pattern(value: str) -> str:
    try:
        groups = js_regex.compile_pattern(value, True).groups
    except js_regex.PatternError as error:
        raise fault(f"a JavaScript regular expression: {error}") from None
    if not groups:
        raise fault("a regular expression with a capturing group")
    return value


def _unique(destinations: tuple[EnvironmentDestination, ...]) -> tuple[EnvironmentDestination, ...]:
    names = [destination.name for destination in destinations]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise fault(f"names that are unique; given more than once: {', '.join(twice)}")
    return destinations


HostPattern = Annotated[Text, AfterValidator(_host_pattern)]


class AnswerSettings(VariableModel):
    """Addresses and answers."""

    destinations: Annotated[Json[Many[EnvironmentDestination]], AfterValidator(_unique)] = Field(
        default=(), alias="destinations"
    )
    """Destinations defined beside the application; go before those of the Destination service."""
    plugins: Json[Many[Plugin]] = Field(default=(), alias="plugins")
    """Routes from the environment."""
    http_headers: Json[Many[HeaderEntry]] = Field(default=(), alias="httpHeaders")
    """Headers added to all answers."""
    send_xframeoptions: Switch = True
    """Whether `X-Frame-Options: SAMEORIGIN` is sent."""
    merge_csp_headers: Switch = False
    """Whether a backend's Content-Security-Policy is sent beside ours."""
    enable_frame_ancestors_csp_headers: Switch = False
    """Whether Content-Security-Policy lists the subaccount's trusted domains."""
    frame_ancestors_csp_header_cache_time: Whole = 300
    """Seconds that list is cached."""
    extended_login_csp: Switch = False
    """Whether the login page has the extended Content-Security-Policy."""
    omit_login_csp: Switch = False
    """Whether the login page has no Content-Security-Policy."""
    cookies: Json[CookieAttributes] = CookieAttributes()
    """Attributes of our cookies."""
    secure_session_cookie: Switch | None = None
    """Whether our cookies are Secure; by default as the request came. `true` refuses plain http."""
    cookie_backward_compatibility: Switch = False
    """Whether cookies are serialized as older versions did."""
    cors: Json[Many[CorsPolicy]] = ()
    """Cross-origin policies; those of xs-app.json go before."""
    compression: Json[Compression] | None = None
    """Compression of answers; goes before xs-app.json."""
    ws_allowed_origins: Json[Many[AllowedHost]] | None = None
    """Origins that may open web sockets; by default our own."""
    cj_protect_whitelist: Json[Many[AllowedHost]] | None = None
    """Who may frame our pages, as the allowlist service tells."""
    tenant_host_pattern: HostPattern | None = None
    """Pattern of host names; its first group is the tenant's subdomain."""
    destination_host_pattern: HostPattern | None = None
    """Pattern of host names; its first group is a destination."""
    external_reverse_proxy: Switch = False
    """Whether another reverse proxy, outside of the platform, is in front of us."""
    enable_x_forwarded_host_validation: Switch = False
    """Whether x-forwarded-host is validated."""
    gateway_public_hosts: Hosts = ()
    """Hosts the gateway is reached by; login and logout at any other, also one in x-forwarded-host, answer 400. Host
    names separated by commas, `*.domain` for everything below a domain; by default any well-formed host will do."""
    direct_routing_uri_patterns: Json[Many[PatternText]] = ()
    """First path segments that are never names of HTML5 applications."""
    own_sap_cloud_service: Json[Many[Text]] = ()
    """Business solutions our HTML5 applications belong to."""
    use_html5_app_xs_appjson_in_login_callback: Switch = False
    """Whether the login callback uses the HTML5 application's xs-app.json."""
    handle_websocket_ext: Literal["false", "true", "async"] = "false"
    """Extensions of web sockets; of the reference router only."""
