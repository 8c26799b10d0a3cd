"""One gateway of a configuration; several can share everything that moves bytes and knows who is calling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from app.audit.trail import AuditTrail
from app.backends.resolver import BackendResolver
from app.composition.answers import (
    compose_compressed_files,
    compose_compression,
    compose_cors,
    compose_error_policy,
    compose_own_endpoints,
    compose_response_policy,
    origin_rules,
)
from app.composition.backends import Engine, compose_backends
from app.composition.hosted_apps import compose_hosted_apps
from app.composition.identity import backend_logouts, logout_options
from app.composition.platform import Platform
from app.configuration import Configuration
from app.forwarder import Forwarder
from app.gateway import Gateway
from app.gateway_options import GatewayOptions
from app.health.endpoints import HealthEndpoints
from app.observability.access_log import AccessLog
from app.response_headers import ResponsePolicy
from app.routing.route import Route
from app.sign_in import SignIn
from app.static_files.compressed_files import CompressedFiles
from app.static_files.local_directory import LocalDirectory
from app.static_files.placeholders import Placeholders
from app.subscriptions.callbacks import SubscriptionCallbacks
from app.trusted_domains import TrustedDomains

SomeGateway = TypeVar("SomeGateway", bound=Gateway)
SomeForwarder = TypeVar("SomeForwarder", bound=Forwarder)


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """What the gateways of a process share."""

    platform: Platform
    engine: Engine
    sign_in: SignIn
    health: HealthEndpoints
    access_log: AccessLog
    subscriptions: SubscriptionCallbacks | None = None
    audit: AuditTrail | None = None
    trusted_domains: TrustedDomains | None = None


def compose_gateway(configuration: Configuration, parts: GatewayParts) -> Gateway:
    """The gateway as it is without extensions."""
    backends = compose_backends(configuration, parts.platform)
    forwarder = compose_forwarder(Forwarder, configuration, parts, backends)
    parts.sign_in.call_backend = forwarder.call_logout

    def hosted(app: Configuration) -> Gateway:
        return make_gateway(Gateway, app, parts, compose_forwarder(Forwarder, app, parts, backends))

    gateway = make_gateway(Gateway, configuration, parts, forwarder)
    gateway.apps = compose_hosted_apps(configuration, parts.platform, hosted)
    parts.sign_in.app_logouts = gateway.app_logouts
    return gateway


def compose_forwarder(
    kind: type[SomeForwarder], configuration: Configuration, parts: GatewayParts, backends: BackendResolver
) -> SomeForwarder:
    """What forwards requests, with the answers' headers and compression of a configuration."""
    engine = parts.engine
    return kind(
        backends, engine.relay, engine.websockets, parts.sign_in,
        compose_response_policy(configuration), compose_compression(configuration),
    )  # fmt: skip


def make_gateway(
    kind: type[SomeGateway], configuration: Configuration, parts: GatewayParts, forwarder: Forwarder
) -> SomeGateway:
    """A gateway of this kind that serves the routes of a configuration."""
    return kind(
        compose_options(configuration, compose_response_policy(configuration), parts),
        configuration.routes,
        parts.sign_in,
        _directories(configuration),
        forwarder,
        parts.health,
        parts.access_log,
    )


def compose_options(configuration: Configuration, policy: ResponsePolicy, parts: GatewayParts) -> GatewayOptions:
    """What the way itself needs."""
    settings, descriptor = configuration.settings, configuration.descriptor
    return GatewayOptions(
        welcome_file=descriptor.welcome_file,
        logout=logout_options(configuration),
        app_ends_login=settings.use_html5_app_xs_appjson_in_login_callback,
        websockets=descriptor.websockets.enabled,
        websocket_origins=None if settings.ws_allowed_origins is None else origin_rules(settings.ws_allowed_origins),
        https_only=settings.secure_session_cookie is True,
        validate_forwarded_host=settings.enable_x_forwarded_host_validation,
        cors=compose_cors(configuration),
        own_endpoints=compose_own_endpoints(configuration),
        own_logouts=tuple(call for call in backend_logouts(configuration) if call not in parts.sign_in.backend_logouts),
        subscriptions=parts.subscriptions,
        audit=parts.audit,
        trusted_domains=parts.trusted_domains,
        errors=compose_error_policy(configuration),
        response_headers=policy,
    )


def _directories(configuration: Configuration) -> dict[int, LocalDirectory]:
    compressed = compose_compressed_files(configuration)
    routes = [route for route in configuration.routes.routes if route.local_dir]
    return {route.index: _directory(configuration, route, compressed) for route in routes}


def _directory(configuration: Configuration, route: Route, compressed: CompressedFiles | None) -> LocalDirectory:
    placeholders = None
    if route.replace is not None:
        environ = configuration.environ
        services = {
            name: binding.credentials
            for name, query in route.replace.services.items()
            for binding in configuration.bindings.queried(name, query.model_dump())
        }
        variables = {name: environ[name] for name in route.replace.vars if name in environ}
        placeholders = Placeholders(tuple(route.replace.path_suffixes), variables, services)
    root = configuration.workdir / (route.local_dir or "")
    return LocalDirectory(root, cache_control=route.cache_control, placeholders=placeholders, compressed=compressed)
