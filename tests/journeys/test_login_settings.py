"""Settings of the login as they arrive at the browser; the authorization server need not be there for that."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.journeys.gateway import Gateway, running_gateway
from tests.journeys.person import HTML, Person

BINDING = {
    "clientid": "sb-shop!t9", "clientsecret": "secret", "url": "http://127.0.0.1:1", "uaadomain": "127.0.0.1:1",
    "identityzone": "acme", "identityzoneid": "zone", "xsappname": "shop!t9", "tenantmode": "dedicated",
}  # fmt: skip
ROUTES: list[dict[str, Any]] = [
    {"source": "^/fixed/", "localDir": "pages", "authenticationType": "xsuaa", "identityProvider": "patients"},
    {
        "source": "^/chosen/(.*)$", "localDir": "pages", "authenticationType": "xsuaa", "identityProvider": "patients",
        "dynamicIdentityProvider": True,
    },
]  # fmt: skip


@contextmanager
def gateway(folder: Path, descriptor: Mapping[str, Any] | None = None, **environment: str) -> Iterator[Gateway]:
    (folder / "pages").mkdir()
    (folder / "xs-app.json").write_text(json.dumps({"routes": ROUTES, **(descriptor or {})}))
    services = {"xsuaa": [{"label": "xsuaa", "name": "x", "tags": ["xsuaa"], "credentials": BINDING}]}
    variables = {"VCAP_SERVICES": json.dumps(services), "PRESERVE_FRAGMENT": "false"}
    with running_gateway(folder, variables | environment) as running:
        yield running


def asked(person: Person, path: str = "/fixed/page.html") -> tuple[requests.Response, dict[str, str]]:
    """The answer to a navigation, and the query of the authorize request it leads to."""
    answer = person.get(path, headers=HTML, allow_redirects=False)
    query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
    return answer, {name: values[0] for name, values in query.items()}


def finish(person: Person, query: str) -> requests.Response:
    return person.get(f"/login/callback?{query}", allow_redirects=False)


def test_as_it_is(tmp_path: Path) -> None:
    with gateway(tmp_path) as running:
        person = Person(running.url)
        _, query = asked(person)
        assert (query["idp"], query["code_challenge_method"]) == ("patients", "S256")
        assert asked(person, "/fixed/page.html?sap_idp=other")[1]["idp"] == "patients"
        assert asked(person, "/chosen/a?sap_idp=other,local&b=1")[1]["idp"] == "other,local"
        assert asked(person, "/chosen/a")[1]["idp"] == "patients"
        assert asked(person, "/unknown")[0].status_code == 404
        assert finish(person, "code=c").status_code == 400
        assert finish(person, f"code=c&state={query['state']}").status_code == 503  # nobody is there to ask


def test_the_identity_provider_of_the_query_leaves_no_trace(tmp_path: Path) -> None:
    with gateway(tmp_path, DYNAMIC_IDENTITY_PROVIDER="true") as running:
        person = Person(running.url)
        answer, query = asked(person, "/fixed/page.html?a=1&sap_idp=other&b=2")
        assert query["idp"] == "other"
        assert person.cookies["locationAfterLogin"] == "%2Ffixed%2Fpage.html%3Fa%3D1%26b%3D2"
        assert "sap_idp" not in answer.headers["location"]


def test_state_cache_is_the_time_for_a_login(tmp_path: Path) -> None:
    with gateway(tmp_path, STATE_CACHE="1") as running:
        person = Person(running.url)
        _, query = asked(person, "/fixed/page.html?a=1")
        time.sleep(2.1)  # states are as old as whole seconds tell
        late = finish(person, f"code=c&state={query['state']}")
        assert (late.status_code, late.headers["location"]) == (302, "/fixed/page.html?a=1")
        assert finish(Person(running.url), f"code=c&state={query['state']}").status_code == 400


def test_pkce_can_be_switched_off_alone(tmp_path: Path) -> None:
    with gateway(tmp_path, PKCE_ENABLED="false") as running:
        person = Person(running.url)
        _, query = asked(person)
        assert "code_challenge" not in query
        assert finish(person, "code=c").status_code == 400


def test_state_protection_can_be_switched_off_in_the_descriptor_and_by_variable(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with gateway(tmp_path / "one", {"stateProtection": False}) as running:
        assert "code_challenge" not in asked(Person(running.url))[1]
        assert finish(Person(running.url), "code=c").status_code == 503  # the code is redeemed, if somebody is there
    with gateway(tmp_path / "two", STATE_PARAMETER_SECRET="false") as running:
        assert finish(Person(running.url), "code=c").status_code == 503


def test_the_policy_of_the_login_page(tmp_path: Path) -> None:
    expected = {
        "NODE_ENV": "default-src 'none'",  # as it is
        "EXTENDED_LOGIN_CSP": "img-src 'self' data:",
        "OMIT_LOGIN_CSP": "",
    }
    for name, directive in expected.items():
        (tmp_path / name).mkdir()
        with gateway(tmp_path / name, None, **{"PRESERVE_FRAGMENT": "true", name: "true"}) as running:
            page = requests.get(f"{running.url}/fixed/page.html", headers=HTML, timeout=30)
            policy = page.headers.get("content-security-policy", "")
            assert directive in policy
            assert ("img-src" in policy) == (name == "EXTENDED_LOGIN_CSP")
            assert bool(policy) == (name != "OMIT_LOGIN_CSP")


def test_the_slash_of_the_callback_may_be_left_out(tmp_path: Path) -> None:
    with gateway(tmp_path, {"login": {"callbackEndpoint": "custom/cb"}, "logout": {}}) as running:
        person = Person(running.url)
        _, query = asked(person)
        assert query["redirect_uri"] == f"{running.url}/custom/cb"
        answers = [person.get(f"{path}?code=x", allow_redirects=False) for path in ("/custom/cb", "/login/callback")]
        assert [answer.status_code for answer in answers] == [400, 404]
