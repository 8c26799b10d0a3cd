"""What one request adds of its own on its way through: cookies, correlation, statistics, in both directions."""

from __future__ import annotations

from collections.abc import Mapping

from app.answer import Headers
from app.backends.backend import Backend
from app.cache_control import CACHE_CONTROL, PRIVATE, make_private
from app.forwarding.client_response import COOKIE, shape_headers
from app.forwarding.headers import HeaderList
from app.forwarding.outbound_request import Outbound
from app.forwarding.websocket import UPGRADE
from app.guards.cors import ruled
from app.guards.csrf import HEADER as TOKEN
from app.guards.csrf import is_foreign_change
from app.http_date import DATE, date_header
from app.observability.correlation import REQUEST_ID, forwarded_headers, returned_headers
from app.principal import Tenant
from app.request_head import RequestHead
from app.response_headers import ResponsePolicy
from app.routing.route_table import Match
from app.sessions.backend_cookies import BackendCookies, CookieSite, cookies_for_client
from app.sessions.visitor import Visitor
from app.sign_in import SignIn
from app.visit import STATISTICS, Visit

_CSRF_TOKEN = frozenset((TOKEN,))
_PERSONAL = frozenset((TOKEN, COOKIE))
_NOTHING: frozenset[bytes] = frozenset()
_CHUNKED: Headers = ((b"transfer-encoding", b"chunked"),)
_WITH_STATISTICS: Headers = ((STATISTICS, b"true"),)


class Passing:
    """One request between a client and a backend."""

    __slots__ = ("_backend", "_head", "_match", "_own", "_policy", "_sign_in", "_tenant", "_visit", "_visitor")

    def __init__(
        self, sign_in: SignIn, policy: ResponsePolicy, match: Match, backend: Backend, head: RequestHead,
        tenant: Tenant, visitor: Visitor | None, own: Headers, visit: Visit,
    ) -> None:  # fmt: skip
        self._sign_in = sign_in
        self._policy = policy
        self._match = match
        self._backend = backend
        self._head = head
        self._tenant = tenant
        self._visitor = visitor
        self._own = own
        self._visit = visit

    def outbound(self, upgrade: bool) -> Outbound:
        """What the backend gets besides the client's headers and the destination's."""
        route = self._match.route
        extra = forwarded_headers(self._visit.correlation_id, self._head.first.get(REQUEST_ID))
        if b"transfer-encoding" in self._head.first:
            extra += _CHUNKED
        if STATISTICS not in self._head.first and self._visit.wants_statistics(self._head):
            extra += _WITH_STATISTICS
        if upgrade:
            extra += UPGRADE
        # Where we check CSRF tokens, the client's is ours and no business of the backend.
        checked = route.csrf and self._visitor is not None and not self._visitor.csrf_exempt
        dropped = _CSRF_TOKEN if checked else _NOTHING
        return Outbound(self._cookie(), keep_authorization=route.is_public, dropped=dropped, extra=extra)

    def _cookie(self) -> bytes:
        cookie: bytes | None = None
        if b"cookie" in self._head.first:
            lines = [value for name, value in self._head.headers if name == b"cookie"]
            cookie = self._sign_in.cookies.strip_own_cookies(b"; ".join(lines))
        if self._visitor is not None or cookie is not None:
            kept = self._kept_cookies()
            cookie = kept.header(self._site(), cookie) if len(kept) else cookie
        return cookie or b""

    def _kept_cookies(self) -> BackendCookies:
        """Cookies of backends: those of the caller, or what somebody whom we do not know carries."""
        if self._visitor is not None:
            return self._visitor.backend_cookies
        return self._sign_in.carried(self._head, self._tenant)

    def _site(self) -> CookieSite:
        return CookieSite.of(self._backend, self._match.target)

    async def shape(self, status: int, headers: HeaderList) -> HeaderList:
        """The client's headers for an answer of the backend."""
        names = dict(headers)
        own = self._own
        if TOKEN in names and self._match.route.is_public:  # the backend's token is the one its page needs
            own = tuple(pair for pair in own if pair[0] != TOKEN)
        if self._visit.wants_statistics(self._head):
            own += self._visit.statistics()
        if self._backend.answer_headers and status < 400:
            own += self._backend.answer_headers
        if COOKIE in names:
            own += await self._cookies_for_client([value for name, value in headers if name == COOKIE])
        shaped = shape_headers(status, headers, names, own)
        if self._visit.cross_origin:
            shaped = ruled(shaped, self._visit.cross_origin)
        shaped += [pair for pair in returned_headers(self._visit.correlation_id) if pair[0] not in names]
        if DATE not in names:
            shaped.append(date_header())
        shaped += self._policy.framed_by(self._visit.frame_ancestors).missing_from(shaped)
        if self._visitor is not None or own:
            self._keep_from_others(shaped, names, own)
        return shaped

    def _keep_from_others(self, shaped: HeaderList, names: Mapping[bytes, bytes], own: Headers) -> None:
        """Shared caches do not keep a user's answers (attack 73), but where somebody says so of what is behind a login;
        never with headers that are the user's own, nor what a public route answers to somebody known.
        """
        given = {name for name, _ in own} if own else _NOTHING
        if not _PERSONAL.isdisjoint(given) or (self._visitor is not None and self._match.route.is_public):
            make_private(shaped)
        elif not (
            self._visitor is None or CACHE_CONTROL in names or CACHE_CONTROL in given or self._policy.rules_caches
        ):
            shaped.append(PRIVATE)

    async def _cookies_for_client(self, lines: list[bytes]) -> Headers:
        """Session cookies of the backend stay with the caller's, the others go to the client;
        `setBackendSessionCookies` lets all go but those of our own names.
        """
        to_browser, is_own = self._match.route.set_backend_session_cookies, self._sign_in.cookies.is_own
        passed = tuple((COOKIE, line) for line in cookies_for_client(lines, is_own, to_browser))
        kept = self._kept_cookies()
        if not kept.absorb(self._site(), lines, is_own, only_reserved=to_browser):
            return passed
        if self._visitor is not None:
            return passed + await self._sign_in.cookies_changed(self._head, self._visitor)
        if is_foreign_change(self._head, self._visit.cross_origin):  # its session cookie stayed behind: it has one
            return passed
        return passed + self._sign_in.carry(self._head, self._tenant, kept)
