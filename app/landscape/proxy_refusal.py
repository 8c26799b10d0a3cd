"""How the connectivity proxy and the Cloud Connector say no: status and text as documented (protocols, 5.3 and 5.5)."""

from __future__ import annotations


class Refusal(Exception):
    """A request that goes no further. `close` ends the connection after the answer."""

    def __init__(self, status: int, text: str, *, close: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.close = close


def malformed(text: str) -> Refusal:
    """400 and the end of the connection: what follows on it cannot be trusted to start a request."""
    return Refusal(400, text, close=True)


def line_too_long(status: int, limit: int) -> Refusal:
    """414 for the request line, 431 for a header line."""
    return Refusal(status, f"A line of the request head exceeds {limit} bytes", close=True)


def absolute_form_only() -> Refusal:
    """400: the proxy takes `GET http://virtualhost:port/path` only."""
    return Refusal(400, "Bad request: the request target must be an absolute http:// URL of a virtual host")


def scheme_refused(what: str) -> Refusal:
    """405 for https and CONNECT: the way behind the proxy is encrypted already."""
    return Refusal(405, f"Method not allowed: {what} is not supported, use http with the absolute form")


def proxy_token_missing() -> Refusal:
    """407 without a token."""
    return Refusal(407, "Missing or empty header: proxy-authorization")


def proxy_token_invalid() -> Refusal:
    """407 with a token that is not ours, or no longer valid."""
    return Refusal(407, "Invalid token in header: proxy-authorization")


def invalid_proxy_header(name: str) -> Refusal:
    """400 for a connectivity header that cannot be read."""
    return Refusal(400, f"Invalid Proxy Header: {name}")


def location_mixed() -> Refusal:
    """400: the connection was opened for another tenant or location id."""
    names = "[SAP-Connectivity-ConsumerAccount, SAP-Connectivity-SCC-Location_ID]"
    return Refusal(
        400, f"One of the headers {names} was set with a different value than the one this connection was opened with"
    )


def resource_denied(url: str, system: str) -> Refusal:
    """403: the path is not exposed, or the connection belongs to another virtual host."""
    advice = "In case this was a valid request, expose the resource in the access control of your Cloud Connector"
    return Refusal(403, f"Access denied to resource {url} on system {system}. {advice}")


def system_denied(system: str) -> Refusal:
    """403: no mapping for this virtual host."""
    advice = "In case this was a valid request, add the system to the access control of your Cloud Connector"
    return Refusal(403, f"Access denied to system {system}. {advice}")


def upgrade_denied(url: str, system: str) -> Refusal:
    """403: the resource is exposed, but not for web sockets."""
    return Refusal(403, f"Access denied to resource {url} on system {system}. Upgrade is not allowed for it")


def other_principal(user: str) -> Refusal:
    """403: the connection carries another user."""
    return Refusal(403, f"Access denied: this connection was opened for another principal than {user or 'none'}")


def principal_refused(reason: str) -> Refusal:
    """403: the user's token cannot be turned into a certificate."""
    return Refusal(403, f"Principal propagation forbidden: {reason}")


def no_cloud_connector(tenant: str, location_id: str) -> Refusal:
    """503: nobody is connected for this subaccount and location id."""
    place = f'subaccount "{tenant}" and SCC location ID "{location_id}"'
    return Refusal(
        503,
        "There is no SAP Cloud Connector (SCC) connected to your subaccount matching the requested tunnel for "
        f"{place}. Check the configuration on SCC and cloud side.",
    )


def backend_unreachable(system: str) -> Refusal:
    """503: the Cloud Connector cannot reach the internal system."""
    return Refusal(503, f"Unable to open connection to backend system {system}. Check that it is running")


def backend_broken(system: str) -> Refusal:
    """502: the internal system ended the connection before it answered, or answered nonsense."""
    return Refusal(502, f"No valid answer from backend system {system}", close=True)


def station_down() -> Refusal:
    """503: the fault `server-error` is switched on."""
    return Refusal(503, "Service Unavailable")
