"""The emulated identity service: its grants and what surprises about them, keys, metadata, logout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from app.landscape.faults import Fault
from app.landscape.identity_service import IdentityService
from app.landscape.identity_service_grants import ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, TOKEN_EXCHANGE
from app.landscape.identity_service_instance import DEPENDENCY
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from app.landscape.users import ACME, GLOBEX
from app.landscape.xsuaa_grants import JWT_BEARER

CALLBACK = "http://localhost:5000/login/callback"
RESOURCE = f"urn:sap:identity:application:provider:name:{DEPENDENCY}"
TIMEOUT = 10


@pytest.fixture(scope="module")
def landscape() -> Iterator[Landscape]:
    with running_landscape(Landscape(ias=True)) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults_remain(landscape: Landscape) -> Iterator[None]:
    yield
    landscape.faults.clear()


class Client:
    """Our application as the service knows it, and a browser."""

    def __init__(self, landscape: Landscape) -> None:
        self.service: IdentityService = landscape.identity_service
        self.app = landscape.identity_instances.app
        self.browser = requests.Session()
        self.browser.trust_env = False
        port = urlsplit(self.service.url).port
        self.address = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> requests.Response:
        return self.browser.get(self.address + path, params=query, allow_redirects=False, timeout=TIMEOUT)

    def authorize(self, **query: str) -> requests.Response:
        usual = {
            "client_id": self.app.client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid",
            "state": "s", "nonce": "n",
        }  # fmt: skip
        return self.get("/oauth2/authorize", **{**usual, **query})

    def code(self, user: str = "anna", **query: str) -> str:
        page = self.authorize(prompt="login", **query)
        name = page.text.partition('name="request" value="')[2].partition('"')[0]
        form = {"request": name, "user": user}
        back = self.browser.post(f"{self.address}/login.do", data=form, allow_redirects=False, timeout=TIMEOUT)
        return parse_qs(urlsplit(back.headers["location"]).query)["code"][0]

    def token(self, grant: str, status: int = 200, **form: str) -> dict[str, Any]:
        usual = {"grant_type": grant, "client_id": self.app.client_id, "client_secret": self.app.secret}
        answer = requests.post(f"{self.address}/oauth2/token", data={**usual, **form}, timeout=TIMEOUT)
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def login(self, user: str = "anna") -> dict[str, Any]:
        return self.token("authorization_code", code=self.code(user), redirect_uri=CALLBACK)


@pytest.fixture
def client(landscape: Landscape) -> Client:
    return Client(landscape)


def is_jwt(token: str) -> bool:
    return token.count(".") == 2


def test_a_login_yields_an_id_token_for_us_and_for_xsuaa(client: Client, landscape: Landscape) -> None:
    claims = client.service.validate(client.login()["id_token"])
    assert claims["aud"] == [client.app.client_id, landscape.instances.app.client.client_id]
    assert (claims["app_tid"], claims["nonce"], claims["email"]) == (ACME.zone_id, "n", "anna.arnold@acme.example")
    assert claims["sid"]


def test_access_tokens_are_opaque_unless_asked_for(client: Client) -> None:
    login = client.login()
    assert is_jwt(login["access_token"])
    renewed = client.token("refresh_token", refresh_token=login["refresh_token"])
    assert not is_jwt(renewed["access_token"])
    assert is_jwt(renewed["id_token"])
    again = client.token("refresh_token", refresh_token=renewed["refresh_token"], token_format="jwt")
    assert is_jwt(again["access_token"])
    assert not is_jwt(client.token(JWT_BEARER, assertion=login["id_token"])["access_token"])


def test_refresh_tokens_and_codes_are_of_single_use(client: Client) -> None:
    code = client.code()
    login = client.token("authorization_code", code=code, redirect_uri=CALLBACK)
    assert client.token("authorization_code", 400, code=code, redirect_uri=CALLBACK)["error"] == "invalid_grant"
    client.token("refresh_token", refresh_token=login["refresh_token"])
    refused = client.token("refresh_token", 400, refresh_token=login["refresh_token"])
    assert refused["error"] == "invalid_grant"


def test_a_resource_makes_the_token_another_applications(client: Client, landscape: Landscape) -> None:
    assertion, shop = client.login()["id_token"], landscape.identity_instances.shop.client_id
    token = client.token(JWT_BEARER, assertion=assertion, resource=RESOURCE, token_format="jwt")["access_token"]
    assert client.service.validate(token)["aud"] == shop
    by_client = f"urn:sap:identity:application:provider:clientid:{shop}"
    technical = client.token("client_credentials", resource=by_client)["access_token"]
    assert client.service.validate(technical)["aud"] == shop
    assert client.token(JWT_BEARER, 400, assertion=assertion, resource=f"{RESOURCE}x")["error"] == "invalid_target"
    assert client.token(JWT_BEARER, 400, assertion=token)["error"] == "invalid_grant"  # it is not for us


def test_token_exchange_says_what_it_issued(client: Client) -> None:
    form = {"subject_token": client.login()["id_token"], "subject_token_type": ID_TOKEN_TYPE, "token_format": "jwt"}
    answer = client.token(TOKEN_EXCHANGE, **form)
    assert answer["issued_token_type"] == ACCESS_TOKEN_TYPE
    assert client.service.validate(answer["access_token"])["email"] == "anna.arnold@acme.example"


def test_five_failures_lock_a_client(landscape: Landscape) -> None:
    with running_landscape(Landscape(ias=True)) as own:
        client = Client(own)
        for _ in range(5):
            client.token("client_credentials", 401, client_secret="wrong")
        assert client.token("client_credentials", 401)["error"] == "invalid_client"


def test_keys_are_for_pairs_that_belong_together(client: Client) -> None:
    def status(**headers: str) -> int:
        named = {name.replace("x_", "x-", 1): value for name, value in headers.items()}
        return requests.get(f"{client.address}/oauth2/certs", headers=named, timeout=TIMEOUT).status_code

    mine = client.app.client_id
    assert status(x_client_id=mine, x_app_tid=ACME.zone_id, x_azp=mine) == 200
    assert status(x_client_id=mine, x_app_tid="unknown", x_azp=mine) == 400
    assert status(x_client_id="other", x_app_tid=ACME.zone_id, x_azp=mine) == 400
    assert status() == 400


def test_plain_metadata_name_an_issuer_without_scheme(client: Client) -> None:
    plain = client.get("/.well-known/openid-configuration").json()
    assert plain["issuer"] == urlsplit(client.service.url).netloc
    assert client.get("/.well-known/openid-configuration", client_id=client.app.client_id).json()["issuer"] == (
        client.service.url
    )


def test_the_browser_comes_back_to_registered_addresses_only(client: Client) -> None:
    assert client.authorize(redirect_uri="https://evil.example/").status_code == 400
    assert client.authorize(redirect_uri=f"{CALLBACK}?authType=ias").status_code == 200
    assert client.authorize(app_tid="unknown").status_code == 400
    silent = parse_qs(urlsplit(client.authorize(prompt="none").headers["location"]).query)
    assert (silent["error"], silent["iss"]) == (["login_required"], [client.service.url])
    assert "error=invalid_request" in client.authorize(state="").headers["location"]


def test_pkce_is_checked(client: Client) -> None:
    code = client.code(code_challenge="x" * 43, code_challenge_method="plain")
    form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": "y" * 43}
    assert client.token("authorization_code", 400, **form)["error"] == "invalid_grant"


def test_a_logout_wants_the_tenant_and_returns_to_registered_addresses(client: Client) -> None:
    mine = client.app.client_id
    assert client.get("/oauth2/logout", client_id=mine).status_code == 400
    away = client.get("/oauth2/logout", client_id=mine, app_tid=ACME.zone_id, post_logout_redirect_uri="https://e.x/")
    assert away.status_code == 400
    home = {"client_id": mine, "app_tid": ACME.zone_id, "post_logout_redirect_uri": "http://localhost:5000/bye.html"}
    assert client.get("/oauth2/logout", **home).headers["location"] == "http://localhost:5000/bye.html"


def test_xsuaa_exchanges_the_tokens_of_its_own_tenants_users(client: Client, landscape: Landscape) -> None:
    xsuaa, app = landscape.xsuaa, landscape.instances.app.client

    def exchanged(assertion: str, tenant: str) -> requests.Response:
        form = {
            "grant_type": JWT_BEARER, "assertion": assertion, "client_id": app.client_id, "client_secret": app.secret,
        }  # fmt: skip
        host = {"host": urlsplit(xsuaa.tenant_url(ACME)).netloc.replace("acme", tenant)}
        port = urlsplit(xsuaa.url).port
        return requests.post(f"http://127.0.0.1:{port}/oauth/token", data=form, headers=host, timeout=TIMEOUT)

    login = client.login()
    assert exchanged(login["id_token"], "acme").json()["scope"]
    assert exchanged(login["id_token"], "globex").status_code == 401
    foreign = client.token(JWT_BEARER, assertion=login["id_token"], resource=RESOURCE, token_format="jwt")
    assert exchanged(foreign["access_token"], "acme").status_code == 401  # its audience is another


def test_a_user_whose_access_was_revoked_gets_no_tokens(client: Client, landscape: Landscape) -> None:
    login = client.login("bob")
    landscape.faults.switch_on(Fault.REVOKED_USER, "bob")
    refused = client.token("refresh_token", 400, refresh_token=login["refresh_token"])
    assert refused["error"] == "invalid_grant"


def test_users_are_those_of_the_tenant(client: Client) -> None:
    page = client.authorize(app_tid=GLOBEX.zone_id, prompt="login").text
    assert "login-gina" in page
    assert "login-bob" not in page
