"""The whole gateway of a configuration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from app.composition.answers import (
    compose_compressed_files,
    compose_compression,
    compose_cors,
    compose_error_policy,
    compose_own_endpoints,
    compose_response_policy,
    origin_rules,
)
from app.composition.backends import Engine, compose_backends, compose_engine
from app.composition.identity import compose_sign_in
from app.composition.platform import Platform, compose_platform
from app.configuration import Configuration
from app.forwarder import Forwarder
from app.gateway import Gateway, GatewayOptions
from app.health.endpoints import HealthEndpoints
from app.health.readiness import Readiness
from app.observability.access_log import AccessLog, AccessLogSettings
from app.observability.line_buffer import LineBuffer
from app.observability.logging_setup import parse_level
from app.observability.platform_fields import platform_fields
from app.response_headers import ResponsePolicy
from app.routing.route import Route
from app.sign_in import SignIn
from app.static_files.compressed_files import CompressedFiles
from app.static_files.local_directory import LocalDirectory
from app.static_files.placeholders import Placeholders
from app.tokens.endpoints import zone_keys
from app.tokens.jwks import KeyStore
from app.tokens.key_source import KeySource

log = logging.getLogger("gangway")

EXPIRE_SECONDS = 5.0
PRIME_SECONDS = 5.0
KEYS = "xsuaa-keys"


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway with what has to be closed behind it."""

    gateway: Gateway
    engine: Engine
    platform: Platform
    sign_in: SignIn
    chores: tuple[asyncio.Task[None], ...]
    log_lines: LineBuffer

    async def aclose(self) -> None:
        """End everything in the background."""
        for chore in self.chores:
            chore.cancel()
        await asyncio.gather(*self.chores, return_exceptions=True)
        await self.sign_in.aclose()
        self.engine.close()
        await self.platform.aclose()
        self.log_lines.flush()


def compose(configuration: Configuration) -> Running:
    """Make the gateway; to be called inside of the running event loop."""
    settings, environ = configuration.settings, configuration.environ
    platform = compose_platform(settings, environ)
    xsuaa = configuration.services.xsuaa
    keys = KeyStore(platform.clients, xsuaa.verificationkey) if xsuaa is not None else None
    readiness = Readiness([KEYS] if keys is not None else [])
    readiness.mark("configuration", True)
    engine = compose_engine(configuration, platform)
    sign_in = compose_sign_in(configuration, platform, keys)
    policy = compose_response_policy(configuration)
    forwarder = Forwarder(
        compose_backends(configuration, platform), engine.relay, engine.websockets, sign_in, policy,
        compose_compression(configuration),
    )  # fmt: skip
    sign_in.call_backend = forwarder.call_logout
    log_lines = LineBuffer()
    gateway = Gateway(
        _options(configuration, policy),
        configuration.routes,
        sign_in,
        _directories(configuration),
        forwarder,
        HealthEndpoints(readiness, settings.gateway_prefix),
        AccessLog(_access_log_settings(configuration), platform_fields(environ), log_lines.write),
    )
    chores = [asyncio.ensure_future(_expire(sign_in))]
    if keys is not None and xsuaa is not None:
        chores.append(asyncio.ensure_future(_prime(keys, zone_keys(xsuaa, xsuaa.tenant.id), readiness)))
    return Running(gateway, engine, platform, sign_in, tuple(chores), log_lines)


async def _expire(sign_in: SignIn) -> None:
    while True:
        await asyncio.sleep(EXPIRE_SECONDS)
        await sign_in.expire()


async def _prime(keys: KeyStore, source: KeySource, readiness: Readiness) -> None:
    """Ready means that the authorization server's keys could be had once."""
    while not keys.reachable:
        await keys.prime(source)
        if not keys.reachable:
            readiness.mark(KEYS, False, "the authorization server has not answered yet")
            await asyncio.sleep(PRIME_SECONDS)
    readiness.mark(KEYS, True)


def _options(configuration: Configuration, policy: ResponsePolicy) -> GatewayOptions:
    settings, descriptor = configuration.settings, configuration.descriptor
    return GatewayOptions(
        welcome_file=descriptor.welcome_file,
        websockets=descriptor.websockets.enabled,
        websocket_origins=origin_rules(settings.ws_allowed_origins or ()),
        validate_forwarded_host=settings.enable_x_forwarded_host_validation,
        cors=compose_cors(configuration),
        own_endpoints=compose_own_endpoints(configuration),
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
            if (binding := configuration.bindings.find(**query.model_dump())) is not None
        }
        variables = {name: environ[name] for name in route.replace.vars if name in environ}
        placeholders = Placeholders(tuple(route.replace.path_suffixes), variables, services)
    root = configuration.workdir / (route.local_dir or "")
    return LocalDirectory(root, cache_control=route.cache_control, placeholders=placeholders, compressed=compressed)


def _access_log_settings(configuration: Configuration) -> AccessLogSettings:
    def shown(name: str) -> bool:
        return _is_true(configuration.environ, name)

    return AccessLogSettings(
        level=parse_level(configuration.settings.xs_app_log_level),
        sensitive_connection_data=shown("LOG_SENSITIVE_CONNECTION_DATA"),
        remote_user=shown("LOG_REMOTE_USER"),
        referer=shown("LOG_REFERER"),
        ssl_headers=shown("LOG_SSL_HEADERS"),
    )


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() == "true"
