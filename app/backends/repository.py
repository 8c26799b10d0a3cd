"""The HTML5 application repository as a backend: files of applications flow through the transport like any answer."""

from __future__ import annotations

from dataclasses import replace

from app.answer import Headers
from app.backends.backend import Backend
from app.backends.direct import direct_backend
from app.backends.outgoing import bearer, token_end
from app.bindings.credentials import RepositoryCredentials
from app.destination_url import DestinationUrl, parse_url
from app.destinations.destination import Destination
from app.html5_repository.repository_client import APP_HOSTS_HEADER
from app.html5_repository.repository_tokens import RepositoryTokens
from app.principal import AnonymousCaller, Tenant
from app.routing.reference import HTML5_REPOSITORY, RepositoryReference

DEFAULT_SECONDS = 30.0
_APP_HOSTS = APP_HOSTS_HEADER.encode()


class RepositoryBackends:
    """Prepares backends for the files of applications. `timeout` in seconds until the first byte, `math.inf` for no
    limit, None for the default.

    Raises ValueError for a binding whose `uri` is no address.
    """

    def __init__(
        self, credentials: RepositoryCredentials, tokens: RepositoryTokens, timeout: float | None = None
    ) -> None:
        self._tokens = tokens
        self._destination = Destination(
            HTML5_REPOSITORY,
            parse_url(credentials.uri),
            timeout=DEFAULT_SECONDS if timeout is None else timeout,
            forwarded_headers=False,
        )

    async def backend(self, reference: RepositoryReference, tenant: Tenant) -> Backend:
        """How files are read on behalf of a tenant. Raises what fetching a token raises."""
        token = await self._tokens.token(tenant)
        credentials: Headers = ((b"authorization", bearer(token)),)
        if reference.app_hosts:
            credentials += ((_APP_HOSTS, reference.app_hosts.encode("ascii")),)
        destination = replace(self._destination, url=self._url(reference), credentials=credentials)
        cache_control = reference.cache_control.encode("latin-1")
        return replace(
            direct_backend(destination, AnonymousCaller(tenant), token_end(token)),
            dropped=frozenset({_APP_HOSTS}),
            answer_headers=((b"cache-control", cache_control),) if cache_control else (),
        )

    def forget(self, tenant: Tenant) -> None:
        """Drop a token that the repository refused."""
        self._tokens.forget(tenant)

    def _url(self, reference: RepositoryReference) -> DestinationUrl:
        url = self._destination.url
        return replace(url, path=f"{url.path}/{reference.app}") if reference.app else url
