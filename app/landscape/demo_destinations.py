"""The destinations of the demo: what an administrator would have entered in the cockpit."""

from __future__ import annotations

from dataclasses import dataclass

from app.landscape.destination_service_records import Properties
from app.landscape.saml import NAME_ID_EMAIL
from app.landscape.users import Tenant
from app.landscape.xsuaa_client import OAuthClient

VIRTUAL_HOST = "s4.corp.example"
VIRTUAL_PORT = 8000
LOCATION_IDS = {"acme": "walldorf", "globex": "madrid"}
ONPREMISE_USER = "BATCH"
ONPREMISE_PASSWORD = "on-premise-technical"  # noqa: S105 a system that exists on loopback only
CLOUD_USER = "COMM_USER"
CLOUD_PASSWORD = "communication-arrangement"  # noqa: S105 a system that exists on loopback only


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the systems of the internet are, and where a SAML assertion is redeemed and for whom."""

    s4_cloud: str
    microservice: str
    control: str
    token_service: str
    audience: str


def demo_destinations(tenant: Tenant, at: Addresses, cloud_client: OAuthClient) -> list[Properties]:
    """The destinations of one tenant: one system on premise, one in the cloud, seen in several ways, and the rest."""
    oauth = {
        "tokenServiceURL": at.token_service,
        "tokenServiceURLType": "Dedicated",
        "clientId": cloud_client.client_id,
        "clientSecret": cloud_client.secret,
    }
    saml = {"audience": at.audience, "nameIdFormat": NAME_ID_EMAIL}
    return [
        _on_premise(tenant, "s4-onpremise", "PrincipalPropagation"),
        _on_premise(tenant, "s4-onpremise-technical", "OAuth2TechnicalUserPropagation", **oauth),
        _on_premise(
            tenant, "s4-onpremise-basic", "BasicAuthentication", User=ONPREMISE_USER, Password=ONPREMISE_PASSWORD
        ),
        _internet("s4-cloud", at.s4_cloud, "OAuth2SAMLBearerAssertion", **oauth, **saml),
        _internet("s4-cloud-basic", at.s4_cloud, "BasicAuthentication", User=CLOUD_USER, Password=CLOUD_PASSWORD),
        {**_internet("microservice", at.microservice, "NoAuthentication"), "HTML5.ForwardAuthToken": "true"},
        _internet("journal", at.control, "NoAuthentication"),
    ]


def _internet(name: str, url: str, authentication: str, **properties: str) -> dict[str, str]:
    core = {"Name": name, "Type": "HTTP", "URL": url, "ProxyType": "Internet", "Authentication": authentication}
    return {**core, **properties}


def _on_premise(tenant: Tenant, name: str, authentication: str, **properties: str) -> dict[str, str]:
    return {
        **_internet(name, f"http://{VIRTUAL_HOST}:{VIRTUAL_PORT}", authentication, **properties),
        "ProxyType": "OnPremise",
        "CloudConnectorLocationId": LOCATION_IDS[tenant.subdomain],
        "sap-client": "100",
    }
