"""S/4HANA Cloud: an OData V4 service below `/sap/opu/odata4/sap/api_shop/…` for a bearer token or Basic.

The user is the token's; a communication user comes with Basic. Changes want an `x-csrf-token` of the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.landscape.asgi_exchange import (
    BodyTooLarge,
    ClientGone,
    Receive,
    Scope,
    Send,
    WebRequest,
    read_request,
    send_answer,
    send_json,
)
from app.landscape.basic_users import basic_user
from app.landscape.faults import Faults, FaultyStation
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.odata_exchange import ODataAnswer, service_request
from app.landscape.odata_schema import ODataError
from app.landscape.odata_store import Store
from app.landscape.odata_v4 import ODataV4Service, error_answer
from app.landscape.sap_session import SapSessions, may_change
from app.landscape.served import Served
from app.landscape.server import AppServer
from app.landscape.shop_data import shop_rows, shop_schema
from app.landscape.token_principal import Validate, application_principal, is_user_token, user_principal

SERVICE = "/sap/opu/odata4/sap/api_shop/srvd_a2x/sap/shop/0001"
WHO_AM_I = "/sap/bc/rest/whoami"


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who calls, and how that was shown."""

    name: str = ""
    by: str = "nobody"


class S4Cloud(Served):
    """The system as a station: `start`, `port`, `stop`.

    `validate` checks bearer tokens; `users` name -> password of communication users for Basic.
    """

    def __init__(
        self,
        *,
        validate: Validate,
        journal: Journal,
        faults: Faults,
        users: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.store = Store(shop_schema("com.sap.shop"), shop_rows("CB9980000000"))
        self._service = ODataV4Service(self.store)
        self._sessions = SapSessions("SAP_SESSIONID_S4C_100")
        self._validate = validate
        self._users = dict(users or {})
        self._journal = journal
        self._server = AppServer(FaultyStation(self._serve, Station.S4_CLOUD, faults), port=port)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await read_request(scope, receive)
        except ClientGone:
            return
        except BodyTooLarge:
            return await send_answer(send, 413, [], b"")
        caller = await self._caller(request)
        self._note(request, caller)
        if not caller.name:
            challenge = [("www-authenticate", "Bearer"), ("www-authenticate", 'Basic realm="S4C"')]
            return await send_answer(send, 401, [*challenge, ("content-type", "text/plain")], b"Unauthorized")
        if request.path == WHO_AM_I:
            return await send_json(send, 200, {"user": caller.name, "by": caller.by})
        await self._serve_odata(request, caller.name, send)

    async def _caller(self, request: WebRequest) -> _Caller:
        authorization = request.headers.get("authorization", "")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            name = basic_user(authorization, self._users)
            return _Caller(name, "basic") if name else _Caller()
        try:
            claims = await self._validate(token.strip())
            principal = user_principal(claims) if is_user_token(claims) else application_principal(claims)
        except ValueError:
            return _Caller()
        return _Caller(principal.name, f"bearer-{principal.kind}")

    def _note(self, request: WebRequest, caller: _Caller) -> None:
        self._journal.record(
            Station.S4_CLOUD,
            "request",
            correlation_id=correlation_id(request.headers),
            principal=caller.name,
            method=request.method,
            path=request.path,
            by=caller.by,
        )

    async def _serve_odata(self, request: WebRequest, user: str, send: Send) -> None:
        session = self._sessions.find(request.headers.get("cookie", ""), user)
        token = request.headers.get("x-csrf-token", "")
        headers: list[tuple[str, str]] = []
        if not may_change(session, request.method, token):
            text = b"CSRF token validation failed"
            return await send_answer(send, 403, [("x-csrf-token", "Required"), ("content-type", "text/plain")], text)
        if session is None:
            session = self._sessions.open(user)
            headers.append(("set-cookie", self._sessions.cookie(session)))
        if token.lower() == "fetch":
            headers.append(("x-csrf-token", session.csrf_token))
        answer = self._answer(request, user)
        await send_answer(
            send, answer.status, [*headers, *answer.headers.items()], answer.body, to_head=request.method == "HEAD"
        )

    def _answer(self, request: WebRequest, user: str) -> ODataAnswer:
        if request.path != SERVICE and not request.path.startswith(SERVICE + "/"):
            return error_answer(ODataError(404, "/IWFND/MED/170", f"No service found for {request.path}"))
        return self._service.handle(service_request(request, SERVICE, user))
