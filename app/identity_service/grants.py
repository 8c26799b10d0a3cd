"""The grants of the identity service, one method each (protocols 3.2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from app.bindings.credentials import IdentityCredentials
from app.clients import PlatformClients
from app.identity_service.client_lock import ClientLock
from app.identity_service.discovery import Discovery, with_query
from app.identity_service.issuer import own_issuer
from app.tokens.authority import IDENTITY_SERVICE
from app.tokens.claims import shared_tenant
from app.tokens.grants import JWT_BEARER
from app.tokens.identity_provider import ReportAddress
from app.tokens.token_request import TokenRequest, client_of, send
from app.tokens.token_response import TokenResponse
from app.transport.pool_key import ClientCertificate

DEPENDENCY = "urn:sap:identity:application:provider:name:"
_NO_QUERY: Mapping[str, str] = {}


class IdentityGrants:
    """Token requests, all for the tenant `app_tid` (empty where the binding has none).

    All ask for JSON Web Tokens, which not every grant yields by default, and raise `TokenRefused` or
    IDENTITY_UNAVAILABLE. What was refused for our own sake is not tried again for a while (see `ClientLock`), unless
    there is a new certificate to try it with.
    """

    def __init__(
        self,
        clients: PlatformClients,
        credentials: IdentityCredentials,
        discovery: Discovery,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._credentials = credentials
        self._discovery = discovery
        self._clock = clock
        self._shown = self._certificate()
        self._lock = ClientLock(clock)

    async def authorization_code(
        self, app_tid: str, code: str, redirect_uri: str, code_verifier: str = "", reports: ReportAddress | None = None
    ) -> TokenResponse:
        """Exchange the code of a login; it is good for one use. `reports`: where the end of the login is reported."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if code_verifier:
            form["code_verifier"] = code_verifier
        return await self._ask(form, app_tid, repeatable=False, query=_report_query(reports))

    async def refresh_token(self, app_tid: str, refresh_token: str) -> TokenResponse:
        """New tokens; the refresh token dies with this request."""
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token}, app_tid, False)

    async def jwt_bearer(self, app_tid: str, assertion: str, dependency: str = "") -> TokenResponse:
        """Exchange a user's token for one that the application provided under this name accepts, or we ourselves."""
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
        if dependency:
            form["resource"] = DEPENDENCY + dependency
        return await self._ask(form, app_tid)

    async def _ask(
        self, form: dict[str, str], app_tid: str, repeatable: bool = True, query: Mapping[str, str] = _NO_QUERY
    ) -> TokenResponse:
        async def ask() -> TokenResponse:
            endpoints = await self._discovery.endpoints(own_issuer(self._credentials))
            address = with_query(endpoints.token, query)
            request = TokenRequest(address, whole, {}, self._credentials, repeatable, IDENTITY_SERVICE)
            return await send(client_of(self._clients, self._credentials, IDENTITY_SERVICE), request)

        whole = form | {"client_id": self._credentials.client_id, "token_format": "jwt"}
        if app_tid:
            whole["app_tid"] = app_tid
        return await self._current_lock().ask(shared_tenant(app_tid, ""), ask)

    def _current_lock(self) -> ClientLock:
        """What happened to a certificate says nothing about the one that has taken its place."""
        shown = self._certificate()
        if shown != self._shown:
            self._shown, self._lock = shown, ClientLock(self._clock)
        return self._lock

    def _certificate(self) -> ClientCertificate | None:
        credentials = self._credentials
        if not credentials.uses_certificate:
            return None
        return self._clients.current(ClientCertificate(credentials.certificate, credentials.key))


def _report_query(reports: ReportAddress | None) -> Mapping[str, str]:
    """How the service is told where to report the end of a login (reference, "Back-Channel Logout Endpoint")."""
    if reports is None:
        return _NO_QUERY
    header = {"s3bcl_header_name": "cookie", "s3bcl_header_value": reports.cookie} if reports.cookie else {}
    return {**header, "s3bcl_logout_uri": reports.uri}
