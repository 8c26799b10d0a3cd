"""Callbacks about subscriptions, of the configuration."""

from __future__ import annotations

import logging

from app.configuration import Configuration
from app.login.tenant import TenantResolver
from app.subscriptions.callbacks import SubscriptionCallbacks
from app.subscriptions.callers import CertificateGuard, Guard, ScopeGuard
from app.subscriptions.dependencies import dependencies
from app.subscriptions.services import Kind, SubscriptionService, subscription_services
from app.tokens.verifier import Verifier

log = logging.getLogger("gangway.subscriptions")


def compose_subscriptions(
    configuration: Configuration, tenants: TenantResolver, verifier: Verifier | None
) -> SubscriptionCallbacks | None:
    """The callbacks that are ours to answer; None when none is.

    Those with an address at another host are somebody else's: many applications leave them to a backend.
    """
    found, _ = subscription_services(configuration.bindings)
    services: dict[Kind, tuple[SubscriptionService, Guard]] = {}
    for service in found:
        guard = _guard(configuration, service, verifier)
        if guard is None or service.tenants is None or not tenants.fits(service.tenants.host):
            log.info("callbacks are not answered here", extra={"fields": {"service": service.kind.value}})
        else:
            services[service.kind] = (service, guard)
    xsuaa = configuration.services.xsuaa
    own = xsuaa.xsappname if xsuaa is not None else ""
    told = {kind: dependencies(configuration.bindings, kind, own) for kind in services}
    return SubscriptionCallbacks(services, told, tenants) if services else None


def _guard(configuration: Configuration, service: SubscriptionService, verifier: Verifier | None) -> Guard | None:
    xsuaa, settings = configuration.services.xsuaa, configuration.settings
    if service.kind is Kind.MANAGER:
        on_cloud_foundry = configuration.application.id != ""
        hosts = [path.host for path in (service.dependencies, service.tenants) if path is not None]
        header = settings.client_certificate_header_name
        return CertificateGuard(header, service.subject, service.issuer, hosts if on_cloud_foundry else None)
    if xsuaa is None or verifier is None:
        return None
    return ScopeGuard(verifier, xsuaa.xsappname, xsuaa.tenant.id)
