"""The HTML5 repository as a backend."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from app.backends.repository import DEFAULT_SECONDS, RepositoryBackends
from app.backends.resolver import BackendResolver
from app.composition.platform import repository_timeout
from app.destinations.resolver import DestinationResolver
from app.html5_repository.repository_tokens import RepositoryTokens
from app.principal import AnonymousCaller, UserCaller, UserPrincipal, UserToken
from app.routing.descriptor_options import OutgoingRequestOptions
from app.routing.reference import WHOLE_REPOSITORY, RepositoryReference
from app.transport.pool_key import DirectKey
from tests.destinations.platform_stub import jwt
from tests.html5_repository.repository_stub import PROVIDER, SUBSCRIBER, Tokens, repository_credentials

SHOP = RepositoryReference("shop-1.0.0", "h1,h2", "no-cache")


class ReadableTokens(Tokens):
    """Tokens that say when they end, as those of the platform do."""

    async def technical(self, *args: object) -> str:
        return jwt(exp=int(time.time()) + 600, text=await super().technical(*args))  # type: ignore[arg-type]


def backends(tokens: Tokens, uri: str = "https://repo.example/base/") -> BackendResolver:
    credentials = repository_credentials(uri)
    repository = RepositoryBackends(credentials, RepositoryTokens(credentials, tokens), timeout=7)
    return BackendResolver(DestinationResolver({}), repository=repository)


def somebody(name: str) -> UserCaller:
    principal = UserPrincipal(PROVIDER, "sap.default", name)
    return UserCaller(UserToken(principal, name, frozenset(), int(time.time()) + 60))


def test_files_of_an_application_are_below_its_name_and_version() -> None:
    backend = asyncio.run(backends(Tokens()).resolve(SHOP, AnonymousCaller(SUBSCRIBER)))
    assert (backend.key, backend.base) == (DirectKey("repo.example", 443, backend.key.tls), b"/base/shop-1.0.0")  # type: ignore[union-attr]
    assert backend.credentials == ((b"authorization", b"Bearer html5-globex-1"), (b"x-app-host-id", b"h1,h2"))
    assert backend.answer_headers == ((b"cache-control", b"no-cache"),)
    assert (backend.timeout, backend.forwarded_headers) == (7, False)


@pytest.mark.parametrize(("configured", "seconds"), [(None, DEFAULT_SECONDS), (0, math.inf), (1500, 1.5)])
def test_the_time_for_an_answer_is_what_is_configured_and_zero_is_without_limit(
    configured: int | None, seconds: float
) -> None:
    given = {} if configured is None else {"html5-apps-repo": {"timeout": configured}}
    timeout = repository_timeout(OutgoingRequestOptions.model_validate(given))
    tokens, credentials = Tokens(), repository_credentials("https://repo.example")
    repository = RepositoryBackends(credentials, RepositoryTokens(credentials, tokens), timeout)
    assert asyncio.run(repository.backend(SHOP, PROVIDER)).timeout == seconds


def test_the_whole_repository_has_no_hosts_and_takes_none_from_the_client() -> None:
    backend = asyncio.run(backends(Tokens()).resolve(WHOLE_REPOSITORY, AnonymousCaller(PROVIDER)))
    assert (backend.base, backend.answer_headers) == (b"/base", ())
    assert backend.replaced == {b"authorization", b"x-app-host-id"}


def test_users_of_a_tenant_share_a_backend() -> None:
    async def main() -> None:
        tokens = ReadableTokens()
        resolver = backends(tokens)
        first = await resolver.resolve(SHOP, somebody("anna"))
        assert await resolver.resolve(SHOP, somebody("bob")) is first
        assert await resolver.resolve(SHOP, AnonymousCaller(SUBSCRIBER)) is not first
        assert tokens.asked == ["acme", "globex"]
        assert 590 < first.expires_at - time.monotonic() <= 600
        resolver.forget(SHOP, first, somebody("bob"))
        assert (await resolver.resolve(SHOP, somebody("anna"))).credentials != first.credentials

    asyncio.run(main())


def test_an_address_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        backends(Tokens(), "repo.example")
