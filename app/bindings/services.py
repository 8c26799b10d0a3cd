"""Typed credentials of the bound services we use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from app.bindings.binding import Binding, Bindings
from app.bindings.credentials import (
    ClientCredentials,
    ConnectivityCredentials,
    DestinationCredentials,
    XsuaaCredentials,
)
from app.problem import Problem
from app.strict_model import problems_of

Credentials = TypeVar("Credentials", bound=ClientCredentials)


@dataclass(frozen=True, slots=True)
class Services:
    """The credentials of platform services; None where a service is not bound."""

    xsuaa: XsuaaCredentials | None = field(default=None, repr=False)
    destination: DestinationCredentials | None = field(default=None, repr=False)
    connectivity: ConnectivityCredentials | None = field(default=None, repr=False)


def read_services(bindings: Bindings, uaa_service_name: str | None = None) -> tuple[Services, list[Problem]]:
    """The services among the bindings, and what is missing in their credentials.

    The xsuaa binding is the one named `uaa_service_name` (variable `UAA_SERVICE_NAME`), else the one tagged `xsuaa`.
    """
    problems: list[Problem] = []
    uaa = xsuaa_binding(bindings, uaa_service_name)
    if uaa_service_name and uaa is None:
        problems.append(Problem("UAA_SERVICE_NAME", "", f'"{uaa_service_name}"', "the name of a bound service"))
    services = Services(
        _typed(uaa, XsuaaCredentials, problems),
        _typed(bindings.of_service("destination"), DestinationCredentials, problems),
        _typed(bindings.of_service("connectivity"), ConnectivityCredentials, problems),
    )
    return services, problems


def xsuaa_binding(bindings: Bindings, uaa_service_name: str | None = None) -> Binding | None:
    """The binding of the XSUAA."""
    if uaa_service_name:
        return bindings.by_name(uaa_service_name)
    return bindings.by_tag("xsuaa") or bindings.by_label("xsuaa")


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
