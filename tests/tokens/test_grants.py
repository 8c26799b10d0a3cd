from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from app.bindings.credentials import ClientCredentials, ConnectivityCredentials, DestinationCredentials
from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.principal import Tenant
from app.tokens import token_request
from app.tokens.grants import Grants
from app.tokens.token_response import TokenRefused, TokenResponse
from tests.tokens.certificates import Authority
from tests.tokens.token_server import ZONE, TokenServer, token_server

OWN = Tenant(ZONE, "acme")
REFUSAL = {"error": "invalid_grant", "error_description": "used before"}


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_request, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(token_request, "LONGEST_PAUSE", 0.0)


def ask(
    call: Callable[[Grants], Awaitable[TokenResponse]], ca_files: tuple[str, ...] = (), timeout: float = 5
) -> TokenResponse:
    async def run() -> TokenResponse:
        clients = PlatformClients(ca_files, timeout=timeout)
        try:
            return await call(Grants(clients))
        finally:
            await clients.aclose()

    return asyncio.run(run())


def test_a_code_is_exchanged_with_its_verifier(server: TokenServer) -> None:
    binding = server.binding()
    response = ask(lambda grants: grants.authorization_code(binding, OWN, "c1", "https://app/cb", "verifier"))
    assert response.refresh_token == "refresh-2"
    assert response.expires_in == 3599
    assert server.asked[0].form == {
        "grant_type": "authorization_code",
        "code": "c1",
        "redirect_uri": "https://app/cb",
        "code_verifier": "verifier",
    }


def test_the_secret_goes_encoded_into_a_basic_header(server: TokenServer) -> None:
    binding = server.binding()
    ask(lambda grants: grants.client_credentials(binding, OWN))
    sent = base64.b64decode(server.asked[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert sent == "sb-shop%21t9:client%2Bsecret%26"
    assert "client_secret" not in server.asked[0].form


@pytest.mark.parametrize(
    ("call", "grant", "parameter"),
    [
        (lambda g, b: g.refresh_token(b, OWN, "r1"), "refresh_token", ("refresh_token", "r1")),
        (lambda g, b: g.password(b, OWN, "alice", "pw"), "password", ("password", "pw")),
        (
            lambda g, b: g.jwt_bearer(b, OWN, "assertion-1"),
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ("assertion", "assertion-1"),
        ),
        (lambda g, b: g.client_credentials(b, OWN, {"scope": "x.y"}), "client_credentials", ("scope", "x.y")),
    ],
)
def test_each_grant_sends_its_form(
    server: TokenServer,
    call: Callable[[Grants, ClientCredentials], Awaitable[TokenResponse]],
    grant: str,
    parameter: tuple[str, str],
) -> None:
    binding = server.binding()
    ask(lambda grants: call(grants, binding))
    assert server.asked[0].form["grant_type"] == grant
    assert server.asked[0].form[parameter[0]] == parameter[1]


def test_a_tenant_known_by_id_alone_is_named_in_a_header(server: TokenServer) -> None:
    binding = server.binding()
    ask(lambda grants: grants.client_credentials(binding, Tenant("zone-7", "")))
    assert server.asked[0].headers["x-zid"] == "zone-7"


def test_a_refusal_names_the_oauth_error_only(server: TokenServer) -> None:
    binding = server.binding()
    secret = "e" * 60
    server.script.append((401, {"error": "invalid_grant", "error_description": f"bad {secret} <b>", "x": "y"}, {}))
    with pytest.raises(TokenRefused) as caught:
        ask(lambda grants: grants.refresh_token(binding, OWN, "r1"))
    assert caught.value.failure is Failure.XSUAA_REFUSED
    assert caught.value.detail == "invalid_grant: bad ... ?b?"
    assert not caught.value.is_about_us


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_not_repeated(server: TokenServer, status: int) -> None:
    binding = server.binding()
    server.script.append((status, REFUSAL, {}))
    with pytest.raises(TokenRefused):
        ask(lambda grants: grants.client_credentials(binding, OWN))
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_moments_trouble_is_overcome(server: TokenServer, status: int) -> None:
    binding = server.binding()
    server.script.extend([(status, b"", {"retry-after": "1"}), (status, b"", {})])
    assert ask(lambda grants: grants.client_credentials(binding, OWN)).access_token
    assert len(server.asked) == 3


def test_lasting_trouble_is_reported(server: TokenServer) -> None:
    binding = server.binding()
    server.script.extend([(500, b"secret stack trace", {})] * 9)
    with pytest.raises(GatewayError) as caught:
        ask(lambda grants: grants.client_credentials(binding, OWN))
    assert caught.value.failure is Failure.XSUAA_UNAVAILABLE
    assert caught.value.detail == "the token service answered 500"
    assert len(server.asked) == 3


def test_what_is_good_for_one_use_is_not_sent_twice(server: TokenServer) -> None:
    binding = server.binding()
    server.script.extend([(500, b"", {})] * 9)
    for call in (
        lambda g: g.authorization_code(binding, OWN, "c", "https://app/cb"),
        lambda g: g.refresh_token(binding, OWN, "r"),
    ):
        server.asked.clear()
        with pytest.raises(GatewayError):
            ask(call)
        assert len(server.asked) == 1


def test_a_code_the_server_did_not_look_at_is_sent_again(server: TokenServer) -> None:
    binding = server.binding()
    server.script.append((429, b"", {"retry-after": "1"}))
    assert ask(lambda grants: grants.authorization_code(binding, OWN, "c", "https://app/cb")).access_token


def test_no_server_is_reported() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        binding = TokenServer(url).binding()
        with pytest.raises(GatewayError) as caught:
            ask(lambda grants: grants.client_credentials(binding, OWN))
    assert caught.value.failure is Failure.XSUAA_UNAVAILABLE


@pytest.mark.parametrize("body", [b"no json", b"\xff", [], {}, {"access_token": 7}, {"access_token": ""}])
def test_a_nonsense_answer_is_refused(server: TokenServer, body: object) -> None:
    binding = server.binding()
    server.script.append((200, body, {}))
    with pytest.raises(TokenRefused, match="invalid_response"):
        ask(lambda grants: grants.client_credentials(binding, OWN))


@pytest.mark.parametrize("lifetime", [None, "abc", -5, True, 10**12])
def test_an_unreadable_lifetime_counts_as_none(server: TokenServer, lifetime: object) -> None:
    binding = server.binding()
    server.script.append((200, {"access_token": "t", "expires_in": lifetime}, {}))
    assert ask(lambda grants: grants.client_credentials(binding, OWN)).expires_in == 0


def test_redirects_are_not_followed(server: TokenServer) -> None:
    binding = server.binding()
    server.script.append((302, b"", {"location": "/elsewhere"}))
    with pytest.raises(TokenRefused):
        ask(lambda grants: grants.client_credentials(binding, OWN))
    assert len(server.asked) == 1


def test_x509_clients_show_their_certificate_and_name_themselves(tmp_path: Path) -> None:
    authority = Authority()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(authority.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem)
    context.load_cert_chain(authority.issue("acme.localhost").write(tmp_path, "server"))
    context.verify_mode = ssl.CERT_REQUIRED
    mine = authority.issue("sb-shop")
    with token_server(context) as server:
        binding = server.binding(
            clientsecret="", certificate=mine.certificate, key=mine.key, url="http://unused.example", certurl=server.url
        )
        assert ask(lambda grants: grants.client_credentials(binding, OWN), (str(ca_file),)).access_token
    asked = server.asked[0]
    assert asked.peer_certificate
    assert asked.form["client_id"] == "sb-shop!t9"
    assert "authorization" not in asked.headers
    assert asked.headers["host"].startswith("acme.localhost:")


def test_an_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.issue("acme.localhost").write(tmp_path, "server"))
    with token_server(context) as server:
        binding = server.binding()
        with pytest.raises(GatewayError) as caught:
            ask(lambda grants: grants.client_credentials(binding, OWN))
    assert caught.value.failure is Failure.XSUAA_UNAVAILABLE
    assert not server.asked


def test_an_untrusted_certificate_is_named_with_what_to_do(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Authority().issue("localhost").write(tmp_path, "server"))
    with token_server(context) as server:
        binding = server.binding(url=server.url.replace("127.0.0.1", "localhost"))
        with pytest.raises(GatewayError) as caught:
            ask(lambda grants: grants.client_credentials(binding, OWN))
    assert caught.value.detail.startswith("no connection to the token service: certificate not trusted: ")
    assert "XS_CACERT_PATH" in caught.value.advice


def test_a_server_that_hangs_did_not_break_off(server: TokenServer) -> None:
    server.delay = 0.5
    with pytest.raises(GatewayError) as caught:
        ask(lambda grants: grants.authorization_code(server.binding(), OWN, "c", "https://app/cb"), timeout=0.1)
    assert caught.value.failure is Failure.XSUAA_UNAVAILABLE
    assert caught.value.detail == "the token service did not answer in time"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("model", "more", "name"),
    [
        (DestinationCredentials, {"uri": "https://destination.example"}, "destination"),
        (ConnectivityCredentials, {"onpremise_proxy_host": "proxy"}, "connectivity"),
    ],
)
def test_a_refusal_says_whose_credentials_were_shown(
    server: TokenServer, model: type[ClientCredentials], more: dict[str, str], name: str
) -> None:
    server.script.append((401, {"error": "unauthorized", "error_description": "Bad credentials"}, {}))
    binding = model.model_validate(server.binding().model_dump(by_alias=True) | more)
    with pytest.raises(TokenRefused) as caught:
        ask(lambda grants: grants.client_credentials(binding, OWN))
    assert caught.value.detail == f"the client of the {name} binding: unauthorized: Bad credentials"
    assert f"{name} binding" in caught.value.advice
    assert "xsuaa" not in caught.value.advice


def test_an_unusable_certificate_is_our_own_fault() -> None:
    binding = TokenServer("http://127.0.0.1:1").binding(
        clientsecret="", certificate="none", key="none", certurl="http://x"
    )
    with pytest.raises(TokenRefused) as caught:
        ask(lambda grants: grants.client_credentials(binding, OWN))
    assert caught.value.is_about_us
    assert "none" not in caught.value.detail


def test_an_unknown_subscriber_is_told_apart_and_remembered_for_a_while(server: TokenServer) -> None:
    binding, now = server.binding(), [0.0]
    z1, z2 = Tenant("z1", ""), Tenant("z2", "")
    server.script.extend([(404, {"error": "not_found"}, {}), (404, b"<html>", {}), (404, b"", {})])

    async def work() -> None:
        clients = PlatformClients(timeout=5)
        grants = Grants(clients, lambda: now[0])
        for tenant, seconds, asked in ((z1, 0, 1), (z1, 29, 1), (z1, 2, 2), (z2, 0, 3)):
            now[0] += seconds
            with pytest.raises(GatewayError) as caught:
                await grants.client_credentials(binding, tenant)
            assert caught.value.failure is Failure.SUBSCRIBER_UNKNOWN
            assert len(server.asked) == asked
        assert await grants.client_credentials(binding, Tenant("z3", ""))
        await clients.aclose()

    asyncio.run(work())


def test_a_wrong_address_of_the_provider_is_no_unknown_subscriber(server: TokenServer) -> None:
    server.script.append((404, {"error": "not_found"}, {}))
    with pytest.raises(TokenRefused) as caught:
        ask(lambda grants: grants.client_credentials(server.binding(), OWN))
    assert caught.value.failure is Failure.XSUAA_REFUSED
