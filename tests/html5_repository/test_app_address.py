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


def at(prefix: str) -> AppAddress:
    """The address of an application with this prefix."""
    address = read_address(f"/{prefix}.shop/index.html" if prefix else "/shop/index.html")
    assert address is not None
    return address


def test_prefixes_are_names_and_aliases_without_dots() -> None:
    hosts = AppHosts(
        BusinessServices((service("com.sap.country", "cty.x", "h1, h2"), service("com.other", hosts="h3"))),
        ["my.own"],
    )
    assert hosts.of(at("comsapcountry")) == hosts.of(at("ctyx")) == "h1,h2"
    assert hosts.of(at("comother")) == "h3"
    assert hosts.of(at("")) == hosts.of(at("myown")) == ""


def test_a_prefix_that_several_services_have_leads_nowhere() -> None:
    services = (
        service("com.a", "cty", "h1"),
        service("com.b", "cty", "h2"),
        service("co.m", hosts="h3"),
        service("com"),
    )
    hosts = AppHosts(BusinessServices(services, frozenset({"com.b"})))
    assert hosts.of(at("coma")) == "h1"
    assert [hosts.of(at(prefix)) for prefix in ("cty", "com", "comb")] == [None, None, None]


def test_a_prefix_that_nobody_has_leads_nowhere() -> None:
    hosts = AppHosts(BusinessServices((service("com.data.only"),)))
    assert hosts.of(at("comdataonly")) is None
    assert hosts.of(at("unknown")) is None


def test_what_is_deployed_in_our_own_space_cannot_be_taken_over_by_a_service() -> None:
    assert AppHosts(BusinessServices((service(".", hosts="h"),))).of(at("")) == ""
    assert AppHosts(BusinessServices((service("mine", hosts="h"),)), ["mine"]).of(at("mine")) == ""


GUID = "1bd7c044-6cf4-4c5a-b904-2d3f44cd5569"


@pytest.mark.parametrize(
    ("segment", "prefix", "app"),
    [
        (f"{GUID}.mine.shop", "mine", "shop"),
        (f"{GUID.upper()}.mine.shop-1.0.0", "mine", "shop-1.0.0"),
        (f"{GUID}.shop-1.0.0", "", "shop-1.0.0"),
    ],
)
def test_an_app_host_may_stand_before_the_prefix(segment: str, prefix: str, app: str) -> None:
    address = read_address(f"/{segment}/~1~/a")
    assert address == AppAddress(prefix, app, f"/{segment}/~1~", True, True)
    assert (address.segment, address.name) == (segment, f"{prefix}.{app}".lstrip("."))


@pytest.mark.parametrize("segment", [f"a{GUID}.mine.shop", f"{GUID[:-1]}.mine.shop", f"{GUID}.{GUID}.mine.shop"])
def test_what_is_no_app_host_makes_no_address(segment: str) -> None:
    assert read_address(f"/{segment}/a") is None


def test_an_app_host_in_an_address_is_accepted_for_our_own_service_only_and_is_looked_for_nowhere() -> None:
    hosts = AppHosts(BusinessServices((service("com.sap.country", hosts=GUID),)), ["my.own"])
    assert hosts.of(at(f"{GUID}.myown")) == ""
    assert hosts.of(at(f"{GUID}.comsapcountry")) is None
    assert hosts.of(at(f"{GUID}.unknown")) is None
    without_prefix = read_address(f"/{GUID}.shop-1.0.0/a")
    assert without_prefix is not None
    assert hosts.of(without_prefix) is None


def test_first_segments_that_are_routed_directly() -> None:
    direct = DirectRouting(["route1", "^route2$"])
    assert [direct.takes(name) for name in ("favicon.ico", "login", "myroute1x", "route2")] == [True] * 4
    assert [direct.takes(name) for name in ("logins", "route22", "shop", "")] == [False] * 4


def test_the_slash_is_added_relative_to_the_address() -> None:
    answer = with_slash(RequestHead("GET", "/a.b-1.0?x=\xe4&y=//evil", ()), "/a.b-1.0")
    assert dict(answer.headers)[b"location"] == b"./a.b-1.0/?x=%E4&y=//evil"
