"""The application's instance of the identity service, with its registrations and its binding (protocols, 3.1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

from app.landscape.certificates import CertificateAuthority, KeyPair
from app.landscape.identity_service import DOMAIN, IdentityService
from app.landscape.identity_service_client import IdentityClient
from app.landscape.service_bindings import BindingEntry, binding
from app.landscape.users import PROVIDER, TENANTS, stable_id
from app.landscape.xsuaa_client import DEFAULT_REDIRECT_URIS

DEPENDENCY = "orders-to-shop"


@dataclass(frozen=True, slots=True)
class IdentityInstances:
    """`app` is ours, with the key pair of its binding in the X.509 variant; `shop` is its dependency `DEPENDENCY`."""

    app: IdentityClient
    shop: IdentityClient
    pair: KeyPair | None = None


def make_identity_instances(authority: CertificateAuthority, xsuaa_client_id: str, *, x509: bool) -> IdentityInstances:
    """New instances. `xsuaa_client_id`: users' tokens are for the XSUAA, too (`xsuaa-cross-consumption`)."""
    zones = frozenset(tenant.zone_id for tenant in TENANTS)
    shop = IdentityClient(stable_id("identity", "shop"), secrets.token_urlsafe(24), zones)
    app = IdentityClient(
        stable_id("identity", "app"),
        secrets.token_urlsafe(24),
        zones,
        redirect_uris=DEFAULT_REDIRECT_URIS,
        post_logout_redirect_uris=DEFAULT_REDIRECT_URIS,
        audiences=(xsuaa_client_id,),
        dependencies={DEPENDENCY: shop.client_id},
    )
    if not x509:
        return IdentityInstances(app, shop)
    pair = authority.client_pair(app.client_id)
    return IdentityInstances(replace(app, secret="", certificate=pair.certificate), shop, pair)


def identity_binding(service: IdentityService, instances: IdentityInstances) -> BindingEntry:
    """What `VCAP_SERVICES` holds of it."""
    return binding("identity", "application", "demo-identity", ["identity"], _credentials(service, instances))


def _credentials(service: IdentityService, instances: IdentityInstances) -> dict[str, Any]:
    credentials = {
        "clientid": instances.app.client_id,
        "url": service.url,
        "domain": DOMAIN,
        "domains": [DOMAIN],
        "app_tid": PROVIDER.zone_id,
        "zone_uuid": PROVIDER.zone_id,
        "btp-tenant-api": f"{service.url}/tenants",
    }
    if instances.pair is None:
        return {**credentials, "credential-type": "SECRET", "clientsecret": instances.app.secret}
    return {
        **credentials,
        "credential-type": "X509_GENERATED",
        "certificate": instances.pair.certificate_pem,
        "key": instances.pair.key_pem,
    }
