"""What a route names as the place its requests go to: a destination, a business service, the HTML5 repository."""

from __future__ import annotations

from dataclasses import dataclass

HTML5_REPOSITORY = "html5-apps-repo-rt"
"""The service of routes to the HTML5 application repository."""

USER_API = "sap-approuter-userapi"
"""The service of routes to our own user API; it needs no binding."""


@dataclass(frozen=True, slots=True)
class DestinationReference:
    """A destination. `dynamic`: its name came with the request, which the destination has to permit. `local`: the
    provider's is meant (`preferLocal`), whoever asks.
    """

    name: str
    dynamic: bool = False
    local: bool = False

    def twins(self) -> tuple[DestinationReference, ...]:
        """Everything that goes by this name."""
        both = (False, True)
        return tuple(DestinationReference(self.name, dynamic, local) for dynamic in both for local in both)


@dataclass(frozen=True, slots=True)
class ServiceReference:
    """A bound business service; without an endpoint its only address is meant."""

    name: str
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class RepositoryReference:
    """The files of an HTML5 application: `app` is its name, perhaps with a version, empty for the whole repository.

    `app_hosts` are the app-host ids it is looked for in, separated by commas. `cache_control` is what good answers
    say to the browser, empty for what the repository says.
    """

    app: str = ""
    app_hosts: str = ""
    cache_control: str = ""

    @property
    def name(self) -> str:
        """What logs call it."""
        return HTML5_REPOSITORY


WHOLE_REPOSITORY = RepositoryReference()

BackendReference = DestinationReference | ServiceReference | RepositoryReference


def service_reference(
    service: str, endpoint: str | None, cache_control: str | None, repository: RepositoryReference
) -> BackendReference | None:
    """What a route with this `service` names; None for the user API, which is no backend.

    `repository` is the application the route belongs to.
    """
    if service == USER_API:
        return None
    if service == HTML5_REPOSITORY:
        return RepositoryReference(repository.app, repository.app_hosts, cache_control or "")
    return ServiceReference(service, endpoint or "")
