"""Which application an address may belong to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bindings.business_service import BusinessService, BusinessServices
from app.html5_repository.app_address import AppAddress, AppHosts, DirectRouting, read_address, with_slash
from app.request_head import RequestHead


@pytest.mark.parametrize(
    ("target", "prefix", "app", "base", "busted"),
    [
        ("/shop/index.html", "", "shop", "/shop", False),
        ("/shop", "", "shop", "/shop", False),
        ("/shop?x=1", "", "shop", "/shop", False),
        ("/shop/?x=/~1~/", "", "shop", "/shop", False),
        ("/shop-1.0.0/a", "", "shop-1.0.0", "/shop-1.0.0", False),
        ("/shop-1/a", "", "shop-1", "/shop-1", False),
        ("/shop-1.0.0-alpha.1/a", "", "shop-1.0.0-alpha.1", "/shop-1.0.0-alpha.1", False),
        ("/country.list/a", "country", "list", "/country.list", False),
        ("/country.list-1.0.0/a", "country", "list-1.0.0", "/country.list-1.0.0", False),
        ("/svc-1.shop-2.0.0/a", "svc-1", "shop-2.0.0", "/svc-1.shop-2.0.0", False),
        ("/shop/~1712345678~/a", "", "shop", "/shop/~1712345678~", True),
        ("/shop/~1~/", "", "shop", "/shop/~1~", True),
        ("/shop/~1~", "", "shop", "/shop", False),
        ("/shop/a/~1~/b", "", "shop", "/shop", False),
        ("/shop/~~/b", "", "shop", "/shop", False),
    ],
)
def test_addresses_of_applications(target: str, prefix: str, app: str, base: str, busted: bool) -> None:
    assert read_address(target) == AppAddress(prefix, app, base, busted)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/?a=b",
        "//shop/a",
        "/a.b.c/x",
        "/.well-known/x",
        "/sh%6fp/x",
        "/shop;v=1/x",
        "/shop~1~/x",
        "/shöp/x",
        "/-1.0/x",
    ],
)
def test_other_addresses_belong_to_the_router_itself(target: str) -> None:
    assert read_address(target) is None


def test_a_name_has_bounds() -> None:
    assert read_address("/" + "a" * 254) is not None
    assert read_address("/" + "a" * 255) is None


@given(st.text(alphabet="/ab.-~1?%", max_size=40))
def test_the_base_is_the_beginning_of_the_address_and_names_one_file_of_the_repository(text: str) -> None:
    target = f"/{text}"
    address = read_address(target)
    if address is None:
        return
    assert target.startswith(address.base)
    assert target[len(address.base) :][:1] in ("", "/", "?")
    assert not set(address.app) & set("/?%~")
    assert ".." not in f"/{address.app}/".split("/")
    assert address.segment == target[1:].partition("?")[0].partition("/")[0]


def service(name: str, alias: str = "", hosts: str = "") -> BusinessService:
    return BusinessService.model_validate(
        {"sap.cloud.service": name, "sap.cloud.service.alias": alias, "html5-apps-repo": {"app_host_id": hosts}}
    )


def test_prefixes_are_names_and_aliases_without_dots() -> None:
    hosts = AppHosts(
        BusinessServices((service("com.sap.country", "cty.x", "h1, h2"), service("com.other", "cty.x", "h3"))),
        ["my.own"],
    )
    assert hosts.of("comsapcountry") == hosts.of("ctyx") == "h1,h2"
    assert hosts.of("comother") == "h3"
    assert hosts.of("") == hosts.of("myown") == ""


def test_a_prefix_that_nobody_has_leads_nowhere() -> None:
    hosts = AppHosts(BusinessServices((service("com.data.only"),)))
    assert hosts.of("com.data.only") is None
    assert hosts.of("comdataonly") is None
    assert hosts.of("unknown") is None


def test_what_is_deployed_in_our_own_space_cannot_be_taken_over_by_a_service() -> None:
    assert AppHosts(BusinessServices((service(".", hosts="h"),))).of("") == ""
    assert AppHosts(BusinessServices((service("mine", hosts="h"),)), ["mine"]).of("mine") == ""


def test_first_segments_that_are_routed_directly() -> None:
    direct = DirectRouting(["route1", "^route2$"])
    assert [direct.takes(name) for name in ("favicon.ico", "login", "myroute1x", "route2")] == [True] * 4
    assert [direct.takes(name) for name in ("logins", "route22", "shop", "")] == [False] * 4


def test_the_slash_is_added_relative_to_the_address() -> None:
    answer = with_slash(RequestHead("GET", "/a.b-1.0?x=\xe4&y=//evil", ()), "/a.b-1.0")
    assert dict(answer.headers)[b"location"] == b"./a.b-1.0/?x=%E4&y=//evil"
