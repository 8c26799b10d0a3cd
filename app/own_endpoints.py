"""Addresses we answer ourselves, without login and before routes are looked at: `whitelistService` (who may frame our
pages) and `pluginMetadataEndpoint` (the plugins). Found by exact path.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qs

from app.answer import Answer, Headers
from app.errors import Failure, GatewayError
from app.guards.origins import OriginRule, parse_origin
from app.request_head import RequestHead

Endpoint = Callable[[RequestHead], Answer]

_JSON: Headers = (
    (b"content-type", b"application/json; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_ALLOW: Headers = ((b"allow", b"GET, HEAD"),)
_MAX_FIELDS = 100


class OwnEndpoints:
    """Handlers by path. They serve GET and HEAD."""

    def __init__(self, handlers: Mapping[str, Endpoint] | None = None) -> None:
        self._handlers = dict(handlers or {})

    def owns(self, path: str) -> bool:
        """Whether this is one of the paths."""
        return path in self._handlers

    def answer(self, head: RequestHead) -> Answer | None:
        """The answer to a request for one of the paths; None for any other. Raises METHOD_NOT_ALLOWED."""
        handler = self._handlers.get(head.path)
        if handler is None:
            return None
        if head.method not in {"GET", "HEAD"}:
            raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=_ALLOW)
        return handler(head)


def allowlist(rules: Sequence[OriginRule] | None) -> Endpoint:
    """The service that UI libraries ask whether a page may frame ours (reference, "Allowlist Service").

    `rules` are those of `CJ_PROTECT_WHITELIST`; None when the variable is not set: then the service is inactive.
    """

    def answer(head: RequestHead) -> Answer:
        if rules is None:
            return _json({"version": "1.0", "active": False, "framing": True})
        text = _parent_origin(head.query)
        origin = parse_origin(text)
        framing = origin is not None and any(rule.matches(origin) for rule in rules)
        return _json({"version": "1.0", "active": True, "origin": text, "framing": framing})

    return answer


def plugin_metadata(plugins: str) -> Endpoint:
    """Tells the plugins as they are configured; `plugins` is the JSON of the variable."""
    answer = Answer(200, _JSON, json.dumps(json.loads(plugins), indent=2).encode())
    return lambda _: answer


def _parent_origin(query: str) -> str:
    """The parameter `parentOrigin`; the text `null` when it is absent, ambiguous or unreadable, as in the reference."""
    try:
        values = parse_qs(query, max_num_fields=_MAX_FIELDS).get("parentOrigin", [])
    except ValueError:
        return "null"
    return values[0] if len(values) == 1 else "null"


def _json(document: Mapping[str, object]) -> Answer:
    return Answer(200, _JSON, json.dumps(document).encode())
