"""The destinations of the demo: what an administrator would have entered in the cockpit."""

from __future__ import annotations

from dataclasses import dataclass

from app.landscape.destination_service_records import Properties
from app.landscape.users import Tenant
from app.landscape.xsuaa_client import OAuthClient

VIRTUAL_HOST = "s4.corp.example"
VIRTUAL_PORT = 8000
LOCATION_IDS = {"acme": "walldorf", "globex": "madrid"}
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
    """The destinations of one tenant."""
    return [
        {
            **_http("s4-onpremise", f"http://{VIRTUAL_HOST}:{VIRTUAL_PORT}", "PrincipalPropagation"),
            "ProxyType": "OnPremise",
            "CloudConnectorLocationId": LOCATION_IDS[tenant.subdomain],
            "sap-client": "100",
        },
        {
            **_http("s4-cloud", at.s4_cloud, "OAuth2SAMLBearerAssertion"),
            "audience": at.audience,
            "tokenServiceURL": at.token_service,
            "tokenServiceURLType": "Dedicated",
            "clientId": cloud_client.client_id,
            "clientSecret": cloud_client.secret,
            "nameIdFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        },
        {
            **_http("s4-cloud-basic", at.s4_cloud, "BasicAuthentication"),
            "User": CLOUD_USER,
            "Password": CLOUD_PASSWORD,
        },
        {
            **_http("microservice", at.microservice, "NoAuthentication"),
            "HTML5.ForwardAuthToken": "true",
        },
        _http("journal", at.control, "NoAuthentication"),
    ]


def _http(name: str, url: str, authentication: str) -> dict[str, str]:
    return {"Name": name, "Type": "HTTP", "URL": url, "ProxyType": "Internet", "Authentication": authentication}
