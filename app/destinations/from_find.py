"""A find answer becomes a `Destination`: everything typed, everything checked, nothing asked of anybody."""

from __future__ import annotations

import base64
import math

from app.answer import Headers
from app.destinations.authentication import ON_PREMISE_ONLY, TOKEN_BY_SERVICE, Authentication
from app.destinations.certificates import client_certificate, content_of, trusted_certificates
from app.destinations.destination import Destination, ProxyType, Traits, is_of_user
from app.destinations.find_answer import AuthToken, FindAnswer
from app.destinations.properties import Properties, header_pair, unusable
from app.errors import Failure, GatewayError
from app.principal import Tenant
from app.tokens.token_response import sanitized
from app.transport.pool_key import ClientCertificate, TlsIdentity


def read_traits(name: str, answer: FindAnswer) -> Traits:
    """How to ask for this destination. Raises DESTINATION_UNUSABLE for one that is not for HTTP."""
    properties = _properties(name, answer)
    if properties.text("Type", "HTTP").upper() != "HTTP":
        raise properties.refuse("Type", "is not HTTP")
    authentication = properties.choice("Authentication", Authentication, Authentication.NONE, Authentication.OTHER)
    return Traits(
        of_user=is_of_user(authentication, properties.text("SystemUser"), bool(answer.tokens)),
        common_token_url=properties.text("tokenServiceURLType").lower() == "common",
        subject_token=authentication is Authentication.TOKEN_EXCHANGE,
        propagates=authentication is Authentication.PRINCIPAL_PROPAGATION,
    )


def build_destination(name: str, tenant: Tenant, answer: FindAnswer) -> Destination:
    """The destination of a complete answer, kept in `tenant`.

    Raises DESTINATION_TOKEN_FAILED where the service could not obtain the token, and DESTINATION_UNUSABLE, naming the
    property, for everything that keeps the destination from being used.
    """
    traits = read_traits(name, answer)
    if answer.token_error:
        raise token_failed(name, answer.token_error)
    properties = _properties(name, answer)
    authentication = properties.choice("Authentication", Authentication, Authentication.NONE, Authentication.OTHER)
    return Destination(
        name=name,
        url=properties.url("URL"),
        tenant=tenant,
        proxy_type=_proxy_type(properties, authentication),
        authentication=authentication,
        traits=traits,
        location_id=_location_id(properties),
        credentials=_credentials(properties, authentication, answer),
        fixed=properties.header("sap-client", "sap-client"),
        defaults=properties.header("sap-language", "sap-language") + properties.url_headers(),
        queries=properties.url_queries(),
        tls=_tls_identity(properties, authentication, answer),
        timeout=properties.milliseconds(properties.html5("Timeout"), 30.0),
        forward_auth_token=_forwards_token(properties, authentication),
        forward_auth_certificates=properties.flag(properties.html5("ForwardAuthCertificates")),
        preserve_host=properties.flag(properties.html5("PreserveHostHeader")),
        forwarded_headers=properties.flag(properties.html5("SetXForwardedHeaders"), True),
        dynamic=properties.flag(properties.html5("DynamicDestination")),
        strict_connections=properties.flag(properties.html5("StrictConnectionMode")),
        ias_dependency=properties.text(properties.html5("IASDependencyName")),
    )


def token_lifetime(answer: FindAnswer) -> float:
    """Seconds the shortest-lived token of the answer has left; infinite where none says so. Nonsense counts as 0."""
    return min((_seconds(token) for token in answer.tokens if token.expires_in), default=math.inf)


def token_failed(name: str, message: str) -> GatewayError:
    """The failure of a destination whose token the service could not obtain."""
    return GatewayError(Failure.DESTINATION_TOKEN_FAILED, f"Destination '{name}': {sanitized(message)}")


def _properties(name: str, answer: FindAnswer) -> Properties:
    return Properties(name, {key: value for key, value in answer.configuration.items() if value is not None})


def _seconds(token: AuthToken) -> float:
    try:
        seconds = float(token.expires_in or "")
    except ValueError:
        return 0.0
    return seconds if seconds > 0 else 0.0  # NaN as well


def _proxy_type(properties: Properties, authentication: Authentication) -> ProxyType:
    proxy_type = properties.choice("ProxyType", ProxyType, ProxyType.INTERNET)
    if authentication in ON_PREMISE_ONLY and proxy_type is not ProxyType.ON_PREMISE:
        raise properties.refuse("ProxyType", f"has to be OnPremise with {authentication}")
    if proxy_type is ProxyType.ON_PREMISE and properties.url("URL").secure:
        raise properties.refuse(
            "URL", "has to begin with http:// with OnPremise: the tunnel to the Cloud Connector is encrypted by itself"
        )
    return proxy_type


def _location_id(properties: Properties) -> str:
    header = properties.header("CloudConnectorLocationId", "SAP-Connectivity-SCC-Location_ID")
    return header[0][1].decode() if header else ""


def _credentials(properties: Properties, authentication: Authentication, answer: FindAnswer) -> Headers:
    headers = _token_headers(properties.destination, answer)
    if authentication is Authentication.BASIC and not headers:
        return _basic(properties)
    if authentication in TOKEN_BY_SERVICE and not headers:
        raise token_failed(properties.destination, "the service returned no token")
    return headers


def _token_headers(destination: str, answer: FindAnswer) -> Headers:
    found = [token.header for token in answer.tokens]
    try:
        return tuple(header_pair(header.key, header.value) for header in found if header is not None)
    except ValueError as error:
        raise unusable(destination, f"the header of its token {error}") from None


def _basic(properties: Properties) -> Headers:
    user, password = properties.text("User"), properties.text("Password")
    if not user or ":" in user:
        raise properties.refuse("User", "is missing or has a colon")
    return ((b"authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode())),)


def _forwards_token(properties: Properties, authentication: Authentication) -> bool:
    """`forwardAuthToken` (Cloud SDK) overrides the destination's authentication; the HTML5 one completes none."""
    if authentication is Authentication.TOKEN_FORWARDING or properties.flag("forwardAuthToken"):
        return authentication not in ON_PREMISE_ONLY
    return properties.flag(properties.html5("ForwardAuthToken")) and authentication is Authentication.NONE


def _tls_identity(properties: Properties, authentication: Authentication, answer: FindAnswer) -> TlsIdentity:
    """A certificate is shown only where the destination authenticates by it: for any other type, a key store is none of
    the backend's business.
    """
    client = None
    if authentication is Authentication.CLIENT_CERTIFICATE:
        if properties.text("KeyStoreLocation"):
            client = _client_certificate(properties, answer)
        elif not properties.flag(properties.html5("ForwardAuthCertificates")):
            raise properties.refuse("KeyStoreLocation", "is missing")
    return TlsIdentity(properties.flag("TrustAll"), _trusted(properties, answer), client)


def _client_certificate(properties: Properties, answer: FindAnswer) -> ClientCertificate:
    location = properties.text("KeyStoreLocation")
    content = _stored(properties, "KeyStoreLocation", answer)
    try:
        return client_certificate(location, content, properties.text("KeyStorePassword"))
    except ValueError as error:
        raise properties.refuse("KeyStoreLocation", str(error)) from None


def _trusted(properties: Properties, answer: FindAnswer) -> str:
    location = properties.text("TrustStoreLocation")
    if not location:
        return ""
    content = _stored(properties, "TrustStoreLocation", answer)
    try:
        return trusted_certificates(location, content)
    except ValueError as error:
        raise properties.refuse("TrustStoreLocation", str(error)) from None


def _stored(properties: Properties, name: str, answer: FindAnswer) -> bytes:
    location = properties.text(name)
    for certificate in answer.certificates:
        if certificate.name == location:
            try:
                return content_of(certificate.content)
            except ValueError:
                raise properties.refuse(name, "names a certificate whose content is not base64") from None
    raise properties.refuse(name, "names a certificate that the service did not return")
