"""Destinations of the environment variable."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from app.destinations.destination import Destination, ProxyType
from app.destinations.environment import environment_destination, environment_destinations
from app.destinations.url import DestinationUrl
from app.errors import GatewayError
from app.transport.pool_key import Proxy, TlsIdentity


@dataclass(frozen=True)
class Entry:
    """An element of the variable with the reference's defaults."""

    name: str = "one"
    url: str = "http://one.example"
    proxy_host: str | None = None
    proxy_port: int | str | None = None
    forward_auth_token: bool = False
    forward_auth_certificates: bool = False
    strict_ssl: bool = True
    timeout: int = 30000
    set_x_forwarded_headers: bool = True
    proxy_type: str | None = None


def test_defaults() -> None:
    expected = Destination("one", DestinationUrl(False, "one.example", 80), dynamic=True)
    assert environment_destinations([Entry()]) == {"one": expected}


def test_everything_set() -> None:
    entry = Entry("x", "https://x.example:444/base", "proxy", "8080", True, True, False, 700, False)
    assert environment_destination(entry) == Destination(
        "x",
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
    assert environment_destination(Entry(proxy_type="OnPremise")).proxy_type is ProxyType.ON_PREMISE


@pytest.mark.parametrize("entry", [Entry(url="ftp://x"), Entry(url="https://x", proxy_type="OnPremise")])
def test_a_bad_address_is_refused(entry: Entry) -> None:
    with pytest.raises(GatewayError, match=r"'one': property 'url'"):
        environment_destinations([entry])
