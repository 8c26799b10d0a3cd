"""Callbacks about subscriptions (protocols 6.2): which services a subscriber needs, and where the subscriber finds us.

There is nothing to set up for a tenant and nothing to tear down: tokens and destinations are asked for in its name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.answer import Answer, Headers
from app.errors import Failure, GatewayError
from app.login.tenant import TenantResolver
from app.request_body import Receive, read_body
from app.request_head import RequestHead
from app.subscriptions.callers import Guard
from app.subscriptions.dependencies import Dependency
from app.subscriptions.services import Kind, SubscriptionService

log = logging.getLogger("gangway.subscriptions")

APPLICATION_URL = "application.url"
MACHINE_LABELS = frozenset({"cert", "internal", "mesh"})
MAX_FIELDS = 20
_JSON: Headers = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_PLAIN: Headers = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who subscribes."""

    tenant_id: str
    subdomain: str


class SubscriptionCallbacks:
    """Answers the callbacks of the services that are bound, each behind its guard, with its `dependencies`."""

    def __init__(
        self,
        services: Mapping[Kind, tuple[SubscriptionService, Guard]],
        dependencies: Mapping[Kind, Sequence[Dependency]],
        tenants: TenantResolver,
    ) -> None:
        self._services = services
        self._dependencies = {kind: json.dumps(found).encode() for kind, found in dependencies.items()}
        self._tenants = tenants

    def owns(self, path: str) -> bool:
        """Whether a path is that of a callback."""
        paths = (each for service, _ in self._services.values() for each in (service.dependencies, service.tenants))
        return any(each.tenant_id(path) is not None for each in paths if each is not None)

    async def answer(self, head: RequestHead, receive: Receive) -> Answer | None:
        """The answer to a callback; None for any other request.

        Raises what the guard raises, `METHOD_NOT_ALLOWED`, and `BAD_REQUEST` for a subscriber we cannot make out.
        """
        for kind, (service, guard) in self._services.items():
            if service.dependencies is not None and service.dependencies.tenant_id(head.path) is not None:
                _check_method(head, "GET")
                await guard.check(head)
                return Answer(200, _JSON, self._dependencies[kind])
            tenant_id = service.tenants.tenant_id(head.path) if service.tenants is not None else None
            if tenant_id is not None:
                _check_method(head, "PUT", "DELETE")
                await guard.check(head)
                return await self._subscription(kind, tenant_id, head, receive)
        return None

    async def _subscription(self, kind: Kind, tenant_id: str, head: RequestHead, receive: Receive) -> Answer:
        if head.method == "DELETE":
            log.info("tenant unsubscribed", extra={"fields": {"tenant_id": tenant_id}})
            return Answer(200, _PLAIN)
        subscriber = parse_subscriber(kind, await read_body(receive))
        if subscriber.tenant_id != tenant_id:
            raise _bad("body and address name different tenants")
        url = self._url_for(subscriber, head)
        log.info("tenant subscribed", extra={"fields": {"tenant_id": tenant_id, "subdomain": subscriber.subdomain}})
        if kind is Kind.MANAGER:
            return Answer(200, _JSON, json.dumps({"applicationUrl": url}).encode())
        return Answer(200, _PLAIN, url.encode())

    def _url_for(self, subscriber: Subscriber, head: RequestHead) -> str:
        """The provider's address, as the query or else this request has it, with the subscriber's name in it."""
        try:
            given = parse_qs(head.query, max_num_fields=MAX_FIELDS).get(APPLICATION_URL, [""])[0]
            parts = urlsplit(given or _for_people(self._tenants.public_origin(head)))
        except ValueError:
            raise _bad(f"{APPLICATION_URL} is malformed") from None
        if parts.scheme not in ("https", "http"):
            raise _bad(f"{APPLICATION_URL} is no web address")
        return parts._replace(netloc=self._tenants.host_of(subscriber.subdomain, parts.netloc)).geturl()


def parse_subscriber(kind: Kind, body: bytes) -> Subscriber:
    """Read the body of a subscription, in the form of either service. Raises `BAD_REQUEST`."""
    try:
        document: Any = json.loads(body)
        if kind is Kind.MANAGER:
            document = document["subscriber"]
            found = (document["app_tid"], document["subaccountSubdomain"])
        else:
            found = (document["subscribedTenantId"], document["subscribedSubdomain"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _bad("the body does not name the subscriber") from None
    if not all(isinstance(text, str) for text in found):
        raise _bad("the body does not name the subscriber")
    return Subscriber(*found)


def _for_people(origin: str) -> str:
    """An origin without the labels of hosts that only programs call."""
    scheme, _, host = origin.partition("://")
    first, *rest = host.split(".")
    return f"{scheme}://{'.'.join([first, *(label for label in rest if label not in MACHINE_LABELS)])}"


def _check_method(head: RequestHead, *allowed: str) -> None:
    if head.method not in allowed:
        raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", ", ".join(allowed).encode()),))


def _bad(detail: str) -> GatewayError:
    return GatewayError(Failure.BAD_REQUEST, detail)
