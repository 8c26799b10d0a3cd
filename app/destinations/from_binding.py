"""A service's binding becomes a `Destination`, as if somebody had written one for it. No I/O."""

from __future__ import annotations

from app.answer import Headers
from app.bindings.business_service import DEFAULT_TIMEOUT, BusinessService, Endpoint, GrantType
from app.destination_url import DestinationUrl, parse_url
from app.destinations.destination import Destination
from app.destinations.properties import header_pair
from app.errors import Failure, GatewayError
from app.transport.pool_key import ClientCertificate, TlsIdentity


def service_destination(service: BusinessService, endpoint: str) -> Destination:
    """How an endpoint of a business service is reached; without `endpoint` its `url` or `uri` is meant.

    Raises SERVICE_UNUSABLE, naming service and property, for what keeps it from being used.
    """
    place = _place(service, endpoint)
    url = _url(service, place.url)
    is_mtls = service.grant_type is GrantType.MTLS
    if is_mtls and not url.secure:
        raise unusable(service, "its address has to begin with https:// with grant_type mtls")
    return Destination(
        name=f"service {service.name}",  # no destination of the platform can have a space in its name
        url=url,
        defaults=_headers(service),
        tls=TlsIdentity(client=ClientCertificate(service.cert, service.key)) if is_mtls else TlsIdentity(),
        timeout=place.timeout / 1000,
    )


def unusable(service: BusinessService, reason: str) -> GatewayError:
    """The failure of a service that cannot be used as it is bound."""
    return GatewayError(Failure.SERVICE_UNUSABLE, f"Service '{service.name}': {reason}.")


def _place(service: BusinessService, endpoint: str) -> Endpoint:
    if endpoint:
        if endpoint not in service.endpoints:
            raise unusable(service, f"it has no endpoint '{endpoint}'")
        return service.endpoints[endpoint]
    if not service.url and not service.uri:
        raise unusable(service, "it has neither url nor uri, so the route has to name an endpoint")
    return Endpoint(url=service.url or service.uri, timeout=DEFAULT_TIMEOUT)


def _url(service: BusinessService, text: str) -> DestinationUrl:
    try:
        return parse_url(text)
    except ValueError as error:
        raise unusable(service, f"its address {error}") from None


def _headers(service: BusinessService) -> Headers:
    try:
        return tuple(header_pair(name, value) for name, value in service.headers.items())
    except ValueError as error:
        raise unusable(service, f"one of its URL.headers {error}") from None
