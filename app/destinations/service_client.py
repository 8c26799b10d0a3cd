"""The find API of the destination service, version 1 (protocols 4.2): one call, its headers and its failures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from app.bindings.credentials import DestinationCredentials
from app.clients import PlatformClients
from app.destinations.find_answer import FindAnswer
from app.destinations.find_plan import FindPlan
from app.destinations.token_source import TokenSource
from app.errors import Failure, GatewayError
from app.platform_service import Service
from app.tokens.token_response import sanitized
from app.transport.connect_reason import advice_for, why

if TYPE_CHECKING:
    import httpx

NAME = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,200}")
_PAUSES = (0.1, 0.2, 0.4)  # seconds before another attempt; growing from 100 ms as the platform advises
_TIMEOUTS = (3.0, 15.0, 5.0, 5.0)  # seconds to connect, read, write, and wait for a connection
_SUBJECT_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - RFC 8693, 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """The service answered 400: a header that this destination wants is missing, or one is too many."""

    message: str


class DestinationService:
    """Asks the destination service. `pause` waits between attempts."""

    def __init__(
        self,
        clients: PlatformClients,
        credentials: DestinationCredentials,
        tokens: TokenSource,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.credentials = credentials
        self._clients = clients
        self._tokens = tokens
        self._pause = pause

    async def find(self, name: str, plan: FindPlan, skip_tokens: bool = False) -> FindAnswer | Refusal | None:
        """The destination as the plan's tenant has it, or None where it has none of this name.

        `skip_tokens` asks for the configuration alone. Raises DESTINATION_SERVICE_REFUSED when the service does not
        accept our token or request, DESTINATION_SERVICE_UNAVAILABLE after a few short attempts, and what fetching
        our token raises.
        """
        if not NAME.fullmatch(name):
            return None
        path = f"/destination-configuration/v1/destinations/{name}"
        response = await self._authorized(path + ("?$skipTokenRetrieval=true" if skip_tokens else ""), plan)
        if response.status_code == 404:
            return None
        if response.status_code == 400:
            return Refusal(_message(response))
        if response.status_code != 200:
            raise refused(name, f"answered {response.status_code}. {_message(response)}")
        return _parse(name, response)

    async def _authorized(self, path: str, plan: FindPlan) -> httpx.Response:
        """The answer to the call; a refused token is dropped and the call made once more with another."""
        token = await self._tokens.technical(self.credentials, plan.tenant)
        response = await self._persistent(path, plan, token)
        if response.status_code != 401:
            return response
        self._tokens.forget_technical(self.credentials, plan.tenant)
        return await self._persistent(path, plan, await self._tokens.technical(self.credentials, plan.tenant))

    async def _persistent(self, path: str, plan: FindPlan, token: str) -> httpx.Response:
        """The first answer that is neither 429 nor 5xx, within a few attempts; only short waits are worth it."""
        for seconds in (*_PAUSES, None):
            outcome = await self._attempt(path, plan, token)
            if not isinstance(outcome, GatewayError):
                return outcome
            if seconds is None or outcome.headers:
                raise outcome
            await self._pause(seconds)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, path: str, plan: FindPlan, token: str) -> httpx.Response | GatewayError:
        """One call; the failure where another attempt may do better. A slow service is not asked again."""
        import httpx

        url = self.credentials.uri.rstrip("/") + path
        try:
            timeouts = self._clients.timeout(Service.DESTINATION) or _TIMEOUTS
            response = await self._clients.get().get(url, headers=_headers(plan, token), timeout=timeouts)
        except httpx.TimeoutException:
            raise _unavailable("did not answer in time") from None
        except httpx.HTTPError as error:
            return _unavailable(f"cannot be reached{why(error)}", advice=advice_for(error))
        if response.status_code != 429 and response.status_code < 500:
            return response
        return _unavailable(f"answered {response.status_code}", response.headers.get("retry-after", ""))


def refused(name: str, what: str) -> GatewayError:
    """The failure of a find that the service does not accept."""
    return GatewayError(Failure.DESTINATION_SERVICE_REFUSED, f"Destination '{name}': the service {what}".rstrip())


def _unavailable(what: str, retry_after: str = "", advice: str = "") -> GatewayError:
    headers = ((b"retry-after", retry_after.encode()),) if retry_after.isdecimal() else ()
    return GatewayError(Failure.DESTINATION_SERVICE_UNAVAILABLE, f"The service {what}.", headers, advice=advice)


def _headers(plan: FindPlan, token: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    if plan.user is not None:
        headers["X-user-token"] = plan.user.value
    elif plan.x_tenant:
        headers["X-tenant"] = plan.x_tenant
    if plan.subject is not None:
        headers["X-subject-token"] = plan.subject.value
        headers["X-subject-token-type"] = _SUBJECT_TOKEN_TYPE
    return headers


def _parse(name: str, response: httpx.Response) -> FindAnswer:
    try:
        return FindAnswer.model_validate_json(response.content)
    except ValidationError:
        raise _unavailable(f"gave a malformed answer for destination '{name}'") from None


def _message(response: httpx.Response) -> str:
    """The service's own words, made fit to show: `ErrorMessage` where the body is JSON, else the plain text."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    return sanitized(body.get("ErrorMessage") if isinstance(body, dict) else body)
