"""Typed credentials of the services we use, as their bindings deliver them (protocols 2.1, 4.1, 5.1).

Parsing is tolerant of additional keys and strict about needed ones; a missing key raises `pydantic.ValidationError`
naming it. Secrets never show in a `repr`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.principal import Tenant
from app.strict_model import fault

Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


def _port(text: str) -> str:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) <= 65535):
        raise fault("a port number, 1 to 65535")
    return text


Port = Annotated[Text, AfterValidator(_port)]
"""A port as digits; empty where the binding has none."""


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("https", "http") and parts.hostname
    except ValueError:
        usable = False
    if text and not usable:
        raise fault("an address that begins with https:// or http://", show_value="@" not in text)
    return text


Address = Annotated[str, AfterValidator(_address)]
"""Where a service listens; empty where the binding does not say."""
NeededAddress = Annotated[Address, Field(min_length=1)]


class OAuthClient(BaseModel):
    """How we prove ourselves to an authorization server: `secret`, or `certificate` and `key` (PEM) for mTLS.

    Exactly one of the two variants is present. `url` is the server's base URL.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    client_id: Text = Field(alias="clientid")
    secret: str = Field(default="", alias="clientsecret", repr=False)
    certificate: str = Field(default="", repr=False)
    key: str = Field(default="", repr=False)
    url: str = ""

    @model_validator(mode="after")
    def _has_authentication(self) -> Self:
        if not self.secret and not (self.certificate and self.key):
            raise fault("clientsecret, or certificate and key")
        return self

    @property
    def uses_certificate(self) -> bool:
        """Whether tokens are fetched with mTLS."""
        return not self.secret


class ClientCredentials(OAuthClient):
    """An OAuth client at an XSUAA. `url` is the provider tenant's base URL, `certurl` its mTLS twin, `uaadomain` the
    domain below which the subscribers' subdomains live. `service` says whose binding it is in messages; it is empty
    for the XSUAA's own.
    """

    service: ClassVar[str] = ""
    url: Address = ""
    certurl: Address = ""
    uaadomain: str = ""
    identityzone: str = ""
    tenantid: str = ""
    zoneid: str = Field(default="", alias="identityzoneid")
    xsappname: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_name_each(cls, data: Any) -> Any:
        if isinstance(data, dict) and "identityzoneid" not in data and "zoneid" in data:
            return {**data, "identityzoneid": data["zoneid"]}
        return data

    @property
    def tenant(self) -> Tenant:
        """The provider's tenant."""
        return Tenant(self.zoneid or self.tenantid, self.identityzone)


class XsuaaCredentials(ClientCredentials):
    """Binding of the `xsuaa` service; `apiurl` is where it answers for all tenants."""

    url: NeededAddress
    xsappname: str
    uaadomain: str
    apiurl: Address = ""
    tenantmode: str = "dedicated"
    verificationkey: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether the application has subscribers, tenants besides its own."""
        return self.tenantmode == "shared"


class IdentityCredentials(OAuthClient):
    """Binding of the `identity` service (protocols 3.1). `domains` are those below which its tenants live; `app_tid` is
    the tenant of the application, empty for an application with one tenant only.
    """

    url: Annotated[str, Field(min_length=1)]
    domains: tuple[str, ...] = ()
    app_tid: str = ""

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        older = {"app_tid": data.get("zone_uuid", ""), "domains": [data["domain"]] if data.get("domain") else []}
        return {**older, **data}

    @property
    def tenant(self) -> Tenant:
        """The application's tenant; one that has no id is named by its server."""
        return Tenant(self.app_tid or urlsplit(f"//{self.url.partition('//')[2] or self.url}").netloc, "")


class DestinationCredentials(ClientCredentials):
    """Binding of the `destination` service; `uri` is its API."""

    service = "destination"
    uri: NeededAddress
    instanceid: str = ""


class ConnectivityCredentials(ClientCredentials):
    """Binding of the `connectivity` service: the proxy's address and the token service (overrides `url`)."""

    service = "connectivity"
    onpremise_proxy_host: str
    onpremise_proxy_http_port: Port = ""
    onpremise_proxy_port: Port = ""
    token_service_url: Address = ""

    @property
    def proxy_port(self) -> int:
        """The HTTP port: `onpremise_proxy_http_port`, or its deprecated predecessor."""
        return int(self.onpremise_proxy_http_port or self.onpremise_proxy_port or "20003")


class RepositoryClient(ClientCredentials):
    """The client in the repository's binding."""

    service = "html5-apps-repo"


class RepositoryCredentials(BaseModel):
    """Binding of the HTML5 application repository, plan `app-runtime`: its address and the client for its tokens."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    uri: str
    uaa: RepositoryClient


class AuditLogCredentials(ClientCredentials):
    """Binding of the `auditlog` service: the client is in `uaa`, `service_url` is the binding's own `url`."""

    service = "auditlog"
    url: NeededAddress
    service_url: NeededAddress

    @model_validator(mode="before")
    @classmethod
    def _client_of_uaa(cls, data: Any) -> Any:
        uaa = data.get("uaa") if isinstance(data, dict) else None
        return {**uaa, "service_url": data.get("url")} if isinstance(uaa, dict) else data
