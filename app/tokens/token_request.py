"""One token request and its repetitions: who is asked how often, and what an answer means (protocols 2.2)."""

from __future__ import annotations

import asyncio
import logging
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode, urlsplit

from app.bindings.credentials import OAuthClient
from app.clients import PlatformClients
from app.errors import GatewayError
from app.tokens.authority import XSUAA, Authority
from app.tokens.token_response import TokenRefused, TokenResponse, parse_refusal, parse_success
from app.transport.connect_reason import advice_for, why
from app.transport.pool_key import ClientCertificate

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("gangway.tokens")

# A browser waits for the answer: two quick repetitions instead of the minutes a batch job could wait.
PAUSES = (0.3, 1.0)
LONGEST_PAUSE = 2.0
NOT_PROCESSED = frozenset({429, 503})
REPEATED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A form for a token endpoint. `repeatable` is False when the form holds something that is good for one use."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str]
    credentials: OAuthClient
    repeatable: bool = True
    authority: Authority = XSUAA

    def all_headers(self) -> dict[str, str]:
        """The headers with client authentication (RFC 6749, 2.3.1: both parts are form-encoded first)."""
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            **self.headers,
        }
        if not self.credentials.uses_certificate:
            pair = f"{quote_plus(self.credentials.client_id)}:{quote_plus(self.credentials.secret)}"
            headers["authorization"] = "Basic " + b64encode(pair.encode()).decode()
        return headers


def client_of(clients: PlatformClients, credentials: OAuthClient, authority: Authority = XSUAA) -> httpx.AsyncClient:
    """The HTTP client that shows the certificate of these credentials, if they have one. Raises `TokenRefused`."""
    if not credentials.uses_certificate:
        return clients.get(service=authority.service)
    try:
        return clients.get(ClientCertificate(credentials.certificate, credentials.key), authority.service)
    except ssl.SSLError:
        message = "the binding's certificate or key is unusable"
        raise TokenRefused("invalid_client", message, authority) from None


async def send(client: httpx.AsyncClient, request: TokenRequest) -> TokenResponse:
    """Ask until there is an answer or patience ends. Raises `TokenRefused`, or that the authority is unavailable."""
    body, headers = urlencode(request.form).encode(), request.all_headers()
    attempt = await _attempt(client, request, body, headers)
    for pause in PAUSES:
        if isinstance(attempt, TokenResponse) or not attempt.again:
            break
        await asyncio.sleep(min(attempt.after or pause, LONGEST_PAUSE))
        attempt = await _attempt(client, request, body, headers)
    if isinstance(attempt, TokenResponse):
        return attempt
    fields = {"reason": attempt.reason, "server": urlsplit(request.url).netloc}
    log.warning("token request failed: %s", attempt.reason, extra={"fields": fields})
    raise GatewayError(request.authority.unavailable, attempt.reason, advice=attempt.advice)


@dataclass(frozen=True, slots=True)
class _Failed:
    reason: str
    again: bool
    after: float = 0.0
    advice: str = ""


async def _attempt(
    client: httpx.AsyncClient, request: TokenRequest, body: bytes, headers: dict[str, str]
) -> TokenResponse | _Failed:
    import httpx

    try:
        reply = await client.post(request.url, content=body, headers=headers)
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        return _Failed("no connection to the token service in time", again=True)
    except httpx.ConnectError as error:
        return _Failed(f"no connection to the token service{why(error)}", again=True, advice=advice_for(error))
    except httpx.TimeoutException:
        return _Failed("the token service did not answer in time", again=request.repeatable)
    except httpx.InvalidURL:
        return _Failed("the token service's address is malformed", again=False)
    except (httpx.HTTPError, ssl.SSLError) as error:  # a certificate of ours that is refused: in the first read only
        return _Failed(f"the token service broke off{why(error)}", again=request.repeatable)
    if reply.status_code == 200:
        return parse_success(_json(reply), request.authority)
    if reply.status_code in REPEATED:
        again = request.repeatable or reply.status_code in NOT_PROCESSED
        return _Failed(f"the token service answered {reply.status_code}", again, _retry_after(reply))
    refused: TokenRefused = parse_refusal(reply.status_code, _json(reply), request.authority)
    raise refused


def _json(reply: httpx.Response) -> object:
    try:
        value: object = reply.json()
    except ValueError:  # also what is no UTF-8
        return None
    return value


def _retry_after(reply: httpx.Response) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
