"""The variable `destinations`: systems defined beside the application, without the Destination service."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from app.destination_url import DestinationUrl, parse_url
from app.strict_model import StrictModel, fault, refuse

_ADDRESS = "an absolute address with http, https, ws or wss"


def _address(value: Any) -> DestinationUrl:
    if not isinstance(value, str):
        raise fault(_ADDRESS)
    try:
        return parse_url(value)
    except ValueError as error:  # what stands before an @ is a secret
        raise fault(f"{_ADDRESS}; this one {error}", show_value="@" not in value) from None


def _port(value: Any) -> int:
    text = str(value) if type(value) in (int, str) else ""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= 65535):
        raise fault("a port number, 1 to 65535")
    return int(text)


class EnvironmentDestination(StrictModel):
    """One entry of `destinations`."""

    name: Annotated[str, Field(min_length=1)]
    """Name by which routes refer to it."""
    url: Annotated[DestinationUrl, PlainValidator(_address)]
    """Address of the system, with or without a path."""
    proxy_host: Annotated[str, Field(min_length=1)] | None = None
    """Host of a forward proxy."""
    proxy_port: Annotated[int, PlainValidator(_port)] | None = None
    """Port of the forward proxy, a number or digits."""
    forward_auth_token: bool = False
    """Whether the user's token is sent along."""
    forward_auth_certificates: bool = False
    """Whether connections present the authentication service's client certificate."""
    ias_dependency_name: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="IASDependencyName")
    """Dependency for which the user's IAS token is exchanged."""
    strict_ssl: bool = Field(default=True, alias="strictSSL")
    """Whether untrusted certificates are refused."""
    timeout: Annotated[int, Field(ge=1)] = 30_000
    """Milliseconds to wait for an answer."""
    set_x_forwarded_headers: bool = Field(default=True, alias="setXForwardedHeaders")
    """Whether x-forwarded-host, -path and -proto are sent."""
    proxy_type: Literal["OnPremise", "Internet"] = "Internet"
    """`OnPremise` goes through the connectivity service."""

    @property
    def is_on_premise(self) -> bool:
        """Whether it is reached through the connectivity service."""
        return self.proxy_type == "OnPremise"

    @model_validator(mode="after")
    def _rules(self) -> Self:
        faults: list[tuple[str, object, str]] = []
        if (self.proxy_host is None) != (self.proxy_port is None):
            absent, present = ("proxyPort", "proxyHost") if self.proxy_host else ("proxyHost", "proxyPort")
            faults.append((absent, None, f"{absent} is required beside {present}"))
        if self.is_on_premise and self.url.secure:
            faults.append(("proxyType", self.proxy_type, "no OnPremise for a url with https:// or wss://"))
        if self.is_on_premise and self.forward_auth_token:
            faults.append(("forwardAuthToken", True, "no forwardAuthToken with proxyType OnPremise"))
        refuse(faults)
        return self
