"""Which route serves a request, and what becomes of its address."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.routing.descriptor import read_descriptor
from app.routing.js_regex import compile_pattern
from app.routing.prefix_index import PrefixIndex
from app.routing.reference import DestinationReference, RepositoryReference, ServiceReference
from app.routing.route import AuthenticationType, Route
from app.routing.route_table import (
    BUSTED_CACHE_CONTROL,
    RouteTable,
    RoutingContext,
    compile_routes,
    kept_by_browsers,
)


def table(*routes: dict[str, Any], context: RoutingContext | None = None) -> RouteTable:
    """The table of these entries of xs-app.json."""
    entries = [{"destination": "one", **route} if "localDir" not in route else route for route in routes]
    reading = read_descriptor(json.dumps({"routes": entries}))
    assert reading.problems == ()
    return compile_routes(reading.descriptor.routes, context or RoutingContext(authentication_enabled=False))


def served(routes: RouteTable, method: str, target: str) -> tuple[str | None, str]:
    """Destination and rewritten address."""
    match = routes.match(method, target)
    return match.destination, match.target


def failure(routes: RouteTable, method: str, target: str) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        routes.match(method, target)
    return caught.value


def test_the_first_match_wins() -> None:
    routes = table(
        {"source": "^/first/x$", "target": "/specific"},
        {"source": "^/first/(.*)$", "target": "/general/$1", "destination": "two"},
    )
    assert served(routes, "GET", "/first/x") == ("one", "/specific")
    assert served(routes, "GET", "/first/y") == ("two", "/general/y")


def test_order_holds_between_literal_and_floating_patterns() -> None:
    routes = table(
        {"source": "^/a/b/", "destination": "deep"},
        {"source": "contains-me", "destination": "floating"},
        {"source": "^/a/", "destination": "shallow"},
    )
    assert routes.match("GET", "/a/b/contains-me").destination == "deep"
    assert routes.match("GET", "/a/contains-me").destination == "floating"
    assert routes.match("GET", "/a/c").destination == "shallow"
    assert routes.match("GET", "/z/contains-me").destination == "floating"


def test_the_query_takes_part_in_matching() -> None:
    routes = table({"source": "^/find\\?kind=special", "target": "/special"}, {"source": "^/find", "target": "/any"})
    assert served(routes, "GET", "/find?kind=special")[1] == "/special"
    assert served(routes, "GET", "/find?kind=other")[1] == "/any?kind=other"


def test_match_case_false_matches_any_casing_and_keeps_the_path() -> None:
    routes = table(
        {"source": {"path": "^/nocase/(.*)$", "matchCase": False}, "destination": "loose"},
        {"source": "^/strict/", "destination": "strict"},
        {"source": "^/x", "localDir": "resources"},
    )
    assert served(routes, "GET", "/NoCase/a/B") == ("loose", "/NoCase/a/B")
    assert failure(routes, "GET", "/STRICT/a").failure is Failure.NO_ROUTE


def test_methods_pass_a_route_over() -> None:
    routes = table(
        {"source": "^/m/(.*)$", "destination": "read", "httpMethods": ["GET"]},
        {"source": "^/m/(.*)$", "destination": "write", "httpMethods": ["POST", "DELETE"]},
        {"source": "^/x", "localDir": "resources"},
    )
    assert routes.match("GET", "/m/x").destination == "read"
    assert routes.match("POST", "/m/x").destination == "write"
    error = failure(routes, "PUT", "/m/x")
    assert error.failure is Failure.METHOD_NOT_ALLOWED
    assert error.headers == ((b"allow", b"DELETE, GET, POST"),)


def test_a_route_without_methods_takes_the_rest() -> None:
    routes = table({"source": "^/c$", "httpMethods": ["GET"]}, {"source": "^/c$", "destination": "rest"})
    assert routes.match("PATCH", "/c").destination == "rest"


def test_dynamic_destination_from_the_path() -> None:
    routes = table({"source": "^/dyn/([^/]+)/(.*)$", "target": "$2", "destination": "$1"})
    assert served(routes, "GET", "/dyn/two/t/u") == ("two", "/t/u")
    match = routes.match("GET", "/dyn/two/t/u")
    assert match.route.destination is None
    assert routes.reference(match, "any.host").name == "two"


def test_dynamic_destination_from_the_host() -> None:
    pattern = compile_pattern("^([a-z]+)\\.router\\.example$", True)
    context = RoutingContext(authentication_enabled=False, destination_host_pattern=pattern)
    routes = table({"source": "^/x/", "destination": "*"}, context=context)
    match = routes.match("GET", "/x/y")
    assert routes.reference(match, "erp.router.example").name == "erp"
    with pytest.raises(GatewayError) as caught:
        routes.reference(match, "elsewhere.example.org")
    assert caught.value.failure is Failure.NO_ROUTE


def test_without_a_folder_for_it_there_is_no_default_route() -> None:
    routes = table({"source": "^/a/"}, context=RoutingContext(has_resources=False))
    assert len(routes.routes) == 1
    assert failure(routes, "GET", "/favicon.ico").failure is Failure.NO_ROUTE


def test_without_local_dir_resources_are_served_last() -> None:
    routes = table({"source": "^/a/"})
    match = routes.match("GET", "/index.html")
    assert match.route.implicit
    assert match.route.local_dir == "resources"
    assert match.target == "/index.html"
    assert len(routes.routes) == 2


def test_an_unknown_address_has_a_route_for_the_login_alone() -> None:
    entries = ({"source": "^/a/", "httpMethods": ["GET"]}, {"source": "^/x", "localDir": "resources"})
    context = RoutingContext(authentication=AuthenticationType.IAS, login_for_unknown=True)
    routes = table(*entries, context=context)
    for of_all in (routes, routes.preceded_by([])):
        match = of_all.match("POST", "/unknown?a=1")
        assert (match.route.authentication, match.route.csrf) == (AuthenticationType.IAS, False)
        with pytest.raises(GatewayError) as caught:
            of_all.reference(match, "any.host")
        assert caught.value.failure is Failure.NO_ROUTE
    assert failure(routes, "POST", "/a/b").failure is Failure.METHOD_NOT_ALLOWED
    public = dataclasses.replace(context, authentication_enabled=False)
    assert failure(table(*entries, context=public), "GET", "/unknown").failure is Failure.NO_ROUTE


def test_rewriting_does_not_make_a_path_unsafe() -> None:
    routes = table({"source": "^/api(.*)$", "target": "/v1/$1"}, {"source": "^/raw(.*)$", "target": "$1"})
    assert failure(routes, "GET", "/api../admin").failure is Failure.PATH_REFUSED
    assert failure(routes, "GET", "/raw//evil.example/x").failure is Failure.PATH_REFUSED
    assert routes.match("GET", "/raw/x?to=//evil/../x").target == "/x?to=//evil/../x"


def test_authentication_is_resolved() -> None:
    context = RoutingContext(authentication=AuthenticationType.XSUAA)
    entries = ({"source": "^/a"}, {"source": "^/b", "authenticationType": "none"}, {"source": "^/c"})
    routes = table(*entries, context=context)
    kinds = [route.authentication for route in routes.routes]
    assert kinds == [
        AuthenticationType.XSUAA,
        AuthenticationType.NONE,
        AuthenticationType.XSUAA,
        AuthenticationType.XSUAA,
    ]
    assert [route.csrf for route in routes.routes] == [True, False, True, True]
    public = dataclasses.replace(context, authentication_enabled=False)
    assert all(route.is_public for route in table(*entries, context=public).routes)


def route_with_scope(scope: object) -> Route:
    return table({"source": "^/a", "scope": scope}, context=RoutingContext(xsappname="shop!t1")).routes[0]


def test_one_of_the_scopes_is_enough_and_the_placeholder_is_case_sensitive() -> None:
    scopes = route_with_scope(["$XSAPPNAME.read", "$xsappname.write"]).scopes
    assert scopes is not None
    assert scopes.allow("GET", frozenset({"shop!t1.read"}))
    assert not scopes.allow("GET", frozenset({"shop!t1.write"}))
    assert not scopes.allow("GET", frozenset())
    scopes.check("GET", frozenset({"shop!t1.read"}))
    with pytest.raises(GatewayError) as caught:
        scopes.check("GET", frozenset())
    assert (caught.value.failure, caught.value.detail) == (Failure.SCOPE_MISSING, "")
    assert "shop!t1.read" in caught.value.logged


def test_scopes_by_method_refuse_methods_that_are_not_named() -> None:
    scopes = route_with_scope({"GET": "r", "POST": ["w", "a"]}).scopes
    assert scopes is not None
    assert scopes.allow("POST", frozenset({"a"}))
    assert not scopes.allow("PUT", frozenset({"r", "w", "a"}))
    with pytest.raises(GatewayError) as caught:
        scopes.check("PUT", frozenset({"r", "w", "a"}))
    assert caught.value.logged == "no scope permits this method"


def test_default_scope_is_for_the_other_methods() -> None:
    scopes = route_with_scope({"GET": "r", "default": "w"}).scopes
    assert scopes is not None
    assert scopes.allow("PUT", frozenset({"w"}))
    assert not scopes.allow("GET", frozenset({"w"}))


def test_without_scope_nothing_is_required() -> None:
    assert table({"source": "^/a"}).routes[0].scopes is None


PREFIXES = st.lists(st.text("/ab", max_size=4), max_size=12)


@given(PREFIXES, st.text("/ab", max_size=6))
def test_the_index_finds_exactly_what_a_scan_finds(prefixes: list[str], text: str) -> None:
    index = PrefixIndex([(prefix, number) for number, prefix in enumerate(prefixes)])
    assert list(index.candidates(text)) == [n for n, prefix in enumerate(prefixes) if text.startswith(prefix)]


def test_only_routes_that_can_match_are_tried() -> None:
    index = PrefixIndex([(f"/r{number}/", number) for number in range(1000)])
    assert index.candidates("/r999/x") == (999,)
    assert index.candidates("/elsewhere") == ()


def test_a_route_names_its_backend() -> None:
    routes = table(
        {"source": "^/d/", "destination": "one", "preferLocal": True},
        {"source": "^/(dyn)/", "destination": "$1"},
    )
    references = [routes.reference(routes.match("GET", path), "") for path in ("/d/", "/dyn/")]
    assert references == [DestinationReference("one", local=True), DestinationReference("dyn", dynamic=True)]


def services(context: RoutingContext, **more: str) -> RouteTable:
    entries = [
        {"source": "^/s/", "service": "com.c", "endpoint": "api"},
        {"source": "^/u/", "service": "sap-approuter-userapi"},
        {"source": "^/", "service": "html5-apps-repo-rt", **more},
    ]
    reading = read_descriptor(json.dumps({"routes": entries}))
    assert reading.problems == ()
    return compile_routes(reading.descriptor.routes, context)


def test_services_are_backends_except_for_the_user_api() -> None:
    routes = services(RoutingContext(), cacheControl="no-cache")
    expected = [ServiceReference("com.c", "api"), None, RepositoryReference(cache_control="no-cache")]
    assert [route.reference for route in routes.routes[:3]] == expected
    with pytest.raises(GatewayError):
        routes.reference(routes.match("GET", "/u/"), "any.host")


def test_files_of_an_application_are_its_own_and_there_is_no_route_beyond_its_own() -> None:
    routes = services(RoutingContext(repository=RepositoryReference("shop-1.0.0", "h1")))
    assert routes.reference(routes.match("GET", "/x"), "") == RepositoryReference("shop-1.0.0", "h1")
    assert [route.implicit for route in routes.routes] == [False] * 3
    assert [route.implicit for route in services(RoutingContext()).routes] == [False] * 3 + [True]


def test_a_cache_buster_changes_what_is_said_about_files_only() -> None:
    routes = services(RoutingContext(), cacheControl="no-cache")
    file, data = routes.match("GET", "/x"), routes.match("GET", "/s/")
    assert routes.reference(kept_by_browsers(file), "") == RepositoryReference(cache_control=BUSTED_CACHE_CONTROL)
    assert kept_by_browsers(data) is data
    assert kept_by_browsers(file).target == file.target
