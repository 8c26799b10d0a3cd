"""Destinations, backends and the transport, of the configuration."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from pathlib import Path

from app.backends.on_premise import OnPremise
from app.backends.repository import RepositoryBackends
from app.backends.resolver import BackendResolver
from app.backends.service import ServiceBackends
from app.composition.platform import Platform, repository_timeout
from app.configuration import Configuration
from app.destinations.corporate import CorporateTokens
from app.destinations.environment import environment_destinations
from app.destinations.finder import Finder
from app.destinations.resolver import DestinationResolver
from app.destinations.service_client import DestinationService
from app.forwarding.gate import Gate, GateLimits
from app.forwarding.relay import Relay
from app.forwarding.websocket import WebSocketRelay
from app.html5_repository.repository_tokens import RepositoryTokens
from app.settings.settings import Settings
from app.transport.connection import Timeouts
from app.transport.connector import Connector
from app.transport.deadlines import Deadlines
from app.transport.pool import Pool, PoolLimits
from app.transport.pool_key import ClientCertificate
from app.transport.tls import TlsContexts

log = logging.getLogger("gangway")

UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class Engine:
    """What moves bytes."""

    pool: Pool
    gate: Gate
    relay: Relay
    websockets: WebSocketRelay
    deadlines: Deadlines

    def close(self) -> None:
        """Drop idle sockets and the timer."""
        self.pool.close()
        self.deadlines.close()


def compose_engine(configuration: Configuration, platform: Platform) -> Engine:
    """The transport to backends; to be called inside of the running event loop."""
    settings = configuration.settings
    verify = settings.node_tls_reject_unauthorized != "0"
    if not verify:
        log.warning("NODE_TLS_REJECT_UNAUTHORIZED=0: certificates are not verified; never run like this in production")
    deadlines = Deadlines(asyncio.get_running_loop())
    contexts = TlsContexts([Path(file) for file in platform.ca_files], verify=verify)
    limits = PoolLimits(
        per_key=settings.backend_max_sockets or UNLIMITED,
        total=settings.gateway_max_sockets,
        reuse=configuration.reuses_connections,
    )
    pool = Pool(Connector(deadlines, contexts, _timeouts(settings)), limits)
    gate = Gate(GateLimits(settings.gateway_max_in_flight_per_destination, settings.gateway_max_in_flight))
    stalled = settings.incoming_connection_timeout / 1000 or math.inf
    websockets = WebSocketRelay(pool, gate, settings.gateway_max_web_sockets, stalled)
    return Engine(pool, gate, Relay(pool, gate), websockets, deadlines)


def _timeouts(settings: Settings) -> Timeouts:
    total = settings.gateway_total_timeout
    return Timeouts(
        connect=settings.gateway_connect_timeout / 1000,
        idle=settings.gateway_idle_timeout / 1000,
        total=total / 1000 if total else math.inf,
    )


def compose_backends(configuration: Configuration, platform: Platform) -> BackendResolver:
    """From what routes name to backends."""
    services = configuration.services
    destination, connectivity = services.destination, services.connectivity
    finder = None
    if destination is not None:
        corporate = CorporateTokens.of_setting(configuration.settings.enable_forward_corporate_idp_token or "")
        finder = Finder(DestinationService(platform.clients, destination, platform.tokens), corporate)
    on_premise = None
    if connectivity is not None:
        on_premise = OnPremise(connectivity, platform.tokens, configuration.settings.gateway_principal_propagation)
    certified = services.certified
    own_certificate = ClientCertificate(certified.certificate, certified.key) if certified is not None else None
    destinations = DestinationResolver(environment_destinations(configuration.settings.destinations), finder)
    return BackendResolver(
        destinations,
        on_premise,
        own_certificate,
        ServiceBackends(configuration.business_services, platform.tokens, platform.dependencies),
        _repository(configuration, platform),
        platform.dependencies,
    )


def _repository(configuration: Configuration, platform: Platform) -> RepositoryBackends | None:
    credentials = configuration.services.html5_repository
    if credentials is None:
        return None
    timeout = repository_timeout(configuration.outgoing_request_options)
    return RepositoryBackends(credentials, RepositoryTokens(credentials, platform.tokens), timeout)
