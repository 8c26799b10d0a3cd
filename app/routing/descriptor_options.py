"""The smaller objects of xs-app.json: login, logout, options of destinations and services, answers."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from app.strict_model import StrictModel, fault, refuse

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _local_path(value: str) -> str:
    if _SCHEME.match(value) or value.startswith("//"):
        raise fault("a path of this application, without scheme and host")
    return value if value.startswith("/") else f"/{value}"


def _page(value: str) -> str:
    if _SCHEME.match(value) and not value.lower().startswith(("http://", "https://")):
        raise fault("a path, or an absolute address with http or https")
    return value


def _statuses(value: object) -> tuple[int, ...]:
    statuses = value if isinstance(value, list) else [value]
    if not statuses or not all(type(status) is int and 100 <= status <= 599 for status in statuses):
        raise fault("an HTTP status (100 to 599), or an array of them")
    return tuple(statuses)


LocalPath = Annotated[str, Field(min_length=1), AfterValidator(_local_path)]
"""A path at this host; its leading slash may be left out."""
LogoutMethod = Literal["POST", "PUT", "GET"]


class Login(StrictModel):
    """The `login` property."""

    callback_endpoint: LocalPath
    """Path to which the authorization server redirects."""


class Logout(StrictModel):
    """The `logout` property."""

    logout_endpoint: LocalPath | None = None
    """Path that ends the session and logs out centrally."""
    back_channel_logout_endpoint: LocalPath | None = None
    """Path at which an identity provider reports logouts."""
    logout_page: Annotated[str, Field(min_length=1), AfterValidator(_page)] | None = None
    """Where the browser goes afterwards: a path, or an absolute http(s) address."""
    logout_method: Literal["GET", "POST"] | None = None
    """Method of the logout endpoint, GET by default."""
    csrf_protection: bool | None = None
    """Whether POST needs a CSRF token; on by default, allowed with POST only."""

    @model_validator(mode="after")
    def _rules(self) -> Self:
        faults: list[tuple[str, object, str]] = []
        if self.logout_page is not None and self.logout_endpoint is None:
            faults.append(("logoutPage", self.logout_page, "logoutPage only beside logoutEndpoint"))
        if self.logout_endpoint is not None and self.logout_endpoint == self.back_channel_logout_endpoint:
            faults.append(
                ("backChannelLogoutEndpoint", self.logout_endpoint, "another path than that of logoutEndpoint")
            )
        if self.csrf_protection is not None and self.logout_method != "POST":
            faults.append(("csrfProtection", self.csrf_protection, "csrfProtection only with logoutMethod POST"))
        refuse(faults)
        return self


class DestinationOptions(StrictModel):
    """An entry of `destinations`."""

    logout_path: LocalPath | None = None
    """Path at the destination that is called at logout."""
    logout_method: LogoutMethod = "POST"
    """Method of that call."""


class ServiceOptions(StrictModel):
    """An entry of `services`."""

    endpoint: Annotated[str, Field(min_length=1)] | None = None
    """Endpoint of the service's binding."""
    logout_path: LocalPath | None = None
    """Path at the service that is called at logout."""
    logout_method: LogoutMethod = "POST"
    """Method of that call."""


class Compression(StrictModel):
    """The `compression` property, which is also the form of the variable `COMPRESSION`."""

    enabled: bool = True
    """Whether answers are compressed at all."""
    min_size: Annotated[int, Field(ge=0)] = 1024
    """Bytes from which on text is compressed."""
    compress_response_mixed_type_content: bool = False
    """Whether multipart/mixed is compressed too."""


class WebSockets(StrictModel):
    """The `websockets` property."""

    enabled: bool
    """Whether web sockets are forwarded."""


class WhitelistService(StrictModel):
    """The `whitelistService` property: who may frame our pages."""

    endpoint: LocalPath
    """Path at which the service answers."""


class ErrorPage(StrictModel):
    """An entry of `errorPage`."""

    status: Annotated[tuple[int, ...], PlainValidator(_statuses)]
    """Status, or statuses, the page is for."""
    file: Annotated[str, Field(min_length=1)] | None = None
    """File in the working directory that is the answer's body."""
    path: LocalPath | None = None
    """Path to which the browser is redirected instead."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.file is None) == (self.path is None):
            refuse([("file", self.file, "exactly one of file and path")])
        return self


class OutgoingOptions(StrictModel):
    """Options of calls to one platform service."""

    timeout: Annotated[int, Field(ge=0)] | None = None
    """Milliseconds to wait for an answer; 0 is without limit."""


class OutgoingRequestOptions(StrictModel):
    """The `outgoingRequestOptions` property, which is also the form of the variable `OUTGOING_REQUEST_OPTIONS`."""

    cls: OutgoingOptions = OutgoingOptions()
    """Of the reference router only: nothing is sent to a logging service."""
    xsuaa: OutgoingOptions = OutgoingOptions(timeout=10_000)
    """The XSUAA."""
    identity: OutgoingOptions = OutgoingOptions(timeout=30_000)
    """The Identity service."""
    html5_apps_repo: Annotated[OutgoingOptions, Field(alias="html5-apps-repo")] = OutgoingOptions()
    """The HTML5 application repository."""
    destination: OutgoingOptions = OutgoingOptions()
    """The Destination service."""
