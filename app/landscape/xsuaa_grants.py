"""The grants of `/oauth/token` (protocols, section 2.2): one function each, over a checked client."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import KeySet

from app.landscape.keys import SigningKeys
from app.landscape.saml import Assertion, AssertionRefused, verify_assertion
from app.landscape.tokens import TokenRefused, decode, unverified_issuer
from app.landscape.users import DEMO_PASSWORD, Tenant, tenant_by_zone
from app.landscape.xsuaa_client import OAuthClient, OAuthError
from app.landscape.xsuaa_issue import ATTRIBUTES_SCOPE, EXCHANGE_SCOPE, Issued, TokenIssuer, new_login
from app.landscape.xsuaa_state import AuthorizeRequest, Login, XsuaaState

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SAML2_BEARER = "urn:ietf:params:oauth:grant-type:saml2-bearer"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A call of the token endpoint whose client has proved itself."""

    tenant: Tenant
    client: OAuthClient
    form: Mapping[str, str]

    def needed(self, name: str) -> str:
        """A form parameter that must be there. Raises OAuthError 400."""
        value = self.form.get(name, "")
        if not value:
            raise OAuthError(400, "invalid_request", f"Parameter {name} is missing")
        return value

    @property
    def scope(self) -> str:
        """The scopes asked for, as text."""
        return self.form.get("scope", "")


class Grants:
    """Answers token requests."""

    def __init__(
        self, issuer: TokenIssuer, state: XsuaaState, keys: SigningKeys, clients: Mapping[str, OAuthClient]
    ) -> None:
        self._issuer = issuer
        self._state = state
        self._keys = keys
        self._clients = clients
        self._trusted: dict[str, rsa.RSAPublicKey] = {}
        self._identity_services: dict[str, SigningKeys] = {}
        self._by_type: dict[str, Callable[[TokenRequest], Issued]] = {
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
            "client_credentials": self._client_credentials,
            "password": self._password,
            JWT_BEARER: self._jwt_bearer,
            SAML2_BEARER: self._saml2_bearer,
        }

    def trust(self, assertion_issuer: str, key: rsa.RSAPublicKey) -> None:
        """Believe SAML assertions of an issuer signed with this key."""
        self._trusted[assertion_issuer] = key

    def trust_identity_service(self, issuer: str, keys: SigningKeys) -> None:
        """Believe tokens of an identity service (OpenID Connect) whose audience names the asking client."""
        self._identity_services[issuer] = keys

    def answer(self, request: TokenRequest) -> Issued:
        """The token answer. Raises OAuthError."""
        grant = self._by_type.get(request.needed("grant_type"))
        if grant is None:
            raise OAuthError(400, "unsupported_grant_type", "Unsupported grant type")
        return grant(request)

    def user_token(self, tenant: Tenant, form: Mapping[str, str], bearer: str) -> Issued:
        """The legacy grant `user_token`: the bearer of a user's token gets a refresh token for another client.

        It is worth nothing without that client's credentials. Raises OAuthError.
        """
        target = self._clients.get(form.get("client_id", ""))
        login = self._login_of(bearer, tenant)
        if target is None or tenant.subdomain not in target.zones:
            raise OAuthError(401, "unauthorized", "Bad credentials")
        self._issuer.check_not_revoked(login)
        token = self._issuer.refresh_token(target.client_id, login, form.get("scope", ""), target.refresh_validity)
        body = {"refresh_token": token, "token_type": "bearer", "expires_in": target.refresh_validity, "scope": ""}
        return Issued(login.user.email, body)

    def user_info(self, tenant: Tenant, bearer: str) -> Issued:
        """Who a token's user is (`/userinfo`); the identity provider's attributes with the scope for them only.

        Raises OAuthError: 401 for a token that is none of this tenant's users, 403 without `openid`.
        """
        claims = self._own_claims(bearer)
        user = tenant.user(str(claims.get("user_name", "")))
        if user is None or tenant_by_zone(claims["zid"]) != tenant:
            raise OAuthError(401, "invalid_token", "The token is none of a user of this tenant")
        if "openid" not in claims["scope"]:
            raise OAuthError(403, "insufficient_scope", "Insufficient scope: the token lacks openid")
        names = ("sub", "user_id", "user_name", "email", "given_name", "family_name")
        body: dict[str, Any] = {"name": user.name, **{name: claims[name] for name in names}}
        if ATTRIBUTES_SCOPE in claims["scope"]:
            body["user_attributes"] = user.attributes
        return Issued(user.email, body)

    def _authorization_code(self, request: TokenRequest) -> Issued:
        code = self._state.codes.take(request.needed("code"))
        if code is None or (code.request.client_id, code.request.tenant) != (request.client.client_id, request.tenant):
            raise OAuthError(400, "invalid_grant", "Invalid authorization code")
        if request.form.get("redirect_uri", "") != code.request.redirect_uri:
            raise OAuthError(400, "invalid_grant", "Redirect URI mismatch.")
        check_verifier(code.request, request.form.get("code_verifier", ""))
        return self._issuer.user_answer(
            request.client,
            code.login,
            "authorization_code",
            scope=code.request.scope,
            refreshable=True,
            nonce=code.request.nonce,
        )

    def _refresh_token(self, request: TokenRequest) -> Issued:
        text = request.needed("refresh_token")
        token = self._state.refresh_tokens.get(text.removesuffix("-r"))
        if token is None or (token.client_id, token.login.tenant) != (request.client.client_id, request.tenant):
            raise OAuthError(401, "invalid_token", "The refresh token is invalid or has expired")
        scope = request.scope or token.scope
        issued = self._issuer.user_answer(request.client, token.login, "refresh_token", scope=scope)
        return Issued(issued.principal, {**issued.body, "refresh_token": text})

    def _client_credentials(self, request: TokenRequest) -> Issued:
        authorities = request.form.get("authorities", "")
        return self._issuer.client_answer(request.client, request.tenant, request.scope, authorities)

    def _password(self, request: TokenRequest) -> Issued:
        user = request.tenant.user(request.needed("username"))
        password = request.needed("password")
        if user is None or not hmac.compare_digest(password.encode(), DEMO_PASSWORD.encode()):
            raise OAuthError(401, "unauthorized", "Bad credentials")
        login = new_login(request.tenant, user)
        return self._issuer.user_answer(request.client, login, "password", scope=request.scope, refreshable=True)

    def _jwt_bearer(self, request: TokenRequest) -> Issued:
        assertion = request.needed("assertion")
        login = self._login_elsewhere(assertion, request) or self._login_of(assertion, request.tenant)
        return self._issuer.user_answer(request.client, login, JWT_BEARER, scope=request.scope, refreshable=True)

    def _saml2_bearer(self, request: TokenRequest) -> Issued:
        assertion = self._checked_assertion(request.needed("assertion"), request.tenant)
        user = request.tenant.user(assertion.subject)
        if user is None:
            raise OAuthError(401, "invalid_grant", "The subject of the assertion is unknown")
        login = new_login(request.tenant, user, assertion.issuer)
        return self._issuer.user_answer(request.client, login, SAML2_BEARER, scope=request.scope)

    def _login_elsewhere(self, assertion: str, request: TokenRequest) -> Login | None:
        """The user of a token of a trusted identity service; None when it comes from none. Raises OAuthError 401."""
        keys = self._identity_services.get(unverified_issuer(assertion))
        if keys is None:
            return None
        try:
            claims = decode(assertion, KeySet.import_key_set(keys.jwks()))  # type: ignore[arg-type]
        except TokenRefused as refused:
            raise OAuthError(401, "invalid_token", f"Invalid assertion: {refused}") from None
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        user = request.tenant.user(str(claims.get("email", "")))
        if user is None or tenant_by_zone(str(claims.get("app_tid"))) != request.tenant:
            raise OAuthError(401, "unauthorized", "The assertion holds no user of this tenant")
        if request.client.client_id not in audience:
            raise OAuthError(401, "invalid_token", "The audience of the assertion does not name the client")
        return Login(request.tenant, user, int(claims["auth_time"]), "sap.custom")

    def _login_of(self, assertion: str, tenant: Tenant) -> Login:
        """The user of a token of ours that may be exchanged: same tenant, with scope `uaa.user`."""
        claims = self._own_claims(assertion)
        user = tenant.user(str(claims.get("user_name", "")))
        if user is None or tenant_by_zone(claims["zid"]) != tenant:
            raise OAuthError(401, "unauthorized", "The assertion holds no user of this tenant")
        if EXCHANGE_SCOPE not in claims["scope"]:
            raise OAuthError(403, "insufficient_scope", f"Insufficient scope: the assertion lacks {EXCHANGE_SCOPE}")
        return Login(tenant, user, int(claims["auth_time"]), str(claims["origin"]))

    def _own_claims(self, token: str) -> dict[str, Any]:
        """The claims of a token of ours. Raises OAuthError 401."""
        try:
            return decode(token, KeySet.import_key_set(self._keys.jwks()))  # type: ignore[arg-type]
        except TokenRefused as refused:
            raise OAuthError(401, "invalid_token", f"Invalid token: {refused}") from None

    def _checked_assertion(self, text: str, tenant: Tenant) -> Assertion:
        try:
            xml = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            assertion = verify_assertion(xml, self._trusted)
        except (binascii.Error, AssertionRefused) as error:
            raise OAuthError(401, "invalid_grant", f"Invalid assertion: {error}") from None
        if assertion.audience != entity_id(tenant):
            raise OAuthError(401, "invalid_grant", "The assertion is for another audience")
        return assertion


def entity_id(tenant: Tenant) -> str:
    """The SAML entity id of a tenant: the audience an assertion must name."""
    return f"{tenant.subdomain}.landscape"


def check_verifier(request: AuthorizeRequest, verifier: str) -> None:
    """PKCE (RFC 7636, section 4.6). Raises OAuthError 400 when the verifier does not fit the challenge."""
    if not request.code_challenge and not verifier:
        return
    derived = verifier
    if request.code_challenge_method == "S256":
        derived = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if not hmac.compare_digest(derived.encode(), request.code_challenge.encode()):
        raise OAuthError(400, "invalid_grant", "Invalid code verifier")
