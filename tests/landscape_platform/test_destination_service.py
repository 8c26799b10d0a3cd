"""The Destination service: who may find what."""

from __future__ import annotations

import base64
import json

from app.landscape.destination_service_records import Level
from app.landscape.faults import Fault
from app.landscape.keys import SigningKey
from app.landscape.users import ACME, GLOBEX
from tests.landscape_platform.destination_setting import Setting, in_setting, token_of
from tests.landscape_platform.support import SERVICE, claims_of


def test_a_destination_is_found_with_its_owner_and_properties_as_texts() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication", TrustAll="true")
        answer = await setting.find()
        assert answer.json() == {
            "owner": {"SubaccountId": ACME.subaccount_id, "InstanceId": None},
            "destinationConfiguration": {
                "Name": "d",
                "Type": "HTTP",
                "URL": "http://backend.example",
                "ProxyType": "Internet",
                "Authentication": "NoAuthentication",
                "TrustAll": "true",
            },
        }

    in_setting(scenario)


def test_the_instance_level_wins_over_the_subaccount() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication")
        setting.service.records.define(ACME, {"Name": "d", "URL": "http://instance.example"}, Level.INSTANCE)
        answer = (await setting.find()).json()
        assert answer["owner"]["InstanceId"] == "dest-instance"
        assert answer["destinationConfiguration"]["URL"] == "http://instance.example"
        setting.service.records.remove(ACME, "d", Level.INSTANCE)
        assert (await setting.find()).json()["owner"]["InstanceId"] is None

    in_setting(scenario)


def test_a_tenant_finds_its_own_destinations_alone() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication")
        missing = await setting.find(await setting.technical(GLOBEX))
        assert missing.status_code == 404
        assert missing.json() == {"ErrorMessage": "Configuration with the specified name was not found"}
        setting.define("NoAuthentication", GLOBEX, URL="http://globex.example")
        found = (await setting.find(await setting.technical(GLOBEX))).json()
        assert found["destinationConfiguration"]["URL"] == "http://globex.example"
        assert found["owner"]["SubaccountId"] == GLOBEX.subaccount_id

    in_setting(scenario)


def test_only_genuine_tokens_meant_for_the_instance_are_accepted() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication")
        other = (await setting.platform.token({"grant_type": "client_credentials"})).json()["access_token"]
        forged = SigningKey("default-jwt-key-1").sign(claims_of(await setting.technical()), {})
        unknown_key = SigningKey("another-key").sign(claims_of(await setting.technical()), {})
        for token in (other, forged, unknown_key, "nonsense", "a.b.c"):
            assert (await setting.find(token)).status_code == 401
        url = f"{setting.service.uri}/destination-configuration/v1/destinations/d"
        assert (await setting.platform.client.get(url)).status_code == 401
        basic = {"authorization": "Basic " + base64.b64encode(b"a:b").decode()}
        assert (await setting.platform.client.get(url, headers=basic)).status_code == 401

    in_setting(scenario)


def test_a_user_token_and_a_tenant_together_are_a_bad_request() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("OAuth2JWTBearer")
        user = await setting.platform.user_token("anna")
        answer = await setting.find(headers={"X-user-token": user, "X-tenant": "acme"})
        assert answer.status_code == 400
        assert "X-tenant" in answer.json()["ErrorMessage"]

    in_setting(scenario)


def test_a_bad_user_token_is_refused_even_where_no_user_is_needed() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication")
        technical = (await setting.platform.token({"grant_type": "client_credentials"})).json()["access_token"]
        for token in ("a.b.c", technical):
            assert (await setting.find(headers={"X-user-token": token})).status_code == 401

    in_setting(scenario)


def test_secrets_and_token_retrieval_can_be_left_out() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("OAuth2ClientCredentials")
        plain = (await setting.find(query="?$skipTokenRetrieval=true")).json()
        assert "authTokens" not in plain
        assert plain["destinationConfiguration"]["clientSecret"] == SERVICE.secret
        assert SERVICE.secret not in (await setting.find(query="?$skipCredentials=true")).text

    in_setting(scenario)


def test_conditions_are_answered_by_the_tag_of_the_configuration() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication")
        tag = (await setting.find()).headers["etag"]
        assert (await setting.find(headers={"If-None-Match": tag})).status_code == 304
        assert (await setting.find(headers={"If-Match": '"old"'})).status_code == 412
        setting.define("NoAuthentication", URL="http://changed.example")
        assert (await setting.find(headers={"If-None-Match": tag})).status_code == 200

    in_setting(scenario)


def test_a_fragment_is_laid_over_the_destination() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("NoAuthentication")
        setting.service.records.define_fragment(ACME, {"FragmentName": "f", "URL": "http://fragment.example"})
        merged = (await setting.find(headers={"X-fragment-name": "f"})).json()["destinationConfiguration"]
        assert merged["URL"] == "http://fragment.example"
        assert "FragmentName" not in merged
        assert (await setting.find(headers={"X-fragment-name": "g"})).status_code == 404
        optional = {"X-fragment-name": "g", "X-fragment-optional": "true"}
        assert (await setting.find(headers=optional)).status_code == 200
        assert (await setting.find(headers={"X-chain-name": "c"})).status_code == 400

    in_setting(scenario)


def test_raw_destinations_are_listed_per_level() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("OAuth2ClientCredentials")
        root = f"{setting.service.uri}/destination-configuration/v1"
        bearer = {"authorization": f"Bearer {await setting.technical()}"}
        for path, status, names in (
            ("subaccountDestinations", 200, ["d"]),
            ("instanceDestinations", 200, []),
            ("otherDestinations", 404, []),
        ):
            answer = await setting.platform.client.get(f"{root}/{path}", headers=bearer)
            assert answer.status_code == status
            assert status != 200 or [item["Name"] for item in answer.json()] == names
        one = await setting.platform.client.get(f"{root}/subaccountDestinations/d", headers=bearer)
        assert one.json()["Authentication"] == "OAuth2ClientCredentials"
        missing = await setting.platform.client.get(f"{root}/instanceDestinations/d", headers=bearer)
        assert missing.status_code == 404

    in_setting(scenario)


def test_foreign_user_tokens_are_checked_with_the_keys_of_the_destination() -> None:
    async def scenario(setting: Setting) -> None:
        key = SigningKey("foreign")
        user = claims_of(await setting.platform.user_token("anna"))
        foreign = key.sign({"exp": user["exp"], "email": "someone@partner.example"}, {})
        setting.define("SAMLAssertion", more={"x_user_token.jwks": json.dumps({"keys": [key.jwk()]})})
        token = token_of(await setting.find(headers={"X-user-token": foreign}))
        assert b"someone@partner.example" in base64.b64decode(token["value"])
        setting.define("SAMLAssertion")
        assert (await setting.find(headers={"X-user-token": foreign})).status_code == 401
        setting.define("SAMLAssertion", more={"x_user_token.jwks": "no keys"})
        assert (await setting.find(headers={"X-user-token": foreign})).status_code == 400

    in_setting(scenario)


def test_the_journal_says_which_destination_was_found_for_whom() -> None:
    async def scenario(setting: Setting) -> None:
        setting.define("BasicAuthentication", User="u", Password="hidden")
        user = await setting.platform.user_token("bob")
        await setting.find(headers={"X-user-token": user, "x-correlation-id": "c-1"})
        (entry,) = setting.platform.journal.entries(correlation_id="c-1")
        assert (entry.kind, entry.principal) == ("find", "bob.berger@acme.example")
        assert entry.detail["destination"] == "d"
        assert "hidden" not in str(entry)

    in_setting(scenario)


def test_a_broken_service_answers_503() -> None:
    async def scenario(setting: Setting) -> None:
        token = await setting.technical()
        setting.platform.faults.switch_on(Fault.SERVER_ERROR, "destination-service")
        assert (await setting.find(token)).status_code == 503

    in_setting(scenario)
