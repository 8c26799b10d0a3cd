"""Access tokens fetched once and kept while they live, whatever names them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from app.tokens.expiring_map import ExpiringMap
from app.tokens.single_flight import SingleFlight
from app.tokens.token_response import TokenResponse

MARGIN_SECONDS = 60

Key = TypeVar("Key", bound=Hashable)


class TokenKeeper(Generic[Key]):
    """At most `limit` tokens; many who want the same one at the same time cause one request."""

    def __init__(self, limit: int) -> None:
        self._tokens: ExpiringMap[Key, str] = ExpiringMap(limit)
        self._fetching: SingleFlight[Key, str] = SingleFlight()

    async def get(self, key: Key, fetch: Callable[[], Coroutine[Any, Any, TokenResponse]]) -> str:
        """The token of this name, fetched where there is none. Raises what `fetch` raises."""
        token = self._tokens.get(key)
        if token is not None:
            return token
        return await self._fetching.run(key, lambda: self._fetch(key, fetch))

    def discard(self, key: Key) -> None:
        """Forget a token that was refused."""
        self._tokens.discard(key)

    async def _fetch(self, key: Key, fetch: Callable[[], Coroutine[Any, Any, TokenResponse]]) -> str:
        response = await fetch()
        margin = min(MARGIN_SECONDS, response.expires_in / 5)  # short-lived tokens are kept for most of their life
        self._tokens.put(key, response.access_token, response.expires_in - margin)
        return response.access_token
