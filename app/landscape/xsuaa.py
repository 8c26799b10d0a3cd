"""XSUAA (Authorization and Trust Management) on a loopback port: protocols, section 2.

A tenant is named by the host: `acme.localhost:<port>`; the bare `localhost:<port>` is the domain, where the header
`x-zid` names the tenant. With a certificate authority everything is https, and clients may prove themselves by mTLS.
"""

from __future__ import annotations

from typing import Any

from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.landscape.certificates import CertificateAuthority
from app.landscape.faults import Faults, FaultyStation
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.keys import SigningKeys
from app.landscape.server import AppServer
from app.landscape.tokens import decode
from app.landscape.users import Tenant, tenant_by_subdomain, tenant_by_zone
from app.landscape.xsuaa_client import OAuthClient, OAuthError, authenticate, read_proof
from app.landscape.xsuaa_grants import Grants, TokenRequest
from app.landscape.xsuaa_issue import TokenIssuer
from app.landscape.xsuaa_login import SESSION_COOKIE, LoginPages
from app.landscape.xsuaa_request import (
    CERTIFICATE_DOMAIN,
    DOMAIN,
    bearer_of,
    certificate_of,
    error_answer,
    form_of,
    host_names,
    tenant_of,
)
from app.landscape.xsuaa_state import XsuaaState


class Xsuaa:
    """The station; `add_client` makes a service instance known, `keys.rotate()` changes the signing key.

    `trusted_domains` are what the cockpit calls so, by subdomain: who may frame a subaccount's applications.
    """

    def __init__(self, journal: Journal, faults: Faults, authority: CertificateAuthority | None = None) -> None:
        self.keys = SigningKeys()
        self.trusted_domains: dict[str, list[str]] = {}
        self._journal = journal
        self._clients: dict[str, OAuthClient] = {}
        state = XsuaaState()
        issuer = TokenIssuer(self.keys, state, faults, self.tenant_url)
        self.grants = Grants(issuer, state, self.keys, self._clients)
        self._pages = LoginPages(state, issuer, self._clients, secure=authority is not None)
        tls = authority.server_context(*host_names(), ask_client=True) if authority else None
        self._server = AppServer(FaultyStation(self._app(), Station.XSUAA, faults), tls=tls)

    async def start(self) -> None:
        """Listen."""
        await self._server.start()

    async def stop(self) -> None:
        """End it."""
        await self._server.stop()

    @property
    def domain(self) -> str:
        """What bindings call `uaadomain`: host and port, without a subdomain."""
        return f"{DOMAIN}:{self._server.port}"

    @property
    def url(self) -> str:
        """Address on the bare domain."""
        return f"{self._server.scheme}://{self.domain}"

    def tenant_url(self, tenant: Tenant) -> str:
        """What bindings call `url`: a tenant's address."""
        return f"{self._server.scheme}://{tenant.subdomain}.{self.domain}"

    def certificate_url(self, tenant: Tenant) -> str:
        """What bindings call `certurl`: the address for clients that prove themselves by mTLS."""
        return f"{self._server.scheme}://{tenant.subdomain}.{CERTIFICATE_DOMAIN}:{self._server.port}"

    def add_client(self, client: OAuthClient) -> OAuthClient:
        """Make a service instance known."""
        self._clients[client.client_id] = client
        return client

    def validate(self, token: str) -> dict[str, Any]:
        """The claims of a token of this XSUAA; raises TokenRefused (a ValueError). For stations of the landscape."""
        return decode(token, KeySet.import_key_set(self.keys.jwks()))  # type: ignore[arg-type]

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/oauth/authorize", self._authorize),
                Route("/login.do", self._log_in, methods=["POST"]),
                Route("/logout.do", self._log_out),
                Route("/oauth/token", self._token, methods=["POST"]),
                Route("/oauth/token/alias/{entity}", self._token, methods=["POST"]),
                Route("/token_keys", self._token_keys),
                Route("/userinfo", self._user_info),
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/sap/rest/authorization/v2/securitySettings/public", self._security_settings),
            ],
            exception_handlers={OAuthError: error_answer},
        )

    async def _authorize(self, request: Request) -> Response:
        tenant = tenant_of(request)
        self._note(request, "authorize", tenant, client_id=request.query_params.get("client_id", ""))
        return self._pages.authorize(tenant, request.query_params, request.cookies.get(SESSION_COOKIE, ""))

    async def _log_in(self, request: Request) -> Response:
        tenant = tenant_of(request)
        answer, login = self._pages.log_in(tenant, await form_of(request))
        self._note(request, "login" if login else "login-refused", tenant, login.user.email if login else "")
        return answer

    async def _log_out(self, request: Request) -> Response:
        tenant = tenant_of(request)
        answer, login = self._pages.log_out(tenant, request.query_params, request.cookies.get(SESSION_COOKIE, ""))
        self._note(request, "logout", tenant, login.user.email if login else "")
        return answer

    async def _token(self, request: Request) -> Response:
        tenant, form = tenant_of(request), await form_of(request)
        seen = {"grant_type": form.get("grant_type", ""), "client_id": form.get("client_id", "")}
        try:
            if seen["grant_type"] == "user_token":
                issued = self.grants.user_token(tenant, form, bearer_of(request))
            else:
                proof = read_proof(request.headers, form, certificate_of(request))
                seen["client_id"] = proof.client_id
                client = authenticate(proof, self._clients, tenant.subdomain)
                issued = self.grants.answer(TokenRequest(tenant, client, form))
        except OAuthError as error:
            self._note(request, "token-refused", tenant, **seen, error=error.error, reason=error.description)
            raise
        self._note(request, "token", tenant, issued.principal, **seen, scope=issued.body["scope"])
        return JSONResponse(issued.body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _token_keys(self, request: Request) -> Response:
        zone = request.query_params.get("zid")
        if zone is not None and tenant_by_zone(zone) is None:
            raise OAuthError(400, "invalid_request", "The zone is unknown")
        self._note(request, "token-keys", tenant_of(request))
        return JSONResponse(self.keys.jwks())

    async def _user_info(self, request: Request) -> Response:
        tenant = tenant_of(request)
        told = self.grants.user_info(tenant, bearer_of(request))
        self._note(request, "user-info", tenant, told.principal)
        return JSONResponse(told.body)

    async def _configuration(self, request: Request) -> Response:
        tenant = tenant_of(request)
        base, aliases = self.tenant_url(tenant), self.certificate_url(tenant)
        return JSONResponse(
            {
                "issuer": f"{base}/oauth/token",
                "authorization_endpoint": f"{base}/oauth/authorize",
                "token_endpoint": f"{base}/oauth/token",
                "jwks_uri": f"{base}/token_keys",
                "end_session_endpoint": f"{base}/logout.do",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256", "plain"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "mtls_endpoint_aliases": {"token_endpoint": f"{aliases}/oauth/token"},
            }
        )

    async def _security_settings(self, request: Request) -> Response:
        """What everybody may know of a subaccount . For an unknown one: a 404 [unconfirmed]."""
        tenant = tenant_by_subdomain(request.query_params.get("subdomain", ""))
        if tenant is None:
            raise OAuthError(404, "not_found", "The subdomain does not map to a valid identity zone.")
        self._note(request, "security-settings", tenant)
        return JSONResponse({"iframeDomains": " ".join(self.trusted_domains.get(tenant.subdomain, []))})

    def _note(self, request: Request, kind: str, tenant: Tenant, principal: str = "", **detail: str) -> None:
        self._journal.record(
            Station.XSUAA,
            kind,
            correlation_id=correlation_id(request.headers),
            principal=principal,
            tenant=tenant.subdomain,
            **detail,
        )
