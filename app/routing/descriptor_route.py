"""Routes of xs-app.json, and plugins, the routes that come from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from app.routing import js_regex
from app.routing.descriptor_header import HeaderValue
from app.routing.target import address_text
from app.strict_model import Many, StrictModel, fault, refuse

HttpMethod = Literal["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH"]
AuthenticationName = Literal["ias", "xsuaa", "basic", "none"]
Text = Annotated[str, Field(min_length=1)]

_SCOPE_METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "DELETE", "CONNECT", "TRACE", "PATCH", "OPTIONS", "default"})
_SCOPE_FORM = "a scope, an array of scopes, or an object of them by HTTP method and `default`"
_ABSOLUTE = re.compile(r"//|[A-Za-z][A-Za-z0-9+.-]*:")


class Source(StrictModel):
    """What a route matches."""

    path: Text
    """A JavaScript regular expression, applied to path and query."""
    match_case: bool = True
    """Whether upper and lower case differ."""


def _source(value: Any) -> Any:
    """A bare string is short for an object with `path`."""
    if isinstance(value, str):
        value = {"path": value}
    if not isinstance(value, dict):
        raise fault("a regular expression, or an object with `path` and `matchCase`")
    path = value.get("path")
    if isinstance(path, str) and not path:
        raise fault("a regular expression that is not empty")
    if isinstance(path, str):
        try:
            js_regex.compile_pattern(path, value.get("matchCase") is False)
        except js_regex.PatternError as error:
            raise fault(f"a JavaScript regular expression: {error}") from None
    return value


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """The scopes a route asks for, one of which is enough.

    `by_method` goes before `default`; None as `default` means that methods not named are refused.
    """

    default: tuple[str, ...] | None
    by_method: Mapping[str, tuple[str, ...]]


def _scope(value: Any) -> ScopeRule:
    if not isinstance(value, dict):
        return ScopeRule(_scope_list(value), {})
    unknown = value.keys() - _SCOPE_METHODS
    if unknown or not value:
        raise fault(f"{_SCOPE_FORM}; methods: {', '.join(sorted(_SCOPE_METHODS))}")
    lists = {method: _scope_list(scopes) for method, scopes in value.items()}
    return ScopeRule(lists.pop("default", None), lists)


def _scope_list(value: Any) -> tuple[str, ...]:
    scopes = (value,) if isinstance(value, str) else value
    if not isinstance(scopes, list | tuple) or not scopes or not all(isinstance(s, str) and s for s in scopes):
        raise fault(_SCOPE_FORM)
    return tuple(scopes)


def _target(value: Any) -> str:
    """A rewritten address stays at its destination: no scheme, no host. Returned as addresses are written."""
    if not isinstance(value, str) or not value:
        raise fault("a string that is not empty")
    if _ABSOLUTE.match(value):
        raise fault("a relative path: no scheme and no leading //")
    try:
        return address_text(value)
    except ValueError as error:
        raise fault(str(error)) from None


def _path(value: str) -> str:
    if "\0" in value:
        raise fault("a path without NUL characters")
    return value


PathText = Annotated[Text, AfterValidator(_path)]
SourceField = Annotated[Source, BeforeValidator(_source)]
ScopeField = Annotated[ScopeRule, PlainValidator(_scope)]
TargetField = Annotated[str, PlainValidator(_target)]


class ServiceQuery(StrictModel):
    """Which bound service provides replacement values; all given properties have to fit (as in @sap/xsenv)."""

    name: str | None = None
    """The name of the binding, by default that of the instance."""
    label: str | None = None
    """The service name."""
    tag: str | None = None
    """One of the tags."""
    plan: str | None = None
    """The plan."""
    instance_name: str | None = Field(default=None, alias="instance_name")
    """The name of the instance."""
    instance_guid: str | None = Field(default=None, alias="instance_guid")
    """The id of the instance."""
    binding_name: str | None = Field(default=None, alias="binding_name")
    """The name of the binding, if it has its own."""
    binding_guid: str | None = Field(default=None, alias="binding_guid")
    """The id of the binding."""


def _query(value: Any) -> Any:
    """A bare string is short for an object with `name`."""
    if isinstance(value, str):
        return {"name": value}
    if value == {}:
        raise fault("a name, or an object with at least one property")
    return value


class Replace(StrictModel):
    """Placeholders in static files."""

    path_suffixes: Many[str]
    """Files whose path ends so are processed."""
    vars: Many[str] = ()
    """Environment variables that may be inserted."""
    services: dict[str, Annotated[ServiceQuery, BeforeValidator(_query)]] = Field(default_factory=dict)
    """Bound services whose credentials may be inserted, by a name of one's own."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        twice = sorted(self.services.keys() & set(self.vars))
        refuse([("services", name, "names that are not in `vars` as well") for name in twice])
        return self


class RouteEntry(StrictModel):
    """One entry of `routes`."""

    source: SourceField
    """Which requests the route serves."""
    http_methods: Many[HttpMethod] | None = None
    """Methods the route serves; any when absent."""
    target: TargetField | None = None
    """What replaces the matched part of the address; `$1`... are the groups of `source`."""
    destination: Text | None = None
    """Destination that gets the request; `$1`... or `*` (from the host) make it dynamic."""
    service: Text | None = None
    """Bound business service that gets the request."""
    endpoint: Text | None = None
    """Endpoint within the service."""
    local_dir: PathText | None = None
    """Folder in the working directory that is served."""
    prefer_local: bool = False
    """Whether the destination is read from the provider's subaccount."""
    replace: Replace | None = None
    """Placeholders to replace in static files."""
    authentication_type: AuthenticationName | None = None
    """How callers prove who they are; by default as the bound services allow."""
    csrf_protection: bool = True
    """Whether writing methods need a CSRF token."""
    scope: ScopeField | None = None
    """Scopes, one of which the user needs."""
    cache_control: Annotated[HeaderValue, Field(min_length=1)] | None = None
    """Value of `Cache-Control` for static files."""
    identity_provider: Text | None = None
    """Identity provider for the login."""
    dynamic_identity_provider: bool = False
    """Whether the query parameter `sap_idp` chooses the identity provider."""
    set_backend_session_cookies: bool = False
    """Whether session cookies of the backend go to the browser."""

    @model_validator(mode="after")
    def _rules(self) -> Self:
        refuse([*self._place_faults(), *self._detail_faults()])
        return self

    def _place_faults(self) -> list[tuple[str, object, str]]:
        places = {"destination": self.destination, "service": self.service, "localDir": self.local_dir}
        given = [name for name, value in places.items() if value is not None]
        if not given:
            return [("destination", None, "each route has exactly one of destination, service, localDir")]
        message = "each route has exactly one of destination, service, localDir; here are " + ", ".join(given)
        return [(name, places[name], message) for name in given[1:]]

    def _detail_faults(self) -> list[tuple[str, object, str]]:
        faults: list[tuple[str, object, str]] = []
        if self.http_methods == ():
            faults.append(("httpMethods", [], "at least one method, or no httpMethods at all"))
        if self.local_dir is not None and self.http_methods is not None:
            faults.append(
                ("httpMethods", list(self.http_methods), "no httpMethods beside localDir (GET and HEAD only)")
            )
        if self.replace is not None and self.local_dir is None:
            faults.append(("replace", {}, "replace only beside localDir"))
        if self.endpoint is not None and self.service is None:
            faults.append(("endpoint", self.endpoint, "endpoint only beside service"))
        if self.identity_provider is not None and self.authentication_type in ("none", "basic"):
            faults.append(
                (
                    "identityProvider",
                    self.identity_provider,
                    "identityProvider only with authenticationType xsuaa or ias",
                )
            )
        return faults


class Plugin(StrictModel):
    """One entry of the variable `plugins`: a route with fewer properties."""

    name: Text
    """Name of the plugin."""
    source: SourceField
    """Which requests the plugin serves."""
    target: TargetField | None = None
    """What replaces the matched part of the address."""
    destination: Text
    """Destination that gets the request."""
    authentication_type: AuthenticationName | None = None
    """How callers prove who they are."""
    csrf_protection: bool = True
    """Whether writing methods need a CSRF token."""
    scope: ScopeField | None = None
    """Scopes, one of which the user needs."""

    def as_route(self) -> RouteEntry:
        """The route this plugin stands for."""
        given = {name: getattr(self, name) for name in Plugin.model_fields if name != "name"}
        return RouteEntry.model_construct(**given)
