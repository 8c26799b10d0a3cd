"""The login against an OpenID provider of another hand: what is generic about the identity service."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import Person
from tests.journeys.second_provider import SECONDS, SecondProvider, log_in, second_provider, submit
from tests.support.ports import free_port

SCRIPT = {"x-requested-with": "XMLHttpRequest"}
DESCRIPTOR = {
    "logout": {
        "logoutEndpoint": "/logout", "logoutPage": "/public/bye.html", "backChannelLogoutEndpoint": "/report/logout",
    },
    "routes": [
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
        {"source": "^/public/(.*)$", "target": "$1", "localDir": "public", "authenticationType": "none"},
        {"source": "^/(.*)$", "target": "$1", "localDir": "pages"},
    ],
}  # fmt: skip


@contextmanager
def joined(folder: Path, id_token_seconds: int = 600, **environment: str) -> Iterator[tuple[Gateway, SecondProvider]]:
    """A provider, and a gateway bound to it as its identity service."""
    for name in ("public/bye.html", "pages/start.html"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"<h1>{name}</h1>")
    (folder / "xs-app.json").write_text(json.dumps(DESCRIPTOR))
    port = free_port()
    with second_provider(f"http://localhost:{port}", id_token_seconds) as provider:
        binding = {"label": "identity", "name": "second", "tags": ["identity"], "credentials": provider.binding()}
        variables = {"VCAP_SERVICES": json.dumps({"identity": [binding]}), "PRESERVE_FRAGMENT": "false"}
        with running_gateway(folder, variables | environment, port=port, health="ready") as gateway:
            yield gateway, provider


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, SecondProvider]]:
    with joined(tmp_path_factory.mktemp("second")) as running:
        yield running


def logged_in(gateway: Gateway, user: str) -> Person:
    person = Person(gateway.url)
    page = log_in(person, user, "/start.html?a=b")
    assert (page.status_code, page.url) == (200, f"{gateway.url}/start.html?a=b")
    return person


def status(person: Person) -> int:
    return person.get("/user-api/currentUser", headers=SCRIPT).status_code


def test_login(pair: tuple[Gateway, SecondProvider]) -> None:
    gateway, _ = pair
    user = logged_in(gateway, "erika").get("/user-api/currentUser").json()
    assert user == {
        "firstname": "erika", "lastname": "Second", "email": "erika@second.example", "name": "erika",
        "displayName": "erika Second (erika)", "scopes": [],
    }  # fmt: skip


def test_who_is_logged_in_there_comes_in_without_being_asked(pair: tuple[Gateway, SecondProvider]) -> None:
    gateway, _ = pair
    person = logged_in(gateway, "erika")
    person.cookies.clear(domain="localhost.local", path="/", name="JSESSIONID")
    assert status(person) == 401
    page = person.open("/start.html")
    assert (page.status_code, page.url) == (200, f"{gateway.url}/start.html")


@pytest.mark.parametrize("hint", ["false", "true"])
def test_logout_here_ends_the_session_there_which_reports_it_to_us(tmp_path: Path, hint: str) -> None:
    with joined(tmp_path, LOGOUT_WITH_TOKEN_HINT=hint) as (gateway, provider):
        erika, other = logged_in(gateway, "erika"), logged_in(gateway, "otto")
        confirmed = submit(erika, erika.open("/logout"), logout="yes")
        assert confirmed.url == f"{gateway.url}/public/bye.html"
        provider.wait_for("reported")
        assert status(erika) == 401
        assert "sign-in" in erika.open("/start.html").text.lower()
        assert status(other) == 200


def test_logout_there_ends_the_session_here(pair: tuple[Gateway, SecondProvider]) -> None:
    gateway, provider = pair
    erika, also_erika = logged_in(gateway, "erika"), logged_in(gateway, "erika")
    before = provider.seen("reported")
    submit(erika, erika.get(f"{provider.url}/session/end"), logout="yes")
    provider.wait_for("reported", before + 1)
    assert provider.seen("report-failed") == 0
    assert status(erika) == 401
    assert status(also_erika) == 200


def test_tokens_are_renewed_with_rotating_refresh_tokens(tmp_path: Path) -> None:
    with joined(tmp_path, id_token_seconds=4) as (gateway, provider):
        erika = logged_in(gateway, "erika")
        deadline = time.monotonic() + SECONDS
        while provider.seen("grant", type="refresh_token") < 3:
            assert status(erika) == 200
            assert time.monotonic() < deadline, provider.events
            time.sleep(0.05)
        assert provider.seen("refused") == 0
        assert provider.seen("grant", type="authorization_code") == 1
