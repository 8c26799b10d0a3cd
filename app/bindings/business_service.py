"""The binding of a business service: what routes with `service` and URL prefixes of its applications need.

Reference: "Business Service Credentials"; protocols 6.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError, model_validator

from app.bindings.binding import Binding, Bindings
from app.bindings.credentials import ClientCredentials
from app.problem import Problem
from app.strict_model import LARGEST, fault, problems_of, refuse

DEFAULT_TIMEOUT = 30_000
_HEADERS_PREFIX = "URL.headers."


class GrantType(StrEnum):
    """How we prove ourselves at the service."""

    USER_TOKEN = "user_token"  # noqa: S105 - the name of a grant
    CLIENT_CREDENTIALS = "client_credentials"
    MTLS = "mtls"


class Endpoint(BaseModel):
    """One address of a service; `timeout` in milliseconds until the first byte of an answer, 0 for the default."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: Annotated[str, Field(min_length=1)]
    timeout: Annotated[int, BeforeValidator(lambda value: value or DEFAULT_TIMEOUT), Field(ge=1, le=LARGEST)] = (
        DEFAULT_TIMEOUT
    )


def _endpoint(value: Any) -> Any:
    """A bare address is short for an object with `url`."""
    return {"url": value} if isinstance(value, str) else value


def _header_value(value: Any) -> Any:
    """Numbers and flags as they are written in a header."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _app_hosts(value: Any) -> tuple[str, ...]:
    """The app-host ids of `html5-apps-repo.app_host_id`, a list separated by commas."""
    ids = value.get("app_host_id", "") if isinstance(value, dict) else None
    if not isinstance(ids, str) or not ids.isascii() or not ids.isprintable():
        raise fault("an object whose app_host_id is a list of app-host ids, separated by commas")
    return tuple(part.strip() for part in ids.split(",") if part.strip())


class ServiceClient(ClientCredentials):
    """The client in a business service's binding; the log names the service beside."""

    service = "business service's"


class BusinessService(BaseModel):
    """The credentials of a business service; secrets and headers never show in a `repr`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    name: Annotated[str, Field(min_length=1)] = Field(alias="sap.cloud.service")
    """Name by which routes refer to it."""
    alias: str = Field(default="", alias="sap.cloud.service.alias")
    """Another, shorter one."""
    endpoints: dict[str, Annotated[Endpoint, BeforeValidator(_endpoint)]] = Field(default_factory=dict)
    """Its addresses, by name."""
    url: str = ""
    """The address where a route names no endpoint."""
    uri: str = ""
    """The same, where there is no `url`."""
    grant_type: GrantType = GrantType.USER_TOKEN
    """How we prove ourselves."""
    uaa: ServiceClient | None = None
    """The client for tokens of the service."""
    cert: str = Field(default="", repr=False)
    """Certificate (PEM) for the grant type mtls."""
    key: str = Field(default="", repr=False)
    """Its private key."""
    forward_ias_token: bool = Field(default=False, alias="forwardiastoken")
    """Whether the identity service's token goes along in `x-ias-token`."""
    forward_ias_authentication: bool = Field(default=False, alias="forwardiasauthentication")
    """Whether the identity service's token is sent instead of an exchanged one."""
    ias_dependency: str = Field(default="", alias="IASDependencyName")
    """Dependency for which the identity service's token is exchanged and sent instead."""
    app_hosts: Annotated[tuple[str, ...], PlainValidator(_app_hosts)] = Field(default=(), alias="html5-apps-repo")
    """Where its HTML5 applications are in the repository."""
    headers: dict[str, Annotated[str, BeforeValidator(_header_value)]] = Field(default_factory=dict, repr=False)
    """Headers for its backend, where a request has none of that name."""

    @model_validator(mode="before")
    @classmethod
    def _collect_headers(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = {key: data[key] for key in data if key.startswith(_HEADERS_PREFIX) and data[key] is not None}
        return {**data, "headers": {key.removeprefix(_HEADERS_PREFIX): value for key, value in given.items()}}

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.grant_type is GrantType.MTLS:
            missing = [name for name, value in (("cert", self.cert), ("key", self.key)) if not value]
            refuse([(name, None, f"{name} is required beside grant_type mtls") for name in missing])
        elif self.endpoints and self.uaa is None and not self._shows_ias_tokens:
            refuse([("uaa", None, f"uaa is required with grant_type {self.grant_type}")])
        return self

    @property
    def _shows_ias_tokens(self) -> bool:
        """Whether users who have logged in with the identity service need no token of the service's own client."""
        forwards = self.forward_ias_authentication and self.grant_type is GrantType.USER_TOKEN
        return forwards or self.ias_dependency != ""

    def names(self) -> tuple[str, ...]:
        """Names by which routes refer to it."""
        return (self.name, self.alias) if self.alias else (self.name,)


@dataclass(frozen=True, slots=True)
class BusinessServices:
    """The bound business services that can be used, in the order of their bindings.

    `ambiguous` are names that several bindings have: nobody can tell which of them is meant.
    """

    all: tuple[BusinessService, ...] = ()
    ambiguous: frozenset[str] = frozenset()

    def find(self, name: str) -> BusinessService | None:
        """The service of this name or alias; None also where several bindings have it."""
        if name in self.ambiguous:
            return None
        return next((service for service in self.all if name in service.names()), None)


def read_business_service(binding: Binding) -> BusinessService:
    """The business service of a binding. Raises pydantic.ValidationError naming what is wrong."""
    return BusinessService.model_validate(dict(binding.credentials))


def read_business_services(bindings: Bindings) -> BusinessServices:
    """All that can be used; of the others, those that routes name are found by the check of the configuration."""
    candidates = [binding for binding in bindings.all if binding.service_names]
    names = Counter(name for binding in candidates for name in binding.service_names)
    return BusinessServices(tuple(_usable(candidates)), frozenset(name for name, count in names.items() if count > 1))


def _usable(bindings: Iterable[Binding]) -> Iterable[BusinessService]:
    for binding in bindings:
        if not service_problems(binding):
            yield read_business_service(binding)


def service_problems(binding: Binding) -> list[Problem]:
    """What is wrong with the binding of a business service."""
    try:
        read_business_service(binding)
    except ValidationError as error:
        where = f"{binding.where or 'binding'}, {binding.label} {binding.name}"
        return [
            Problem(where, problem.path.replace("$", "$.credentials", 1), "", problem.message)
            for problem in problems_of(where, error, BusinessService)
        ]
    return []
