"""The Destination service: what each authentication type returns."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from app.landscape.destination_service import assertion_issuer
from app.landscape.faults import Fault
from app.landscape.saml import verify_assertion
from app.landscape.server import AppServer
from app.landscape.tokens import TokenVerifier
from app.landscape.users import ACME, GLOBEX
from app.landscape.xsuaa_grants import entity_id
from tests.landscape_platform.destination_setting import Setting, in_setting, token_of
from tests.landscape_platform.support import APP, CALLBACK, SERVICE, claims_of, query_of


def test_basic_credentials_are_returned_as_a_header() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("BasicAuthentication", User="u", Password="p:w")
        value = base64.b64encode(b"u:p:w").decode()
        header = {"key": "Authorization", "value": f"Basic {value}"}
        assert token_of(await setting.find()) == {"type": "Basic", "value": value, "http_header": header}

    in_setting(scenario)


@pytest.mark.parametrize("authentication", ["OAuth2JWTBearer", "OAuth2UserTokenExchange", "OAuth2SAMLBearerAssertion"])
@pytest.mark.parametrize("way", ["authorization", "x-user-token"])
def test_user_flows_return_a_token_of_the_user_for_the_destinations_client(authentication: str, way: str) -> None:
    async def scenario(setting: Setting) -> None:
        setting.define(authentication, audience=entity_id(ACME))
        if way == "authorization":
            answer = await setting.find(await setting.exchanged("bob"))
        else:
            answer = await setting.find(headers={"X-user-token": await setting.platform.user_token("bob")})
        token = token_of(answer)
        assert token["type"] == "Bearer"
        assert token["http_header"] == {"key": "Authorization", "value": f"Bearer {token['value']}"}
        assert token["expires_in"] == "43199"
        claims = claims_of(token["value"])
        assert (claims["user_name"], claims["cid"]) == ("bob.berger@acme.example", SERVICE.client_id)
        assert await TokenVerifier(setting.platform.xsuaa.url).verify(token["value"])

    in_setting(scenario)


@pytest.mark.parametrize("authentication", ["OAuth2JWTBearer", "OAuth2UserTokenExchange", "OAuth2SAMLBearerAssertion"])
def test_a_user_flow_without_a_user_is_found_with_an_error_in_place_of_the_token(authentication: str) -> None:
    async def scenario(setting: Setting) -> None:
        setting.define(authentication)
        token = token_of(await setting.find())
        assert (token["value"], token["type"]) == ("", "")
        assert "user token" in token["error"]

    in_setting(scenario)


def test_a_refusal_of_the_token_service_is_found_as_an_error_too() -> None:
    async def scenario(setting: Setting) -> None:
        for properties, reason in (
            ({"clientSecret": "wrong"}, "Bad credentials"),
            ({"tokenServiceURL": "http://127.0.0.1:9/oauth/token"}, "does not answer"),
        ):
            setting.define("OAuth2ClientCredentials", more=properties)
            token = token_of(await setting.find())
            assert token["value"] == ""
            assert reason in token["error"]
        setting.define("OAuth2JWTBearer")
        carla = await setting.platform.user_token("carla")
        assert "uaa.user" in token_of(await setting.find(headers={"X-user-token": carla}))["error"]
        setting.platform.faults.switch_on(Fault.REVOKED_USER, "anna")
        bob = await setting.find(headers={"X-user-token": await setting.platform.user_token("bob")})
        assert "error" not in token_of(bob)

    in_setting(scenario)


def test_client_credentials_give_a_technical_token() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("OAuth2ClientCredentials", scope="uaa.resource")
        claims = claims_of(token_of(await setting.find())["value"])
        assert (claims["sub"], claims["grant_type"]) == (SERVICE.client_id, "client_credentials")

    in_setting(scenario)


def test_a_common_token_service_is_completed_with_the_tenant_and_dedicated_refuses_one() -> None:
    async def scenario(setting: Setting) -> None:
        domain = setting.platform.xsuaa.domain
        for url in (f"http://{domain}/oauth/token", f"http://{{tenant}}.{domain}/oauth/token"):
            setting.define("OAuth2ClientCredentials", tokenServiceURL=url, tokenServiceURLType="Common")
            claims = claims_of(token_of(await setting.find(headers={"X-tenant": "globex"}))["value"])
            assert claims["zid"] == GLOBEX.zone_id
            assert (await setting.find()).status_code == 400
        gina = await setting.platform.user_token("gina", GLOBEX)
        claims = claims_of(token_of(await setting.find(headers={"X-user-token": gina}))["value"])
        assert claims["zid"] == GLOBEX.zone_id
        setting.define("OAuth2ClientCredentials")
        assert (await setting.find(headers={"X-tenant": "acme"})).status_code == 400

    in_setting(scenario)


def test_a_technical_user_is_propagated_in_the_header_of_the_connectivity_proxy() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("OAuth2TechnicalUserPropagation", ProxyType="OnPremise")
        token = token_of(await setting.find())
        assert token["http_header"]["key"] == "SAP-Connectivity-Technical-Authentication"
        setting.define("OAuth2TechnicalUserPropagation", ProxyType="Internet")
        assert "OnPremise" in token_of(await setting.find())["error"]

    in_setting(scenario)


def test_principal_propagation_returns_no_token() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("PrincipalPropagation", ProxyType="OnPremise", CloudConnectorLocationId="here")
        answer = (await setting.find(headers={"X-user-token": await setting.platform.user_token("anna")})).json()
        assert "authTokens" not in answer
        assert answer["destinationConfiguration"]["CloudConnectorLocationId"] == "here"

    in_setting(scenario)


def test_a_saml_assertion_is_signed_and_returned_as_the_header_to_send() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("SAMLAssertion", audience="backend")
        token = token_of(await setting.find(await setting.exchanged("anna")))
        assert token["http_header"]["value"] == f"SAML2.0 {token['value']}"
        trusted = {assertion_issuer(ACME): setting.service.assertion_key.public_key()}
        assertion = verify_assertion(base64.b64decode(token["value"]), trusted)
        assert (assertion.subject, assertion.audience) == ("anna.arnold@acme.example", "backend")

    in_setting(scenario)


def test_a_saml_assertion_may_come_from_the_client_or_stand_for_a_system_user() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("SAMLAssertion", audience=entity_id(ACME), SystemUser="dora.dietz@acme.example")
        standard = token_of(await setting.find())["value"]
        setting.define("OAuth2SAMLBearerAssertion", SAMLAssertionProvider="ClientProvided")
        assert (await setting.find()).status_code == 400
        given = base64.urlsafe_b64encode(base64.b64decode(standard)).decode()
        token = token_of(await setting.find(headers={"X-samlAssertion": given}))
        assert claims_of(token["value"])["user_name"] == "dora.dietz@acme.example"

    in_setting(scenario)


def test_password_refresh_and_code_flows_get_their_tokens() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("OAuth2Password", User="bob", Password="Welcome1")
        first = token_of(await setting.find())
        assert claims_of(first["value"])["user_name"] == "bob.berger@acme.example"
        setting.define("OAuth2RefreshToken")
        assert (await setting.find()).status_code == 400
        again = token_of(await setting.find(headers={"X-refresh-token": first["refresh_token"]}))
        assert again["refresh_token"] == first["refresh_token"]
        setting.define("OAuth2AuthorizationCode", clientId=APP.client_id, clientSecret=APP.secret)
        assert (await setting.find()).status_code == 400
        code = query_of(await setting.platform.log_in("anna"))["code"]
        token = token_of(await setting.find(headers={"X-code": code, "X-redirect-uri": CALLBACK}))
        assert claims_of(token["value"])["user_name"] == "anna.arnold@acme.example"

    in_setting(scenario)


def test_token_exchange_and_client_assertions_reach_the_token_service_as_configured() -> None:
    seen: list[tuple[str, dict[str, str], dict[str, str]]] = []

    async def token_service(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = (await receive())["body"].decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        seen.append((scope["query_string"].decode(), headers, dict(parse_qsl(body))))
        answer = json.dumps({"access_token": "t", "issued_token_type": "jwt", "expires_in": 60}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    async def scenario(setting: Setting) -> None:
        server = AppServer(token_service)
        await server.start()
        setting.define(
            "OAuth2TokenExchange",
            tokenServiceURL=f"{server.url}/token",
            more={
                "tokenServiceURL.queries.q": "1",
                "tokenServiceURL.headers.x-h": "2",
                "tokenService.body.b": "3",
                "tokenService.addClientCredentialsInBody": "false",
            },
        )
        assert (await setting.find()).status_code == 400
        subject = {"X-subject-token": "s", "X-subject-token-type": "st"}
        assertion = {"X-client-assertion": "ca", "X-client-assertion-type": "cat"}
        token = token_of(await setting.find(headers={**subject, **assertion}))
        assert (token["value"], token["issued_token_type"], token["expires_in"]) == ("t", "jwt", "60")
        query, headers, form = seen[-1]
        assert (query, headers["x-h"]) == ("q=1", "2")
        assert form == {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": "s",
            "subject_token_type": "st",
            "b": "3",
            "client_assertion": "ca",
            "client_assertion_type": "cat",
        }
        both = {**assertion, "X-client-assertion-destination-name": "other"}
        assert (await setting.find(headers={**subject, **both})).status_code == 400
        setting.service.records.define(ACME, {"Name": "other", "Authentication": "BasicAuthentication", "User": "u"})
        await setting.find(headers={**subject, "X-client-assertion-destination-name": "other"})
        assert seen[-1][2]["client_assertion"] == base64.b64encode(b"u:").decode()
        await server.stop()

    in_setting(scenario)


def test_client_certificates_and_trust_stores_come_with_the_destination() -> None:
    async def scenario(setting: Setting) -> None:
        pair = setting.platform.authority.client_pair("client")
        setting.service.records.add_certificate(ACME, "client.p12", pair.p12("secret"))
        setting.service.records.add_certificate(ACME, "ca.pem", setting.platform.authority.pem.encode())
        setting.define(
            "ClientCertificateAuthentication",
            KeyStoreLocation="client.p12",
            KeyStorePassword="secret",
            TrustStoreLocation="ca.pem",
        )
        answer = (await setting.find()).json()
        assert "authTokens" not in answer
        store, trust = answer["certificates"]
        assert (store["Name"], store["Type"], trust["Name"]) == ("client.p12", "CERTIFICATE", "ca.pem")
        _, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(store["Content"]), b"secret")
        assert certificate == pair.certificate

    in_setting(scenario)
