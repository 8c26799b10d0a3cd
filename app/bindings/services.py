"""Typed credentials of the bound services we use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.bindings.binding import Binding, Bindings
from app.bindings.credentials import (
    AuditLogCredentials,
    ClientCredentials,
    ConnectivityCredentials,
    DestinationCredentials,
    IdentityCredentials,
    OAuthClient,
    RepositoryCredentials,
    XsuaaCredentials,
)
from app.problem import Problem
from app.routing.reference import HTML5_REPOSITORY
from app.strict_model import problems_of

Credentials = TypeVar("Credentials", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Services:
    """The credentials of platform services; None where a service is not bound."""

    xsuaa: XsuaaCredentials | None = field(default=None, repr=False)
    destination: DestinationCredentials | None = field(default=None, repr=False)
    connectivity: ConnectivityCredentials | None = field(default=None, repr=False)
    identity: IdentityCredentials | None = field(default=None, repr=False)
    html5_repository: RepositoryCredentials | None = field(default=None, repr=False)
    audit_log: AuditLogCredentials | None = field(default=None, repr=False)

    @property
    def home(self) -> ClientCredentials | IdentityCredentials | None:
        """The binding that says which tenant is the application's own: of the service that knows most about it.

        An XSUAA that names none leaves that to its tokens, unless there are those of the identity service as well.
        """
        if self.identity is not None and self.xsuaa is not None and not self.xsuaa.tenant.is_named:
            return self.identity
        return self.xsuaa or self.destination or self.connectivity or self.identity

    @property
    def certified(self) -> OAuthClient | None:
        """The authentication service's binding with a certificate, for destinations that forward it; the first."""
        return next((each for each in (self.xsuaa, self.identity) if each is not None and each.key), None)


def read_services(
    bindings: Bindings, uaa_service_name: str | None = None, ias_private_key: str | None = None
) -> tuple[Services, list[Problem]]:
    """The services among the bindings, and what is missing in their credentials.

    The xsuaa binding is the one named `uaa_service_name` (variable `UAA_SERVICE_NAME`), else the one tagged `xsuaa`.
    `ias_private_key` (variable `IAS_PRIVATE_KEY`) belongs to the certificate of the identity binding, whose own key it
    goes before.
    """
    problems: list[Problem] = []
    uaa = xsuaa_binding(bindings, uaa_service_name)
    if uaa_service_name and uaa is None:
        problems.append(Problem("UAA_SERVICE_NAME", "", f'"{uaa_service_name}"', "the name of a bound service"))
    services = Services(
        _typed(uaa, XsuaaCredentials, problems),
        _typed(bindings.of_service("destination"), DestinationCredentials, problems),
        _typed(bindings.of_service("connectivity"), ConnectivityCredentials, problems),
        _typed(_with_key(bindings.of_service("identity"), ias_private_key), IdentityCredentials, problems),
        _typed(repository_binding(bindings), RepositoryCredentials, problems),
        _typed(bindings.of_service("auditlog"), AuditLogCredentials, problems),
    )
    return services, problems


def _with_key(binding: Binding | None, private_key: str | None) -> Binding | None:
    if binding is None or not private_key or not binding.credentials.get("certificate"):
        return binding
    return replace(binding, credentials={**binding.credentials, "key": private_key})


def xsuaa_binding(bindings: Bindings, uaa_service_name: str | None = None) -> Binding | None:
    """The binding of the XSUAA."""
    if uaa_service_name:
        return bindings.by_name(uaa_service_name)
    return bindings.by_tag("xsuaa") or bindings.by_label("xsuaa")


def xsuaa_bindings(bindings: Bindings) -> tuple[Binding, ...]:
    """All that could be the binding of the XSUAA."""
    found = (*bindings.matching(tag="xsuaa"), *bindings.matching(label="xsuaa"))
    return tuple(binding for at, binding in enumerate(found) if binding not in found[:at])


def repository_binding(bindings: Bindings) -> Binding | None:
    """The binding of the HTML5 application repository's runtime; its app-host plan has the same label."""
    named = bindings.business_services(HTML5_REPOSITORY)
    if named:
        return named[0]
    return bindings.find(label="html5-apps-repo", plan="app-runtime") or bindings.by_tag(HTML5_REPOSITORY)


def _typed(binding: Binding | None, model: type[Credentials], problems: list[Problem]) -> Credentials | None:
    if binding is None:
        return None
    try:
        return model.model_validate(dict(binding.credentials))
    except ValidationError as error:
        where = f"{binding.where or 'binding'}, {binding.label} {binding.name}"
        problems += [
            Problem(where, problem.path.replace("$", "$.credentials", 1), "", problem.message)
            for problem in problems_of(where, error)
        ]
        return None
