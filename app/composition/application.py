"""The whole gateway of a configuration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.audit.trail import AuditTrail
from app.composition.answers import compose_trusted_domains
from app.composition.audit import compose_audit
from app.composition.authorities import compose_authorities
from app.composition.backends import Engine, compose_engine
from app.composition.certificate_renewal import CertificateRenewal
from app.composition.gateways import GatewayParts, compose_gateway
from app.composition.identity import compose_sign_in, compose_tenants
from app.composition.platform import Platform, compose_platform
from app.composition.session_store import compose_session_store, compose_session_table
from app.composition.subscriptions import compose_subscriptions
from app.configuration import Configuration
from app.errors import GatewayError
from app.gateway import Gateway
from app.health.endpoints import HealthEndpoints
from app.health.readiness import Readiness
from app.observability.access_log import AccessLog, AccessLogSettings
from app.observability.line_buffer import LineBuffer
from app.observability.logging_setup import parse_level
from app.observability.platform_fields import platform_fields
from app.observability.request_level import RequestLevel
from app.sign_in import SignIn
from app.tokens.identity_provider import IdentityProvider
from app.trusted_domains import TrustedDomains

if TYPE_CHECKING:
    from app.composition.extending import Extending

log = logging.getLogger("gangway")

EXPIRE_SECONDS = 5.0
PRIME_SECONDS = 5.0
STORE = "session-store"


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway with what has to be closed behind it."""

    gateway: Gateway
    engine: Engine
    platform: Platform
    sign_in: SignIn
    audit: AuditTrail
    trusted_domains: TrustedDomains | None
    chores: tuple[asyncio.Task[None], ...]
    access_log: AccessLog
    log_lines: LineBuffer

    async def aclose(self) -> None:
        """End everything in the background."""
        for chore in self.chores:
            chore.cancel()
        await asyncio.gather(*self.chores, return_exceptions=True)
        if self.gateway.apps is not None:
            await self.gateway.apps.aclose()
        await self.sign_in.aclose()
        if self.trusted_domains is not None:
            await self.trusted_domains.aclose()
        await self.audit.aclose()
        self.engine.close()
        await self.platform.aclose()
        self.log_lines.flush()


def compose(configuration: Configuration, extending: Extending | None = None) -> Running:
    """Make the gateway; to be called inside of the running event loop. `extending` is None without extensions.

    A configuration that could be loaded can be composed: what may be said is decided where it is read.
    """
    settings, environ = configuration.settings, configuration.environ
    platform = compose_platform(configuration)
    authorities = compose_authorities(configuration, platform)
    if authorities is not None and authorities.identity is not None:
        platform = replace(platform, dependencies=authorities.identity.exchange)
    providers = authorities.providers.bound if authorities is not None else {}
    readiness = Readiness([f"{kind}-keys" for kind in providers])
    readiness.mark("configuration", True)
    engine = compose_engine(configuration, platform)
    table = compose_session_table(configuration)
    if table is not None:
        readiness.mark(STORE, False, "not known yet")
    tenants = compose_tenants(configuration)
    sign_in = compose_sign_in(
        configuration, platform, authorities, compose_session_store(configuration, table), table, tenants
    )
    xsuaa = authorities.xsuaa if authorities is not None else None
    audit = compose_audit(configuration, platform)
    sign_in.observe(audit)
    trusted_domains = compose_trusted_domains(configuration, platform)
    log_lines = LineBuffer()
    access_log = AccessLog(_access_log_settings(configuration), platform_fields(environ), log_lines.write)
    parts = GatewayParts(
        platform,
        engine,
        sign_in,
        HealthEndpoints(readiness, settings.gateway_prefix),
        access_log,
        compose_subscriptions(configuration, tenants, xsuaa.verifier if xsuaa is not None else None),
        audit,
        trusted_domains,
    )
    gateway = compose_gateway(configuration, parts) if extending is None else extending.gateway(configuration, parts)
    renewal = CertificateRenewal(configuration.bindings, configuration.bindings_now, platform.clients)
    chores = [asyncio.ensure_future(_expire(sign_in, readiness if table is not None else None))]
    chores += [asyncio.ensure_future(_prime(providers[kind], f"{kind}-keys", readiness)) for kind in providers]
    if configuration.bindings_can_change:
        chores.append(asyncio.ensure_future(renewal.run()))
    return Running(gateway, engine, platform, sign_in, audit, trusted_domains, tuple(chores), access_log, log_lines)


async def _expire(sign_in: SignIn, readiness: Readiness | None) -> None:
    """End sessions whose time is over; that tells, too, whether a store outside of the process answers."""
    while True:
        try:
            await sign_in.expire()
            ok, detail = True, ""
        except GatewayError as error:
            ok, detail = False, error.detail
        except Exception as error:  # the last resort: without this no session would ever end again
            log.exception("ending sessions failed")
            ok, detail = False, type(error).__name__
        if readiness is not None:
            readiness.mark(STORE, ok, detail)
        await asyncio.sleep(EXPIRE_SECONDS)


async def _prime(provider: IdentityProvider, check: str, readiness: Readiness) -> None:
    """Ready means that the authorization server's keys could be had once, or that the binding has one."""
    while not await provider.prime():
        own = provider.has_own_key
        missing = "the authorization server has given no keys yet" + (": the binding's own serves" if own else "")
        readiness.mark(check, False, missing, dispensable=own)
        await asyncio.sleep(PRIME_SECONDS)
    readiness.mark(check, True)


def _access_log_settings(configuration: Configuration) -> AccessLogSettings:
    settings = configuration.settings

    def shown(name: str) -> bool:
        return _is_true(configuration.environ, name)

    return AccessLogSettings(
        levels=RequestLevel(
            parse_level(settings.xs_app_log_level),
            settings.dyn_log_level_key or "",
            settings.dyn_log_header.lower().encode(),
        ),
        traced=settings.request_trace,
        sensitive_connection_data=shown("LOG_SENSITIVE_CONNECTION_DATA"),
        remote_user=shown("LOG_REMOTE_USER"),
        referer=shown("LOG_REFERER"),
        ssl_headers=shown("LOG_SSL_HEADERS"),
    )


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() == "true"
