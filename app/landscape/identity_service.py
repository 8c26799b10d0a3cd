"""The identity service (SAP Cloud Identity Services, IAS) on a loopback port: protocols, section 3.

One tenant of it serves all subscribers, which `app_tid` tells apart. With a certificate authority everything is https,
and clients may prove themselves by mTLS, at the same address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.landscape.certificates import CertificateAuthority
from app.landscape.faults import Faults, FaultyStation
from app.landscape.identity_service_client import ClientGate, IdentityClient
from app.landscape.identity_service_grants import IdentityGrants, IdentityTokenRequest, tenant_for
from app.landscape.identity_service_login import SESSION_COOKIE, IdentityPages
from app.landscape.identity_service_state import IdentitySession, IdentityState
from app.landscape.identity_service_tokens import logout_claims
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.keys import SigningKeys
from app.landscape.server import AppServer
from app.landscape.tokens import decode
from app.landscape.web_client import Unreachable, WebClient
from app.landscape.xsuaa_client import OAuthError, read_proof
from app.landscape.xsuaa_request import certificate_of, error_answer, form_of

DOMAIN = "accounts.localhost"
HOST = f"login.{DOMAIN}"


class IdentityService:
    """The station; `add_client` makes an application known, `back_channel` maps client ids to logout addresses."""

    def __init__(
        self,
        journal: Journal,
        faults: Faults,
        authority: CertificateAuthority | None = None,
        web: WebClient | None = None,
    ) -> None:
        self.keys = SigningKeys()
        self.back_channel: dict[str, str] = {}
        self._journal = journal
        self._web = web or WebClient()
        self._clients: dict[str, IdentityClient] = {}
        self._gate = ClientGate(self._clients)
        self._state = IdentityState()
        self._grants = IdentityGrants(self.keys, self._state, faults, lambda: self.url)
        self._pages = IdentityPages(self._state, self._clients, secure=authority is not None)
        tls = authority.server_context(HOST, ask_client=True) if authority else None
        self._server = AppServer(FaultyStation(self._app(), Station.IDENTITY_SERVICE, faults), tls=tls)

    async def start(self) -> None:
        """Listen."""
        await self._server.start()

    async def stop(self) -> None:
        """End it."""
        await self._server.stop()

    @property
    def url(self) -> str:
        """What bindings call `url`; the issuer of tokens."""
        return f"{self._server.scheme}://{HOST}:{self._server.port}"

    def add_client(self, client: IdentityClient) -> IdentityClient:
        """Make an application known."""
        self._clients[client.client_id] = client
        return client

    def validate(self, token: str) -> dict[str, Any]:
        """The claims of a token of this service; raises TokenRefused (a ValueError)."""
        return decode(token, KeySet.import_key_set(self.keys.jwks()))  # type: ignore[arg-type]

    def logout_token(self, session: IdentitySession, client_id: str, *, by_session: bool = True) -> str:
        """What the back channel carries."""
        claims = logout_claims(self.url, client_id, session, by_session)
        return self.keys.sign(claims, {"typ": "logout+jwt"})

    async def end(self, session: IdentitySession, *, by_session: bool = True) -> list[int]:
        """Report the end of a session to all that took part in it; their statuses (0: unreachable)."""
        reports = (
            self._report(
                self.back_channel[client_id],
                self.logout_token(session, client_id, by_session=by_session),
                session.report_headers.get(client_id, {}),
            )
            for client_id in session.clients
            if client_id in self.back_channel
        )
        return await asyncio.gather(*reports)

    async def _report(self, address: str, token: str, headers: Mapping[str, str]) -> int:
        try:
            status = (await self._web.post_form(address, {"logout_token": token}, headers)).status
        except Unreachable:
            status = 0
        self._journal.record(Station.IDENTITY_SERVICE, "back-channel-logout", status=status)
        return status

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/oauth2/authorize", self._authorize),
                Route("/login.do", self._log_in, methods=["POST"]),
                Route("/oauth2/token", self._token, methods=["POST"]),
                Route("/oauth2/certs", self._certs),
                Route("/oauth2/logout", self._log_out),
            ],
            exception_handlers={OAuthError: error_answer},
        )

    async def _configuration(self, request: Request) -> Response:
        """Plain metadata name the issuer by its host alone, as tenants configured long ago do."""
        compliant = request.query_params.get("client_id") in self._clients
        return JSONResponse(
            {
                "issuer": self.url if compliant else self.url.partition("://")[2],
                "authorization_endpoint": f"{self.url}/oauth2/authorize",
                "token_endpoint": f"{self.url}/oauth2/token",
                "jwks_uri": f"{self.url}/oauth2/certs",
                "end_session_endpoint": f"{self.url}/oauth2/logout",
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "email", "profile", "groups"],
                "code_challenge_methods_supported": ["plain", "S256"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "backchannel_logout_supported": True,
                "backchannel_logout_session_supported": True,
            }
        )

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        self._note(request, "authorize", client_id=query.get("client_id", ""), idp=query.get("idp", ""))
        return self._pages.authorize(query, self.url, request.cookies.get(SESSION_COOKIE, ""))

    async def _log_in(self, request: Request) -> Response:
        answer, session = self._pages.log_in(await form_of(request), self.url)
        self._note(request, "login" if session else "login-refused", session.login.user.email if session else "")
        return answer

    async def _log_out(self, request: Request) -> Response:
        answer, session = self._pages.log_out(request.query_params, request.cookies.get(SESSION_COOKIE, ""))
        self._note(request, "logout", session.login.user.email if session else "")
        if session is not None:
            await self.end(session)
        return answer

    async def _token(self, request: Request) -> Response:
        form = await form_of(request)
        seen = {"grant_type": form.get("grant_type", ""), "client_id": form.get("client_id", "")}
        try:
            client = self._gate.admit(read_proof(request.headers, form, certificate_of(request)))
            tenant = tenant_for(client, form.get("app_tid", ""))
            issued = self._grants.answer(IdentityTokenRequest(client, tenant, form, request.query_params))
        except OAuthError as error:
            self._note(request, "token-refused", **seen, error=error.error, reason=error.description)
            raise
        seen |= {name: value for name, value in request.query_params.items() if name.startswith("s3bcl_")}
        resource = form.get("resource", "")
        self._note(request, "token", issued.principal, **seen, tenant=tenant.subdomain, resource=resource)
        return JSONResponse(issued.body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _certs(self, request: Request) -> Response:
        """Keys for a pair of client and tenant; 400 for a pair that does not belong together."""
        names = ("x-client_id", "x-app_tid", "x-azp")
        client_id, app_tid, azp = (request.headers.get(name, "") for name in names)
        client = self._clients.get(client_id)
        if client is None or (app_tid and app_tid not in client.zones) or azp not in self._clients:
            raise OAuthError(400, "invalid_request", "No keys for this client and tenant")
        self._note(request, "certs")
        return JSONResponse(self.keys.jwks())

    def _note(self, request: Request, kind: str, principal: str = "", **detail: str) -> None:
        self._journal.record(
            Station.IDENTITY_SERVICE,
            kind,
            correlation_id=correlation_id(request.headers),
            principal=principal,
            **detail,
        )
