"""Token retrieval: what the Destination service does per authentication type (protocols, section 4.4)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from app.landscape.destination_service_caller import Caller, FindRefused, UserToken
from app.landscape.destination_service_records import Properties
from app.landscape.saml import NAME_ID_EMAIL, Assertion, sign_assertion
from app.landscape.users import Tenant
from app.landscape.web_client import Unreachable, WebClient

AuthToken = dict[str, Any]

TECHNICAL_HEADER = "SAP-Connectivity-Technical-Authentication"
_GRANT = "urn:ietf:params:oauth:grant-type:"


class TokenFailed(Exception):
    """No token could be got; the find answers 200 all the same, with this text as `error`."""


@dataclass(frozen=True, slots=True)
class Case:
    """One retrieval: the destination, and who asks for whom."""

    properties: Properties
    caller: Caller

    def get(self, name: str, default: str = "") -> str:
        """A property of the destination."""
        return self.properties.get(name, default)

    @property
    def user(self) -> UserToken:
        """The user; raises TokenFailed when the caller named none."""
        if self.caller.user is None:
            raise TokenFailed("Unable to fetch token: no user token was given, a technical token does not suffice")
        return self.caller.user


class TokenRetrieval:
    """Gets tokens. SAML assertions are signed with `key`, which the target trusts for `issuer_of(tenant)`."""

    def __init__(self, client: WebClient, key: rsa.RSAPrivateKey, issuer_of: Callable[[Tenant], str]) -> None:
        self._client = client
        self._key = key
        self._issuer_of = issuer_of
        self._by_type: dict[str, Callable[[Case], Awaitable[AuthToken]]] = {
            "BasicAuthentication": self._basic,
            "OAuth2ClientCredentials": self._client_credentials,
            "OAuth2Password": self._password,
            "OAuth2UserTokenExchange": self._user_token_exchange,
            "OAuth2JWTBearer": self._jwt_bearer,
            "OAuth2SAMLBearerAssertion": self._saml_bearer,
            "OAuth2RefreshToken": self._refresh_token,
            "OAuth2AuthorizationCode": self._authorization_code,
            "OAuth2TokenExchange": self._token_exchange,
            "OAuth2TechnicalUserPropagation": self._technical_user,
            "SAMLAssertion": self._saml_assertion,
            "SAPAssertionSSO": self._assertion_ticket,
        }

    async def tokens(self, properties: Properties, caller: Caller) -> list[AuthToken]:
        """The `authTokens` of a find; empty for types that need none. Raises FindRefused for wrong headers."""
        retrieve = self._by_type.get(properties.get("Authentication", "NoAuthentication"))
        if retrieve is None:
            return []
        try:
            return [await retrieve(Case(properties, caller))]
        except TokenFailed as failed:
            return [{"type": "", "value": "", "expires_in": "0", "error": str(failed)}]

    async def _basic(self, case: Case) -> AuthToken:
        value = base64.b64encode(f"{case.get('User')}:{case.get('Password')}".encode()).decode()
        return _auth_token("Basic", value)

    async def _client_credentials(self, case: Case) -> AuthToken:
        return _bearer(await self._ask(case, {"grant_type": "client_credentials"}))

    async def _technical_user(self, case: Case) -> AuthToken:
        if case.get("ProxyType") != "OnPremise":
            raise TokenFailed("OAuth2TechnicalUserPropagation needs ProxyType OnPremise")
        return _bearer(await self._ask(case, {"grant_type": "client_credentials"}), TECHNICAL_HEADER)

    async def _password(self, case: Case) -> AuthToken:
        form = {"grant_type": "password", "username": case.get("User"), "password": case.get("Password")}
        return _bearer(await self._ask(case, form))

    async def _user_token_exchange(self, case: Case) -> AuthToken:
        url, bearer = _token_url(case), {"Authorization": f"Bearer {case.user.text}"}
        first = await self._post(url, {"grant_type": "user_token", "client_id": case.get("clientId")}, bearer)
        form = {"grant_type": "refresh_token", "refresh_token": str(first.get("refresh_token", ""))}
        return _bearer(await self._ask(case, form))

    async def _jwt_bearer(self, case: Case) -> AuthToken:
        form = {"grant_type": f"{_GRANT}jwt-bearer", "assertion": case.user.text, "response_type": "token"}
        return _bearer(await self._ask(case, form))

    async def _saml_bearer(self, case: Case) -> AuthToken:
        if case.get("SAMLAssertionProvider") == "ClientProvided":
            assertion = case.caller.needed("x-samlassertion")
        else:
            assertion = base64.urlsafe_b64encode(self._assertion(case)).rstrip(b"=").decode()
        return _bearer(await self._ask(case, {"grant_type": f"{_GRANT}saml2-bearer", "assertion": assertion}))

    async def _refresh_token(self, case: Case) -> AuthToken:
        form = {"grant_type": "refresh_token", "refresh_token": case.caller.needed("x-refresh-token")}
        return _bearer(await self._ask(case, form))

    async def _authorization_code(self, case: Case) -> AuthToken:
        headers = case.caller.headers
        form = {
            "grant_type": "authorization_code",
            "code": case.caller.needed("x-code"),
            "redirect_uri": headers.get("x-redirect-uri", ""),
            "code_verifier": headers.get("x-code-verifier", ""),
        }
        return _bearer(await self._ask(case, {name: value for name, value in form.items() if value}))

    async def _token_exchange(self, case: Case) -> AuthToken:
        form = {
            "grant_type": f"{_GRANT}token-exchange",
            "subject_token": case.caller.needed("x-subject-token"),
            "subject_token_type": case.caller.needed("x-subject-token-type"),
        }
        if case.caller.headers.get("x-actor-token"):
            form["actor_token"] = case.caller.headers["x-actor-token"]
            form["actor_token_type"] = case.caller.needed("x-actor-token-type")
        return _bearer(await self._ask(case, form))

    async def _saml_assertion(self, case: Case) -> AuthToken:
        return _auth_token("SAML2.0", base64.b64encode(self._assertion(case)).decode())

    async def _assertion_ticket(self, case: Case) -> AuthToken:
        ticket = base64.b64encode(f"{case.get('IssuerSID')}:{case.user.name}".encode()).decode()
        return {**_auth_token("MYSAPSSO2", ticket), "http_header": {"key": "Cookie", "value": f"MYSAPSSO2={ticket}"}}

    def _assertion(self, case: Case) -> bytes:
        name_format = case.get("nameIdFormat", NAME_ID_EMAIL)
        system_user = case.get("SystemUser")
        source = case.get("userIdSource", "email" if name_format == NAME_ID_EMAIL else "user_name")
        assertion = Assertion(
            issuer=self._issuer_of(case.caller.tenant),
            subject=system_user or str(case.user.claims.get(source, "")),
            audience=case.get("audience"),
            recipient=case.get("tokenServiceURL", case.get("URL")),
            name_id_format=name_format,
            authn_context=case.get("authnContextClassRef", "urn:none"),
        )
        return sign_assertion(assertion, self._key)

    async def _ask(self, case: Case, form: dict[str, str]) -> dict[str, Any]:
        """A call of the destination's token service as the destination's client. Raises TokenFailed."""
        headers = _prefixed(case.properties, "tokenServiceURL.headers.")
        if case.get("scope"):
            form["scope"] = case.get("scope")
        form |= _prefixed(case.properties, "tokenService.body.") | _client_assertion(case.caller)
        client_id, secret = case.get("clientId"), case.get("clientSecret")
        user, password = case.get("tokenServiceUser", client_id), case.get("tokenServicePassword", secret)
        if password:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if case.get("tokenService.addClientCredentialsInBody", "true") != "false":
            form |= {"client_id": client_id, **({"client_secret": secret} if secret else {})}
        return await self._post(_token_url(case), form, headers)

    async def _post(self, url: str, form: dict[str, str], headers: dict[str, str]) -> dict[str, Any]:
        try:
            answer = await self._client.post_form(url, form, headers)
        except Unreachable as unreachable:
            raise TokenFailed(f"Unable to fetch token: {unreachable}") from None
        body = answer.json()
        if answer.status != 200:
            reason = body.get("error_description") or body.get("error") or "no reason given"
            raise TokenFailed(f"Retrieval of OAuthToken failed due to: status {answer.status}, {reason}")
        return body


def _token_url(case: Case) -> str:
    """Where the token service is: `Dedicated` as it is, `Common` completed with the tenant. Raises FindRefused 400."""
    url = case.get("tokenServiceURL")
    if case.get("tokenServiceURLType", "Dedicated") == "Dedicated":
        if case.caller.headers.get("x-tenant"):
            raise FindRefused(400, "The header X-tenant is not allowed with tokenServiceURLType Dedicated")
    else:
        tenant = case.caller.token_tenant()
        if tenant is None:
            raise FindRefused(400, "The tenant is unknown: tokenServiceURLType Common needs a user token or X-tenant")
        url = _completed(url, tenant.subdomain)
    query = urlencode(_prefixed(case.properties, "tokenServiceURL.queries."))
    return url + (("&" if urlsplit(url).query else "?") + query if query else "")


def _completed(url: str, subdomain: str) -> str:
    if "{tenant}" in url:
        return url.replace("{tenant}", subdomain)
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{subdomain}.{rest}"


def _client_assertion(caller: Caller) -> dict[str, str]:
    assertion = caller.headers.get("x-client-assertion")
    if not assertion:
        return {}
    return {"client_assertion": assertion, "client_assertion_type": caller.needed("x-client-assertion-type")}


def _prefixed(properties: Properties, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in properties.items() if name.startswith(prefix)}


def _bearer(answer: dict[str, Any], header: str = "Authorization") -> AuthToken:
    token = _auth_token("Bearer", str(answer.get("access_token", "")), header)
    token["expires_in"] = str(answer.get("expires_in", ""))
    kept = ("scope", "refresh_token", "issued_token_type")
    return token | {name: answer[name] for name in kept if answer.get(name)}


def _auth_token(kind: str, value: str, header: str = "Authorization") -> AuthToken:
    return {"type": kind, "value": value, "http_header": {"key": header, "value": f"{kind} {value}"}}
