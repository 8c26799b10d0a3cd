"""What XSUAA reads from an HTTP request: the tenant, the form, the shown certificate."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.landscape.users import PROVIDER, TENANTS, Tenant, tenant_by_subdomain, tenant_by_zone
from app.landscape.xsuaa_client import OAuthError

DOMAIN = "localhost"
CERTIFICATE_DOMAIN = f"cert.{DOMAIN}"
_BARE_HOSTS = frozenset((DOMAIN, CERTIFICATE_DOMAIN, "127.0.0.1"))


def host_names() -> list[str]:
    """Every name XSUAA answers to: what its server certificate must hold."""
    domains = (DOMAIN, CERTIFICATE_DOMAIN)
    return [*sorted(_BARE_HOSTS), *(f"{tenant.subdomain}.{domain}" for tenant in TENANTS for domain in domains)]


def tenant_of(request: Request) -> Tenant:
    """The tenant by the host's first label, else by `x-zid`, else the provider. Raises OAuthError for unknown ones."""
    host = (request.url.hostname or "").lower()
    zone = request.headers.get("x-zid")
    if host not in _BARE_HOSTS:
        tenant = tenant_by_subdomain(host.partition(".")[0])
    else:
        tenant = tenant_by_zone(zone) if zone else PROVIDER
    if tenant is None:
        raise OAuthError(404, "not_found", "The subdomain does not map to a valid identity zone.")
    return tenant


async def form_of(request: Request) -> dict[str, str]:
    """The urlencoded body; the first value of each name. Raises OAuthError 400 for a repeated name."""
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError(400, "invalid_request", "A parameter is repeated")
    return form


def bearer_of(request: Request) -> str:
    """The bearer token of the request, or an empty text."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def certificate_of(request: Request) -> str | None:
    """The PEM text of the client certificate shown in the TLS handshake."""
    chain = request.scope.get("extensions", {}).get("tls", {}).get("client_cert_chain")
    return str(chain[0]) if chain else None


async def error_answer(_: Request, error: Exception) -> Response:
    """An OAuthError as JSON (RFC 6749, section 5.2)."""
    assert isinstance(error, OAuthError)
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = f'Bearer realm="UAA/oauth", error="{error.error}"'
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, status_code=error.status, headers=headers)
