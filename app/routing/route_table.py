"""All routes of the application, and which of them serves a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.errors import Failure, GatewayError
from app.routing.descriptor_route import RouteEntry, ScopeRule
from app.routing.js_regex import Match as PatternMatch
from app.routing.js_regex import Pattern, compile_pattern
from app.routing.path_safety import refuse_unsafe_path
from app.routing.prefix_index import PrefixIndex
from app.routing.reference import (
    WHOLE_REPOSITORY,
    BackendReference,
    DestinationReference,
    RepositoryReference,
    service_reference,
)
from app.routing.route import AuthenticationType, RequiredScopes, Route
from app.routing.target import compile_template, rewrite

DESTINATION_IN_HOST = "*"
DEFAULT_LOCAL_DIR = "resources"
BUSTED_CACHE_CONTROL = "public, max-age=31536000"
"""What browsers are told where the address changes with the content (reference, "Cache Buster Handling")."""

_GROUP_REFERENCE = re.compile(r"\$(\d|<)")


@dataclass(frozen=True, slots=True)
class RoutingContext:
    """What routes take from their surroundings.

    `authentication` is used where a route names none; `authentication_enabled` False makes all routes public.
    `destination_host_pattern` finds the destination in the host name, as its first group. `repository` is the HTML5
    application the routes belong to. `login_for_unknown`: only who is logged in is told that there is no such route.
    `has_resources`: there is a folder for the default route.
    """

    authentication: AuthenticationType = AuthenticationType.XSUAA
    authentication_enabled: bool = True
    xsappname: str = ""
    dynamic_identity_provider: bool = False
    destination_host_pattern: Pattern | None = None
    repository: RepositoryReference = WHOLE_REPOSITORY
    login_for_unknown: bool = False
    has_resources: bool = True


class Match(NamedTuple):
    """The route of a request, and the address it is rewritten to (path and query, starting with `/`).

    `groups` are what the pattern captured, `destination` the name of the destination where the address tells it.
    """

    route: Route
    target: str
    groups: tuple[str | None, ...]
    destination: str | None


class RouteTable:
    """The routes in order; the first that matches address and method counts.

    `unknown`, if there is one, is the route of addresses that no other matches. It has no backend: it is there for the
    login before the 404.
    """

    __slots__ = ("_host_pattern", "_index", "_unknown", "routes")

    def __init__(
        self, routes: Sequence[Route], destination_host_pattern: Pattern | None = None, unknown: Route | None = None
    ) -> None:
        self.routes: tuple[Route, ...] = tuple(routes)
        self._host_pattern = destination_host_pattern
        self._unknown = unknown
        self._index = PrefixIndex([(route.pattern.prefix, route) for route in routes])

    def preceded_by(self, routes: Sequence[Route]) -> RouteTable:
        """A table in which these routes go before those of this one."""
        return RouteTable([*routes, *self.routes], self._host_pattern, self._unknown)

    def match(self, method: str, target: str) -> Match:
        """The route for a request; `target` is path and query as received (latin-1 text).

        Raises NO_ROUTE, METHOD_NOT_ALLOWED with `Allow` where routes match but none serves the method, and PATH_REFUSED
        when rewriting makes the path unsafe.
        """
        passed_over: list[Route] = []
        for route in self._index.candidates(target):
            found = route.pattern.search(target)
            if found is None:
                continue
            if route.methods is not None and method not in route.methods:
                passed_over.append(route)
                continue
            destination = route.destination
            if route.destination_template is not None:
                destination = route.destination_template.expand(target, found)
            return Match(route, _rewritten(route, target, found), found.groups, destination)
        if self._unknown is not None and not passed_over:
            return Match(self._unknown, target, (), None)
        raise _no_match(passed_over)

    def reference(self, match: Match, host: str) -> BackendReference:
        """The backend of a match. Raises NO_ROUTE when neither address nor host name a destination, and for the route
        of unknown addresses.
        """
        if match.route.reference is not None:
            return match.route.reference
        if match.route is self._unknown:
            raise GatewayError(Failure.NO_ROUTE)
        name = match.destination
        if not name and self._host_pattern is not None and match.route.destination_from_host:
            found = self._host_pattern.search(host)
            name = found.groups[0] if found and found.groups else None
        if not name:
            raise GatewayError(Failure.NO_ROUTE, "Neither address nor host name a destination.")
        return DestinationReference(name, dynamic=True, local=match.route.prefer_local)


def kept_by_browsers(match: Match) -> Match:
    """The same match for an address with a cache buster: good answers of the HTML5 repository may be kept."""
    reference = match.route.reference
    if not isinstance(reference, RepositoryReference):
        return match
    busted = replace(reference, cache_control=BUSTED_CACHE_CONTROL)
    return match._replace(route=replace(match.route, reference=busted))


def compile_routes(entries: Iterable[RouteEntry], context: RoutingContext) -> RouteTable:
    """The table of these routes; but for HTML5 applications, the default route to `resources` comes last where there is
    that folder, and none serves a folder.
    """
    entries = list(entries)
    routes = [_compile(index, entry, context) for index, entry in enumerate(entries)]
    if context.has_resources and not context.repository.app and not any(route.local_dir for route in routes):
        routes.append(_default_route(len(routes), context))
    unknown = _unknown_route(context) if context.login_for_unknown and context.authentication_enabled else None
    return RouteTable(routes, context.destination_host_pattern, unknown)


def is_dynamic(destination: str) -> bool:
    """Whether a destination's name depends on the request."""
    return destination == DESTINATION_IN_HOST or bool(_GROUP_REFERENCE.search(destination))


def _rewritten(route: Route, target: str, found: PatternMatch) -> str:
    """The new address; what a rule made of a safe path has to be safe again (`/api../x` without `/api`)."""
    if route.target is None:
        return target
    rewritten = rewrite(route.target, target, found)
    refuse_unsafe_path(rewritten.partition("?")[0])
    return rewritten


def _no_match(passed_over: list[Route]) -> GatewayError:
    if not passed_over:
        return GatewayError(Failure.NO_ROUTE)
    allowed = sorted({method for route in passed_over for method in route.methods or ()})
    return GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", ", ".join(allowed).encode("ascii")),))


def _compile(index: int, entry: RouteEntry, context: RoutingContext) -> Route:
    pattern = compile_pattern(entry.source.path, not entry.source.match_case)
    authentication = _authentication(entry, context)
    name = entry.destination
    from_host = name == DESTINATION_IN_HOST
    dynamic = name is not None and not from_host and is_dynamic(name)
    fixed = None if from_host or dynamic else name
    return Route(
        index=index,
        source=entry.source.path,
        pattern=pattern,
        target=compile_template(entry.target, pattern.groups, pattern.names) if entry.target else None,
        destination=fixed,
        destination_template=compile_template(name, pattern.groups, pattern.names) if name and dynamic else None,
        destination_from_host=from_host,
        service=entry.service,
        endpoint=entry.endpoint,
        local_dir=entry.local_dir,
        reference=_reference(entry, fixed, context),
        methods=frozenset(entry.http_methods) if entry.http_methods else None,
        authentication=authentication,
        scopes=None if entry.authentication_type == "none" else _scopes(entry.scope, context.xsappname),
        csrf=entry.csrf_protection and authentication is not AuthenticationType.NONE,
        set_backend_session_cookies=entry.set_backend_session_cookies,
        cache_control=entry.cache_control,
        replace=entry.replace,
        prefer_local=entry.prefer_local,
        identity_provider=entry.identity_provider,
        dynamic_identity_provider=entry.dynamic_identity_provider or context.dynamic_identity_provider,
    )


def _reference(entry: RouteEntry, destination: str | None, context: RoutingContext) -> BackendReference | None:
    """The backend that an entry names; `destination` is None where the name comes with the request."""
    if destination is not None:
        return DestinationReference(destination, local=entry.prefer_local)
    if entry.service is None:
        return None
    return service_reference(entry.service, entry.endpoint, entry.cache_control, context.repository)


def _default_route(index: int, context: RoutingContext) -> Route:
    authentication = context.authentication if context.authentication_enabled else AuthenticationType.NONE
    return Route(
        index=index,
        source="^/(.*)$",
        pattern=compile_pattern("^/(.*)$"),
        target=None,
        local_dir=DEFAULT_LOCAL_DIR,
        authentication=authentication,
        csrf=authentication is not AuthenticationType.NONE,
        implicit=True,
    )


def _unknown_route(context: RoutingContext) -> Route:
    return Route(-1, "", compile_pattern("^/"), target=None, authentication=context.authentication)


def _authentication(entry: RouteEntry, context: RoutingContext) -> AuthenticationType:
    if not context.authentication_enabled:
        return AuthenticationType.NONE
    return AuthenticationType(entry.authentication_type) if entry.authentication_type else context.authentication


def _scopes(rule: ScopeRule | None, xsappname: str) -> RequiredScopes | None:
    if rule is None:
        return None

    def resolved(scopes: Iterable[str]) -> frozenset[str]:
        return frozenset(scope.replace("$XSAPPNAME", xsappname) for scope in scopes)

    by_method = {method: resolved(scopes) for method, scopes in rule.by_method.items()}
    return RequiredScopes(None if rule.default is None else resolved(rule.default), by_method)
