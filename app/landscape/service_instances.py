"""The service instances of the landscape: the OAuth clients XSUAA knows, with their certificates if they have any."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from app.landscape.certificates import CertificateAuthority, KeyPair
from app.landscape.users import TENANTS, stable_id
from app.landscape.xsuaa_client import DEFAULT_REDIRECT_URIS, OAuthClient

APP_NAME = "gangway-demo"
CALLBACK_SCOPE = "Callback"


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """An instance that is bound: its client, and the key pair of its binding in the X.509 variant."""

    client: OAuthClient
    pair: KeyPair | None = None


@dataclass(frozen=True, slots=True)
class ServiceInstances:
    """Everything XSUAA knows. `country` is a business service; `s4_cloud` is the client of a communication arrangement,
    not of a binding; `provisioning` is the platform's own, which the application has granted its scope `Callback`.
    """

    app: ServiceInstance
    destination: ServiceInstance
    connectivity: ServiceInstance
    html5_repository: ServiceInstance
    country: ServiceInstance
    s4_cloud: ServiceInstance
    provisioning: ServiceInstance

    def clients(self) -> list[OAuthClient]:
        """All OAuth clients."""
        bound = (self.app, self.destination, self.connectivity, self.html5_repository, self.country)
        instances = (*bound, self.s4_cloud, self.provisioning)
        return [each.client for each in instances]


def make_instances(authority: CertificateAuthority, *, x509: bool) -> ServiceInstances:
    """New instances with new secrets, or with certificates of the authority instead."""

    def bound(client: OAuthClient) -> ServiceInstance:
        if not x509:
            return ServiceInstance(client)
        pair = authority.client_pair(client.client_id)
        return ServiceInstance(replace(client, secret="", certificate=pair.certificate), pair)

    app = replace(
        _client(f"{APP_NAME}!t1"), roles_apply=True, sees_attributes=True, redirect_uris=DEFAULT_REDIRECT_URIS
    )
    return ServiceInstances(
        app=bound(app),
        destination=bound(_client(_clone("destination-xsappname"))),
        connectivity=bound(_client(_clone("connectivity"))),
        html5_repository=bound(_client(_clone("html5-apps-repo-uaa"))),
        country=bound(_client("country!b4")),
        s4_cloud=ServiceInstance(_client("s4-cloud!t7")),
        provisioning=ServiceInstance(
            replace(_client("sap-provisioning!b3"), authorities=("uaa.resource", f"{app.app_name}.{CALLBACK_SCOPE}"))
        ),
    )


def _client(app_name: str) -> OAuthClient:
    return OAuthClient(
        client_id=f"sb-{app_name}",
        secret=_secret(),
        app_name=app_name,
        instance_id=stable_id("instance", app_name),
        zones=frozenset(tenant.subdomain for tenant in TENANTS),
    )


def _secret() -> str:
    """As the platform's look: with characters that must be encoded in a form and may be damaged in a header."""
    return f"{secrets.token_urlsafe(18)}${secrets.token_urlsafe(18)}="


def _clone(broker: str) -> str:
    """The application name a service broker gives to an instance."""
    return f"clone{stable_id('clone', broker).replace('-', '')[:12]}!b2|{broker}!b1"
