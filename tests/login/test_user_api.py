from __future__ import annotations

import json

import pytest

from app.errors import Failure, GatewayError
from app.login.user_api import attributes, current_user, user_api
from app.principal import Tenant, UserPrincipal, UserToken
from tests.tokens.token_server import claims, make_token

TOKEN = UserToken(UserPrincipal(Tenant("z", "acme"), "o", "alice"), make_token(), frozenset({"openid"}), 2**40)


def test_current_user_describes_the_user() -> None:
    answer = user_api("GET", "/currentUser", TOKEN)
    assert json.loads(answer.body) == {
        "firstname": "Alice",
        "lastname": "Liddell",
        "email": "alice@example.com",
        "name": "alice@example.com",
        "displayName": "Alice Liddell (alice@example.com)",
        "scopes": ["openid"],
    }
    assert (b"cache-control", b"no-store") in answer.headers


def test_attributes_have_those_of_the_identity_provider_and_no_display_name() -> None:
    body = json.loads(user_api("HEAD", "/attributes", TOKEN).body)
    assert body["country"] == ["DE"]
    assert body["email"] == "alice@example.com"
    assert "displayName" not in body


def test_names_of_the_extension_win_and_attributes_cannot_replace_the_main_properties() -> None:
    found = claims(
        ext_attr={"given_name": "Ada", "family_name": ["odd"]},
        ext_cxt={"xs.user.attributes": {"email": ["evil"], "x": ["1"]}},
    )
    assert current_user(found)["displayName"] == "Ada Liddell (alice@example.com)"
    assert attributes(found)["email"] == "alice@example.com"
    assert attributes(found)["x"] == ["1"]


def test_the_identity_services_claims_have_other_names() -> None:
    found = {
        "iss": "https://tenant.accounts.example", "aud": "client", "sub": "P000001", "mail": "a@b.c",
        "first_name": "Ada", "family_name": "King", "sid": "s", "cost_center": ["4711"],
    }  # fmt: skip
    user = {"firstname": "Ada", "lastname": "King", "email": "a@b.c", "name": "P000001"}
    assert current_user(found) == {**user, "displayName": "Ada King (a@b.c)"}
    assert attributes(found) == {**user, "cost_center": ["4711"]}


def test_a_user_without_properties_is_described_all_the_same() -> None:
    assert current_user({"user_name": "x"})["displayName"] == "x"
    assert current_user({})["displayName"] == ""


@pytest.mark.parametrize(
    ("method", "path", "failure"),
    [("GET", "/other", Failure.NO_ROUTE), ("POST", "/currentUser", Failure.METHOD_NOT_ALLOWED)],
)
def test_anything_else_is_refused(method: str, path: str, failure: Failure) -> None:
    with pytest.raises(GatewayError) as caught:
        user_api(method, path, TOKEN)
    assert caught.value.failure is failure
