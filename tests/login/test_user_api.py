from __future__ import annotations

import json
from typing import Any

import pytest

from app.errors import Failure, GatewayError
from app.login.user_api import Endpoint, attributes, current_user, endpoint_of, token_for_user_info, user_api
from app.principal import (
    KnownCaller,
    ServiceCaller,
    ServicePrincipal,
    ServiceToken,
    Tenant,
    UserCaller,
    UserPrincipal,
    UserToken,
)
from tests.tokens.token_server import claims, make_token

ACME = Tenant("z", "acme")
TOKEN = UserToken(UserPrincipal(ACME, "o", "alice"), make_token(), frozenset({"openid", "a.Read"}), 2**40)
ALICE = UserCaller(TOKEN)
IAS: dict[str, Any] = {
    "iss": "https://tenant.accounts.example", "zid": None, "sub": "P000001", "user_name": None, "email": "a@b.c",
    "given_name": "Ada", "family_name": "King", "user_uuid": "u-1", "sap_id_type": "user", "cost_center": ["4711"],
}  # fmt: skip
IAS_TOKEN = UserToken(UserPrincipal(ACME, "ias", "P000001"), make_token(**IAS), frozenset(), 2**40)
APPLICATION = ServiceCaller(ServiceToken(ServicePrincipal(ACME, "sb-other"), make_token(), frozenset({"s"}), 2**40))


def body_of(endpoint: Endpoint, caller: KnownCaller, **user_attributes: object) -> dict[str, Any]:
    answer = user_api(endpoint, caller, user_attributes)
    assert (b"cache-control", b"no-store") in answer.headers
    document: dict[str, Any] = json.loads(answer.body)
    return document


def test_current_user_describes_the_user() -> None:
    assert body_of(Endpoint.CURRENT_USER, ALICE) == {
        "firstname": "Alice",
        "lastname": "Liddell",
        "email": "alice@example.com",
        "name": "alice@example.com",
        "displayName": "Alice Liddell (alice@example.com)",
        "scopes": ["a.Read", "openid"],
    }


def test_attributes_are_what_xsuaa_tells_not_what_the_token_holds() -> None:
    body = body_of(Endpoint.ATTRIBUTES, ALICE, costCenter=["100"], odd={"a": 1})
    assert body == {
        "firstname": "Alice",
        "lastname": "Liddell",
        "email": "alice@example.com",
        "name": "alice@example.com",
        "scopes": ["a.Read", "openid"],
        "costCenter": ["100"],
        "odd": {"a": 1},
    }


def test_attributes_cannot_replace_the_main_properties() -> None:
    evil = {"email": ["evil"], "name": "root", "scopes": ["a.Admin"]}
    body = body_of(Endpoint.ATTRIBUTES, ALICE, **evil)
    assert (body["email"], body["name"], body["scopes"]) == ("alice@example.com",) * 2 + (["a.Read", "openid"],)


def test_names_of_the_extension_win() -> None:
    found = claims(ext_attr={"given_name": "Ada", "family_name": ["odd"]})
    assert current_user(found)["displayName"] == "Ada Liddell (alice@example.com)"


MAIN = {"firstname": "Ada", "lastname": "King", "email": "a@b.c", "name": "P000001"}


def test_who_logged_in_with_the_identity_service_has_no_scopes_but_a_list_of_them() -> None:
    caller = UserCaller(IAS_TOKEN, IAS_TOKEN)
    shown = {**MAIN, "displayName": "Ada King (P000001)", "scopes": []}
    assert body_of(Endpoint.CURRENT_USER, caller) == shown
    told = body_of(Endpoint.ATTRIBUTES, caller)
    assert told.items() >= {**MAIN, "user_uuid": "u-1", "sap_id_type": "user"}.items()
    assert (told["scopes"], told["cost_center"]) == ([], ["4711"])


def test_with_both_services_the_user_is_the_identity_services_and_the_scopes_are_those_of_xsuaa() -> None:
    caller = UserCaller(TOKEN, IAS_TOKEN)
    for endpoint in Endpoint:
        body = body_of(endpoint, caller)
        assert body.items() >= MAIN.items()
        assert body["scopes"] == ["a.Read", "openid"]


def test_claims_about_the_login_and_other_names_of_the_main_properties_are_no_attributes() -> None:
    about = {
        "aud": "client", "sid": "s", "jti": "j", "cnf": {}, "app_tid": "t", "nonce": "n", "scim_id": "u", "name": "x",
        "mail": "a@b.c", "first_name": "A", "last_name": "K", "forward_corp_idp_token": "secret",
    }  # fmt: skip
    assert attributes({"iss": "https://ias.example", "sub": "P1", **about}, {}) == {
        "firstname": "A",
        "lastname": "K",
        "email": "a@b.c",
        "name": "P1",
    }


def test_a_user_without_properties_is_described_all_the_same() -> None:
    assert current_user({"user_name": "x"})["displayName"] == "x"
    assert current_user({"user_name": "x", "given_name": "Ada"})["displayName"] == "x"
    assert current_user({})["displayName"] == ""


def test_an_application_is_named_by_its_client_and_has_nothing_else() -> None:
    empty = {"firstname": "", "lastname": "", "email": "", "name": "sb-other"}
    assert body_of(Endpoint.CURRENT_USER, APPLICATION) == {**empty, "displayName": "sb-other", "scopes": ["s"]}
    assert body_of(Endpoint.ATTRIBUTES, APPLICATION) == {**empty, "scopes": ["s"]}


def test_xsuaa_is_asked_for_attributes_of_users_who_logged_in_there() -> None:
    assert token_for_user_info(Endpoint.ATTRIBUTES, ALICE) is TOKEN
    for caller in (APPLICATION, UserCaller(TOKEN, IAS_TOKEN), UserCaller(IAS_TOKEN, IAS_TOKEN)):
        assert token_for_user_info(Endpoint.ATTRIBUTES, caller) is None
    assert token_for_user_info(Endpoint.CURRENT_USER, ALICE) is None


@pytest.mark.parametrize(
    ("method", "path", "failure"),
    [
        ("GET", "/other", Failure.NO_ROUTE),
        ("GET", "/currentUser/", Failure.NO_ROUTE),
        ("POST", "/currentUser", Failure.METHOD_NOT_ALLOWED),
    ],
)
def test_anything_else_is_refused(method: str, path: str, failure: Failure) -> None:
    with pytest.raises(GatewayError) as caught:
        endpoint_of(method, path)
    assert caught.value.failure is failure


def test_both_endpoints_have_their_path() -> None:
    assert [endpoint_of("GET", path) for path in ("/currentUser", "/attributes")] == list(Endpoint)
    assert endpoint_of("HEAD", "/attributes") is Endpoint.ATTRIBUTES
