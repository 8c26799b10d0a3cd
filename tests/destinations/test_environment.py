"""Destinations of the environment variable."""

from __future__ import annotations

from app.destination_url import DestinationUrl
from app.destinations.destination import Destination, ProxyType
from app.destinations.environment import environment_destination, environment_destinations
from app.settings.environment_destination import EnvironmentDestination
from app.transport.pool_key import Proxy, TlsIdentity


def entry(**properties: object) -> EnvironmentDestination:
    """An element of the variable as it is written in JSON."""
    return EnvironmentDestination.model_validate({"name": "one", "url": "http://one.example", **properties})


def test_defaults() -> None:
    expected = Destination("one", DestinationUrl(False, "one.example", 80), dynamic=True)
    assert environment_destinations([entry()]) == {"one": expected}


def test_everything_set() -> None:
    everything = entry(
        url="https://x.example:444/base",
        proxyHost="proxy",
        proxyPort="8080",
        forwardAuthToken=True,
        forwardAuthCertificates=True,
        strictSSL=False,
        timeout=700,
        setXForwardedHeaders=False,
    )
    assert environment_destination(everything) == Destination(
        "one",
        DestinationUrl(True, "x.example", 444, "/base"),
        tls=TlsIdentity(trust_all=True),
        proxy=Proxy("proxy", 8080),
        timeout=0.7,
        forward_auth_token=True,
        forward_auth_certificates=True,
        forwarded_headers=False,
        dynamic=True,
    )


def test_on_premise() -> None:
    assert environment_destination(entry(proxyType="OnPremise")).proxy_type is ProxyType.ON_PREMISE
