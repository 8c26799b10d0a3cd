"""Logouts that the identity service reports (OpenID Connect Back-Channel Logout 1.0; protocols 3.4)."""

from __future__ import annotations

import json
import logging
from urllib.parse import parse_qs

from app.answer import Answer, Headers
from app.errors import Failure, GatewayError
from app.identity_service.verifier import LOGOUT_MEMORY, IdentityVerifier
from app.request_body import Receive, read_body
from app.request_head import RequestHead
from app.sessions.manager import SessionManager
from app.sessions.session import Session
from app.tokens.expiring_map import ExpiringMap

log = logging.getLogger("gangway.login")

MAX_BODY = 32 * 1024
MAX_FIELDS = 10
MAX_REMEMBERED = 10_000
_NO_STORE: Headers = ((b"cache-control", b"no-store"),)


class BackChannelLogout:
    """Answers the endpoint (`logout.backChannelLogoutEndpoint`). The call carries no cookie: it names the login."""

    def __init__(self, path: str, verifier: IdentityVerifier, sessions: SessionManager) -> None:
        self.path = path
        self._verifier = verifier
        self._sessions = sessions
        self._done: ExpiringMap[str, bool] = ExpiringMap(MAX_REMEMBERED)

    async def handle(self, head: RequestHead, receive: Receive) -> tuple[Answer, list[Session]]:
        """End the sessions of the login that has ended: the answer, and what has been ended.

        200 also where there was none; 400 with the reason for what is no valid, fresh and new logout token. Raises
        METHOD_NOT_ALLOWED; IDENTITY_UNAVAILABLE (no keys), TOO_MANY_UNKNOWN and STORE_UNAVAILABLE: the service may try
        again then.
        """
        if head.method != "POST":
            raise GatewayError(Failure.METHOD_NOT_ALLOWED, headers=((b"allow", b"POST"),))
        try:
            ended = await self._verifier.verify_logout(_logout_token(await read_body(receive, MAX_BODY)))
            if self._done.get(ended.token_id):
                raise GatewayError(Failure.TOKEN_REFUSED, "the logout token was used before")
        except GatewayError as error:
            if error.failure not in (Failure.TOKEN_REFUSED, Failure.BAD_REQUEST):
                raise
            log.warning("logout token refused", extra={"fields": {"reason": error.detail}})
            return _refused(error.detail), []
        sessions = await self._sessions.end_logins(ended.names, ended.is_one)
        self._done.put(ended.token_id, True, LOGOUT_MEMORY)
        log.info("logged out by the identity service", extra={"fields": {"sessions": len(sessions)}})
        return Answer(200, _NO_STORE), sessions


def _logout_token(body: bytes) -> str:
    try:
        found = parse_qs(body.decode("ascii"), max_num_fields=MAX_FIELDS).get("logout_token", [])
    except ValueError:  # no text, or too many fields
        found = []
    if len(found) != 1:
        raise GatewayError(Failure.BAD_REQUEST, "there is no logout_token")
    return found[0]


def _refused(reason: str) -> Answer:
    body = {"error": "invalid_request", "error_description": reason}
    return Answer(400, ((b"content-type", b"application/json"), *_NO_STORE), json.dumps(body).encode())
