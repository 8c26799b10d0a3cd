"""SAP's own library for Node.js, in a backend the gateway forwards tokens to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import ACME
from tests.journeys.conftest import NO_SCRIPTS
from tests.journeys.gateway import running_gateway
from tests.journeys.person import TIMEOUT, Person
from tests.real_clients.node_backend import running_backend
from tests.support.ports import free_port

ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"
XS_APP = {"routes": [{"source": "^/backend/(.*)$", "target": "/$1", "destination": "node"}]}
DESTINATION = {
    "Name": "node",
    "Type": "HTTP",
    "ProxyType": "Internet",
    "Authentication": "NoAuthentication",
    "HTML5.ForwardAuthToken": "true",
}


@dataclass(frozen=True)
class Place:
    """Gateway and backend by address, and the file of who signs the landscape's certificates."""

    gateway_url: str
    backend_url: str
    authority: Path

    def person(self, user: str) -> Person:
        """Somebody who is logged in."""
        person = Person(self.gateway_url)
        person.verify = str(self.authority)
        assert person.login(user, "/backend/").status_code == 200
        return person

    def tell_backend(self, token: str) -> requests.Response:
        """Call the backend past the gateway."""
        return requests.get(self.backend_url, headers={"authorization": f"Bearer {token}"}, timeout=TIMEOUT)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The library fetches keys over https only, so XSUAA has a certificate."""
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    (folder / "xs-app.json").write_text(json.dumps(XS_APP))
    landscape = Landscape(tls=True)
    authority = folder / "authority.pem"
    authority.write_text(landscape.authority.pem)
    with running_landscape(landscape):
        environment = landscape.environment(f"http://localhost:{port}")
        with running_backend(environment | {"NODE_EXTRA_CA_CERTS": str(authority)}) as backend_url:
            landscape.define_destination({**DESTINATION, "URL": backend_url})
            environment |= {"XS_CACERT_PATH": str(authority), **NO_SCRIPTS}
            with running_gateway(folder, environment, port=port, health="ready") as gateway:
                yield Place(gateway.url, backend_url, authority)


def altered(token: str, **claims: Any) -> str:
    """The token with other claims, and the signature it had."""
    header, payload, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = base64.urlsafe_b64encode(json.dumps(told | claims).encode()).decode().rstrip("=")
    return f"{header}.{other}.{signature}"


@pytest.mark.parametrize(("login", "user", "may"), [("anna", ANNA, ["Read", "Write"]), ("bob", BOB, ["Read"])])
def test_a_forwarded_token_is_accepted_as_the_users(place: Place, login: str, user: str, may: list[str]) -> None:
    answer = place.person(login).get("/backend/")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["user"], told["zone"], told["may"]) == (user, ACME.zone_id, may)


def test_a_token_of_the_client_does_not_arrive(place: Place) -> None:
    token = place.person("bob").get("/backend/").json()["token"]
    answer = place.person("anna").get("/backend/", headers={"authorization": f"Bearer {token}"})
    assert answer.json()["user"] == ANNA


def test_a_tampered_token_is_refused(place: Place) -> None:
    token = place.person("bob").get("/backend/").json()["token"]
    assert place.tell_backend(token).json()["user"] == BOB
    refused = place.tell_backend(altered(token, user_name=ANNA))
    assert (refused.status_code, refused.json()) == (401, {"refused": "InvalidTokenSignatureError"})
