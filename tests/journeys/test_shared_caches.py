"""What stands between browsers and the gateway may keep answers, but never one user's for another (attack 73)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.echo import Echo, running_echo
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

OPEN = {"authenticationType": "none"}
FILES = {"target": "$1", "localDir": "resources"}
XS_APP = {
    "welcomeFile": "/open-files/index.html",
    "routes": [
        {"source": "^/back/(.*)$", "target": "/$1", "destination": "back"},
        {"source": "^/open/(.*)$", "target": "/$1", "destination": "back", **OPEN},
        {"source": "^/files/(.*)$", **FILES},
        {"source": "^/open-files/(.*)$", "cacheControl": "public, max-age=60", **FILES, **OPEN},
    ],
    "responseHeaders": [{"name": "x-own", "value": "1"}],
}
FETCH = {"x-csrf-token": "fetch"}
PUBLIC = (200, {"cache-control": "public, max-age=600"})


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    with running_echo() as backend:
        yield backend


@pytest.fixture(scope="module")
def site(echo: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("router"), free_port()
    (folder / "xs-app.json").write_text(json.dumps(XS_APP))
    (folder / "resources").mkdir()
    (folder / "resources" / "index.html").write_text("<p>hello")
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS
        environment |= {"destinations": json.dumps([{"name": "back", "url": echo.url}])}
        with running_gateway(folder, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


@pytest.fixture(scope="module")
def anna(site: Site) -> Person:
    person = Person(site.gateway.url)
    assert person.login("anna", "/files/index.html").status_code == 200
    return person


def said(person: Person, path: str, headers: dict[str, str] | None = None) -> str | None:
    answer = person.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.headers.get("cache-control")


def test_a_users_answers_are_private(anna: Person, echo: Echo) -> None:
    echo.answer = (200, {})
    assert said(anna, "/back/x") == said(anna, "/open/x") == said(anna, "/files/index.html") == "private"


def test_behind_a_login_the_backends_word_counts(anna: Person, echo: Echo) -> None:
    echo.answer = PUBLIC
    assert said(anna, "/back/x") == "public, max-age=600"


def test_a_users_token_is_never_shared(anna: Person, echo: Echo) -> None:
    echo.answer = PUBLIC
    assert said(anna, "/back/x", FETCH) == "private, max-age=600"
    assert said(anna, "/open-files/index.html", FETCH) == "private, max-age=60"


def test_on_a_public_route_what_is_for_somebody_is_for_nobody_else(site: Site, anna: Person, echo: Echo) -> None:
    echo.answer, nobody = PUBLIC, Person(site.gateway.url)
    assert said(anna, "/open/x") == "private, max-age=600"
    assert said(nobody, "/open/x") == "public, max-age=600"
    assert said(anna, "/open-files/index.html") == said(nobody, "/open-files/index.html") == "public, max-age=60"
    echo.answer = (200, {**PUBLIC[1], "set-cookie": "BSESSION=1"})
    assert said(nobody, "/open/x") == "private, max-age=600"
    echo.answer = (200, {})
    assert said(Person(site.gateway.url), "/open/x") is None
