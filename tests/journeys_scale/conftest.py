"""Several instances of the gateway with the demo application, one landscape, one Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest

from app.landscape.command import DEMO_FOLDER
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.conftest import names_below_localhost_are_loopback as names_below_localhost_are_loopback
from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import Person
from tests.support.redis_servers import RedisServer, redis_server

SECRET = "a secret of sixty-four characters or more, as the reference has it"


@dataclass(frozen=True)
class Cloud:
    """What instances run on."""

    landscape: Landscape
    store: RedisServer

    def instance(self, **variables: str) -> AbstractContextManager[Gateway]:
        """One more instance, ready."""
        return running_gateway(DEMO_FOLDER, self.environment() | variables, health="ready")

    def environment(self) -> dict[str, str]:
        """The variables of an instance that keeps its sessions in Redis."""
        binding = {"name": "sessions", "label": "redis-cache", "tags": ["redis"], "credentials": self.store.binding()}
        services = {**self.landscape.vcap_services(), "redis-cache": [binding]}
        options = {"instanceName": "sessions", "storageType": "redis", "sessionSecret": SECRET}
        variables = {"VCAP_SERVICES": json.dumps(services), "EXT_SESSION_MGT": json.dumps(options)}
        return self.landscape.environment() | NO_SCRIPTS | variables

    def rows(self) -> int:
        """How many sessions are stored."""
        with self.store.client() as client:
            return sum(client.type(key) == b"hash" for key in client.scan_iter())


def logged_in(gateway: Gateway, user: str = "anna") -> Person:
    """Somebody who has logged in at this instance."""
    person = Person(gateway.url)
    assert person.login(user).status_code == 200
    return person


def at(person: Person, gateway: Gateway) -> Person:
    """The same browser, led to another instance by the router in front."""
    person.gateway_url = gateway.url
    return person


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_landscape() as landscape, redis_server() as store:
        yield Cloud(landscape, store)


@pytest.fixture(scope="module")
def pair(cloud: Cloud) -> Iterator[tuple[Gateway, Gateway]]:
    """Two instances that share sessions."""
    with cloud.instance() as one, cloud.instance() as two:
        yield one, two
