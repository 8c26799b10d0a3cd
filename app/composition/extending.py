"""The gateway with extensions; loaded only where there are some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from app.backends.resolver import BackendResolver
from app.composition.backends import compose_backends
from app.composition.gateways import GatewayParts, compose_forwarder, make_gateway
from app.composition.hosted_apps import compose_hosted_apps
from app.configuration import Configuration
from app.consistency import default_authentication
from app.extensions.extended_forwarder import ExtendedForwarder
from app.extensions.extended_gateway import ExtendedGateway
from app.extensions.extension import Extension, GetRouterConfig, GetToken
from app.extensions.mount import Mount, MountedRoute, mounted_route
from app.extensions.router_config import RouterConfig
from app.extensions.session_hooks import SessionHooks
from app.forwarder import Forwarder
from app.gateway import Gateway
from app.problem import ConfigurationError, Problem
from app.routing.route import AuthenticationType
from app.sign_in import SignIn


@dataclass(frozen=True, slots=True)
class Extending:
    """Everything a start script adds to the gateway."""

    extensions: tuple[Extension, ...] = ()
    get_token: GetToken | None = None
    get_router_config: GetRouterConfig | None = None

    def __bool__(self) -> bool:
        return bool(self.extensions or self.get_token or self.get_router_config)

    def gateway(self, configuration: Configuration, parts: GatewayParts) -> Gateway:
        """The gateway with everything installed. Raises ConfigurationError for mounts that cannot be protected."""
        backends = compose_backends(configuration, parts.platform)
        uncached = self.get_token is not None
        forwarder = self._forwarder(configuration, parts, backends, uncached)
        parts.sign_in.call_backend = forwarder.call_logout
        mounts = list(chain.from_iterable(each.mounts for each in self.extensions))
        mounted = mounted_routes(mounts, configuration)
        own_routes = replace(configuration, routes=configuration.routes.preceded_by(mounted))
        gateway = make_gateway(ExtendedGateway, own_routes, parts, forwarder)

        def other(config: RouterConfig) -> Gateway:
            """The gateway of another router configuration: with its routes, otherwise ours."""
            own = forwarder
            if config.own_destinations:
                theirs = compose_backends(config.configuration, parts.platform)
                own = self._forwarder(config.configuration, parts, theirs, uncached=True)
            routes = _merged(configuration, config.configuration, mounted)
            another = make_gateway(ExtendedGateway, routes, parts, own)
            another.install(self.extensions, None, other)
            return another

        def hosted(app: Configuration) -> Gateway:
            """The gateway of an HTML5 application."""
            another = make_gateway(ExtendedGateway, app, parts, self._forwarder(app, parts, backends, uncached))
            another.install(self.extensions, None, other)
            return another

        gateway.install(self.extensions, self.get_router_config, other)
        gateway.apps = compose_hosted_apps(configuration, parts.platform, hosted)
        parts.sign_in.app_logouts = gateway.app_logouts
        self._observe(parts.sign_in)
        return gateway

    def _observe(self, sign_in: SignIn) -> None:
        on_login = [each.on_login for each in self.extensions if each.on_login is not None]
        on_logout = [each.on_logout for each in self.extensions if each.on_logout is not None]
        if on_login or on_logout:
            sign_in.observe(SessionHooks(on_login, on_logout))

    def _forwarder(
        self, configuration: Configuration, parts: GatewayParts, backends: BackendResolver, uncached: bool
    ) -> Forwarder:
        if not uncached:
            return compose_forwarder(Forwarder, configuration, parts, backends)
        forwarder = compose_forwarder(ExtendedForwarder, configuration, parts, backends)
        forwarder.get_token = self.get_token
        return forwarder


def mounted_routes(mounts: Sequence[Mount], configuration: Configuration) -> list[MountedRoute]:
    """The routes of mounts; their indexes are negative, so that they are never taken for routes of xs-app.json."""
    bound = default_authentication(configuration.bindings, configuration.settings)
    disabled = configuration.descriptor.authentication_method == "none"
    default = AuthenticationType.NONE if disabled else AuthenticationType(bound or "xsuaa")
    xsuaa = configuration.services.xsuaa
    routes = [
        mounted_route(mount, -1 - index, default, xsuaa.xsappname if xsuaa is not None else "")
        for index, mount in enumerate(mounts)
    ]
    if bound is None and any(not route.is_public for route in routes):
        needed = "an xsuaa or identity binding, or mounts with authentication `none`"
        raise ConfigurationError([Problem("extensions", "", "", needed)])
    return routes


def _merged(own: Configuration, other: Configuration, mounted: Sequence[MountedRoute]) -> Configuration:
    names = ("welcome_file", "websockets", "error_page")
    taken = {name: getattr(other.descriptor, name) for name in names}
    descriptor = own.descriptor.model_copy(update=taken)
    return replace(own, descriptor=descriptor, routes=other.routes.preceded_by(mounted))
