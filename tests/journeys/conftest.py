"""The landscape and a gateway with the demo application, shared by the journeys of a file."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.landscape.command import DEMO_FOLDER
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

NO_SCRIPTS = {"PRESERVE_FRAGMENT": "false"}


@dataclass(frozen=True)
class Site:
    """What a journey meets."""

    landscape: Landscape
    gateway: Gateway

    def person(self, user: str = "") -> Person:
        """A new person, logged in as a user if one is named."""
        person = Person(self.gateway.url)
        if user:
            assert person.login(user).status_code == 200
        return person


@pytest.fixture(autouse=True, scope="session")
def names_below_localhost_are_loopback() -> Iterator[None]:
    """As RFC 6761 asks for; not every resolver knows it."""
    resolve = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A landscape and a gateway that serves the demo."""
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
        with running_gateway(DEMO_FOLDER, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


@pytest.fixture(autouse=True)
def no_faults_remain(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test breaks is whole again for the next."""
    yield
    if "site" in request.fixturenames:
        request.getfixturevalue("site").landscape.faults.clear()
