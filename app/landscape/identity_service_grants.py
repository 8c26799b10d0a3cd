"""The grants of `/oauth2/token` (protocols, section 3.2), with what surprises about them.

Access tokens are opaque after refresh, jwt-bearer and exchange, unless `token_format=jwt` asks for better; refresh
tokens are of single use; only an id token of the asking client can be exchanged.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import KeySet

from app.landscape.faults import Fault, Faults
from app.landscape.identity_service_client import IdentityClient
from app.landscape.identity_service_state import IdentityRefresh, IdentitySession, IdentityState
from app.landscape.identity_service_tokens import access_token_hash, client_claims, user_claims
from app.landscape.keys import SigningKeys
from app.landscape.tokens import TokenRefused, decode
from app.landscape.users import PROVIDER, Tenant, tenant_by_zone
from app.landscape.xsuaa_client import OAuthError
from app.landscape.xsuaa_grants import JWT_BEARER, check_verifier
from app.landscape.xsuaa_issue import Issued
from app.landscape.xsuaa_state import Login

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 the name of a grant
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 the name of a type
ID_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 the name of a type
HEADER_NAME, HEADER_VALUE = "s3bcl_header_name", "s3bcl_header_value"
DEPENDENCY = "urn:sap:identity:application:provider:name:"
CLIENT = "urn:sap:identity:application:provider:clientid:"


@dataclass(frozen=True, slots=True)
class IdentityTokenRequest:
    """A call of the token endpoint whose client has proved itself. `query` is that of the address."""

    client: IdentityClient
    tenant: Tenant
    form: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)

    def needed(self, name: str) -> str:
        """A form parameter that must be there. Raises OAuthError 400."""
        value = self.form.get(name, "")
        if not value:
            raise OAuthError(400, "invalid_request", f"Parameter {name} is missing")
        return value


def tenant_for(client: IdentityClient, app_tid: str) -> Tenant:
    """The tenant a call means; the provider's where it names none. Raises OAuthError 400."""
    tenant = tenant_by_zone(app_tid) if app_tid else PROVIDER
    if tenant is None or tenant.zone_id not in client.zones:
        raise OAuthError(400, "invalid_request", "The application has no such tenant")
    return tenant


class IdentityGrants:
    """Answers token requests. `issuer` tells the own address."""

    def __init__(self, keys: SigningKeys, state: IdentityState, faults: Faults, issuer: Callable[[], str]) -> None:
        self._keys = keys
        self._state = state
        self._faults = faults
        self._issuer = issuer
        self._by_type: dict[str, Callable[[IdentityTokenRequest], Issued]] = {
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
            "client_credentials": self._client_credentials,
            JWT_BEARER: self._jwt_bearer,
            TOKEN_EXCHANGE: self._token_exchange,
        }

    def answer(self, request: IdentityTokenRequest) -> Issued:
        """The token answer. Raises OAuthError."""
        grant = self._by_type.get(request.needed("grant_type"))
        if grant is None:
            raise OAuthError(400, "unsupported_grant_type", "Unsupported grant type")
        return grant(request)

    def _authorization_code(self, request: IdentityTokenRequest) -> Issued:
        code = self._state.codes.take(request.needed("code"))
        if code is None or code.request.client_id != request.client.client_id:
            raise OAuthError(400, "invalid_grant", "The code is invalid")
        if code.request.tenant != request.tenant or request.form.get("redirect_uri", "") != code.request.redirect_uri:
            raise OAuthError(400, "invalid_grant", "The code belongs to another request")
        check_verifier(code.request, request.form.get("code_verifier", ""))
        if HEADER_NAME in request.query:
            header = {request.query[HEADER_NAME]: request.query.get(HEADER_VALUE, "")}
            code.session.report_headers[request.client.client_id] = header
        return self._for_user(request, code.session, nonce=code.request.nonce, opaque=False, refreshable=True)

    def _refresh_token(self, request: IdentityTokenRequest) -> Issued:
        token = self._state.refresh_tokens.take(request.needed("refresh_token"))
        if token is None or (token.client_id, token.tenant) != (request.client.client_id, request.tenant):
            raise OAuthError(400, "invalid_grant", "The refresh token is invalid")
        return self._for_user(request, token.session, opaque=True, refreshable=True)

    def _client_credentials(self, request: IdentityTokenRequest) -> Issued:
        audience = self._audience(request)
        claims = client_claims(self._issuer(), request.client, request.tenant, audience)
        return Issued(request.client.client_id, self._body(request, claims, opaque=False))

    def _jwt_bearer(self, request: IdentityTokenRequest) -> Issued:
        session = self._session_of(request.needed("assertion"), request)
        return self._for_user(request, session, opaque=True, audience=self._audience(request))

    def _token_exchange(self, request: IdentityTokenRequest) -> Issued:
        session = self._session_of(request.needed("subject_token"), request)
        issued = self._for_user(request, session, opaque=True, audience=self._audience(request))
        wanted = request.form.get("requested_token_type") or ACCESS_TOKEN_TYPE
        return Issued(issued.principal, {**issued.body, "issued_token_type": wanted})

    def _session_of(self, token: str, request: IdentityTokenRequest) -> IdentitySession:
        """The user of an id token for the asking client, in the tenant it asks for. Raises OAuthError 400."""
        try:
            claims = decode(token, KeySet.import_key_set(self._keys.jwks()))  # type: ignore[arg-type]
        except TokenRefused as refused:
            raise OAuthError(400, "invalid_grant", f"Invalid assertion: {refused}") from None
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        user = request.tenant.user(str(claims.get("email", "")))
        if user is None or request.client.client_id not in audience or claims["app_tid"] != request.tenant.zone_id:
            raise OAuthError(400, "invalid_grant", "The assertion is not for this application and tenant")
        return IdentitySession(Login(request.tenant, user, int(claims["auth_time"]), "ias"), sid=str(claims["sid"]))

    def _audience(self, request: IdentityTokenRequest) -> list[str]:
        """Whom a token is for: what `resource` names, else the client itself. Raises OAuthError 400."""
        resource = request.form.get("resource", "")
        if not resource:
            return [request.client.client_id]
        if resource.startswith(CLIENT):
            return [resource.removeprefix(CLIENT).partition(":")[0]]
        provider = request.client.dependencies.get(resource.removeprefix(DEPENDENCY))
        if provider is None:
            raise OAuthError(400, "invalid_target", "The resource is unknown")
        return [provider]

    def _for_user(
        self,
        request: IdentityTokenRequest,
        session: IdentitySession,
        *,
        opaque: bool,
        nonce: str = "",
        refreshable: bool = False,
        audience: list[str] | None = None,
    ) -> Issued:
        user = session.login.user
        if any(self._faults.is_on(Fault.REVOKED_USER, name) for name in (user.login, user.email)):
            raise OAuthError(400, "invalid_grant", "The user's access was revoked")
        own = [request.client.client_id, *request.client.audiences]
        claims = user_claims(self._issuer(), request.client, request.tenant, session, audience or own)
        body = self._body(request, claims, opaque)
        if audience is None:
            of_login = {"at_hash": access_token_hash(body["access_token"]), **({"nonce": nonce} if nonce else {})}
            body["id_token"] = self._keys.sign(claims | of_login)
        if refreshable:
            token = IdentityRefresh(request.client.client_id, request.tenant, session)
            body["refresh_token"] = self._state.refresh_tokens.add(token, request.client.refresh_validity)
        return Issued(user.email, body)

    def _body(self, request: IdentityTokenRequest, claims: dict[str, Any], opaque: bool) -> dict[str, Any]:
        wants_jwt = request.form.get("token_format", "opaque" if opaque else "jwt") == "jwt"
        token = self._keys.sign(claims) if wants_jwt else self._state.opaque_tokens.add(secrets.token_hex(8))
        return {"access_token": token, "token_type": "Bearer", "expires_in": request.client.token_validity}
