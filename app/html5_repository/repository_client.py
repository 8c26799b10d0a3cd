"""The one call the HTML5 application repository gets for itself: the xs-app.json of an application (protocols 6.1)."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from app.bindings.credentials import RepositoryCredentials
from app.clients import PlatformClients
from app.errors import Failure, GatewayError
from app.html5_repository.repository_tokens import RepositoryTokens
from app.principal import Tenant
from app.transport.connect_reason import advice_for, why

if TYPE_CHECKING:
    import httpx

log = logging.getLogger("gangway.html5_repository")

APP_HOSTS_HEADER = "x-app-host-id"
MAX_DESCRIPTOR = 1 << 20
_INVALID_HOSTS_HEADER = "x-invalid-app-host-id"
_CONNECT_SECONDS = 3.0
_DEFAULT_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class AppKey:
    """Names an application as a tenant sees it: by the `segment` of its address (see `AppAddress.name`).

    `app` is name and version as the repository takes them, `app_hosts` are the app-host ids it is looked for in.
    """

    tenant: Tenant
    segment: str
    app: str
    app_hosts: str = ""


class Absence(Enum):
    """Why there is no xs-app.json."""

    NO_SUCH_APP = "no such application"
    NONE_TO_BE_HAD = "none, or the repository is down"
    """503: what the repository answers for applications that it does not have, and the platform in its stead."""


class RepositoryClient:
    """Asks the repository. `timeout` in seconds, `math.inf` for no limit, None for the default."""

    def __init__(
        self,
        clients: PlatformClients,
        credentials: RepositoryCredentials,
        tokens: RepositoryTokens,
        timeout: float | None = None,
    ) -> None:
        self._clients = clients
        self._uri = credentials.uri.rstrip("/")
        self._tokens = tokens
        self._timeout = _DEFAULT_SECONDS if timeout is None else timeout

    async def descriptor(self, key: AppKey) -> str | Absence:
        """The text of an application's xs-app.json.

        Raises HTML5_APP_UNUSABLE for an application without one, or with one beyond `MAX_DESCRIPTOR` bytes,
        HTML5_REPOSITORY_REFUSED, HTML5_REPOSITORY_UNAVAILABLE, and what fetching a token raises.
        """
        response = await self._authorized("GET", f"/{key.app}/xs-app.json", key)
        if response.status_code == 200:
            if len(response.content) > MAX_DESCRIPTOR:
                raise unusable(key, "its xs-app.json is too large")
            return response.content.decode("utf-8", "replace")
        if response.status_code == 503:
            return Absence.NONE_TO_BE_HAD
        if response.status_code != 404:
            raise _failure(response.status_code)
        if (await self._authorized("HEAD", f"/{key.app}/manifest.json", key)).status_code == 200:
            raise unusable(key, "it has no xs-app.json")
        return Absence.NO_SUCH_APP

    async def _authorized(self, method: str, path: str, key: AppKey) -> httpx.Response:
        """The answer to a call; a refused token is dropped, and the call made once more with another."""
        response = await self._call(method, path, key)
        if response.status_code == 401:
            self._tokens.forget(key.tenant)
            response = await self._call(method, path, key)
        if _INVALID_HOSTS_HEADER in response.headers:
            log.warning("the repository does not know all app-host ids that application '%s' is looked for in", key.app)
        return response

    async def _call(self, method: str, path: str, key: AppKey) -> httpx.Response:
        import httpx

        token = await self._tokens.token(key.tenant)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if key.app_hosts:
            headers[APP_HOSTS_HEADER] = key.app_hosts
        limit = None if math.isinf(self._timeout) else self._timeout
        timeout = httpx.Timeout(limit, connect=min(_CONNECT_SECONDS, self._timeout))
        try:
            return await self._clients.get().request(method, self._uri + path, headers=headers, timeout=timeout)
        except httpx.TimeoutException:
            raise unavailable("did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unavailable(f"cannot be reached{why(error)}", advice_for(error)) from None


def unusable(key: AppKey, reason: str) -> GatewayError:
    """The failure of an application that cannot be served as it is."""
    return GatewayError(Failure.HTML5_APP_UNUSABLE, f"HTML5 application '{key.app}': {reason}.")


def unavailable(what: str, advice: str = "") -> GatewayError:
    """The failure of a repository that gives no answer."""
    return GatewayError(Failure.HTML5_REPOSITORY_UNAVAILABLE, f"The repository {what}.", advice=advice)


def _failure(status: int) -> GatewayError:
    if status == 429 or status >= 500:
        return unavailable(f"answered {status}")
    return GatewayError(Failure.HTML5_REPOSITORY_REFUSED, f"The repository answered {status}.")
