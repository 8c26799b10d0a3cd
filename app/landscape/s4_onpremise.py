"""S/4HANA on-premise: an OData V2 service below `/sap/opu/odata/sap/ZSHOP_SRV`, answering as the propagated user.

The user comes from the certificate the Cloud Connector passes in `SSL_CLIENT_CERT` (protocols, 5.4), or from Basic.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.x509 import Certificate

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
from app.landscape.odata_v2 import ODataV2Service, error_answer
from app.landscape.sap_session import SapSessions, may_change
from app.landscape.served import Served
from app.landscape.server import AppServer
from app.landscape.shop_data import shop_rows, shop_schema
from app.landscape.user_certificate import CertificateReader, CertificateRefused
from app.landscape.websocket_echo import echo_websocket, refuse_websocket

SERVICE = "/sap/opu/odata/sap/ZSHOP_SRV"
WHO_AM_I = "/sap/bc/rest/whoami"
PUBLIC_PING = "/sap/public/ping"
PUSH_CHANNEL = "/sap/bc/apc/sap/shop_echo"
DEFAULT_CLIENT = "100"
_REALM = [("www-authenticate", 'Basic realm="SAP NetWeaver Application Server [S4H/100]"')]


class S4OnPremise(Served):
    """The system as a station: `start`, `port`, `stop`.

    `trusted` is the issuer of user certificates it believes; `users` name -> password for Basic.
    `WHO_AM_I` answers who is seen, `PUBLIC_PING` wants nobody, `PUSH_CHANNEL` is a web socket (ABAP Push Channel).
    """

    def __init__(
        self,
        *,
        trusted: Certificate,
        journal: Journal,
        faults: Faults,
        users: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.store = Store(shop_schema("ZSHOP_SRV"), shop_rows("DDIC"))
        self._service = ODataV2Service(self.store)
        self._sessions = SapSessions(f"SAP_SESSIONID_S4H_{DEFAULT_CLIENT}")
        self._users = dict(users or {})
        self._journal = journal
        self._certificates = CertificateReader(trusted)
        self._server = AppServer(FaultyStation(self._serve, Station.S4_ONPREMISE, faults), port=port)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await self._serve_websocket(scope, receive, send)
        try:
            request = await read_request(scope, receive)
        except ClientGone:
            return
        except BodyTooLarge:
            return await send_answer(send, 413, [], b"")
        if request.path == PUBLIC_PING:
            return await send_answer(send, 200, [("content-type", "text/plain")], b"pong")
        user = self._user(request.headers)
        self._note(request, user)
        if not user:
            return await send_answer(send, 401, [*_REALM, ("content-type", "text/html")], b"<h1>Logon failed</h1>")
        if request.path == WHO_AM_I:
            return await send_json(send, 200, {"user": user, "client": _client(request), "host": request.host})
        await self._serve_odata(request, user, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        user = self._user(headers)
        self._journal.record(
            Station.S4_ONPREMISE,
            "websocket",
            correlation_id=correlation_id(headers),
            principal=user,
            path=scope["path"],
        )
        if user and scope["path"] == PUSH_CHANNEL:
            await echo_websocket(scope, receive, send, user)
        else:
            await refuse_websocket(send)

    def _user(self, headers: Mapping[str, str]) -> str:
        """The authenticated user, empty for nobody; a certificate outranks Basic."""
        certificate = headers.get("ssl_client_cert", "")
        if certificate:
            try:
                return self._certificates.user_of(certificate)
            except CertificateRefused:
                return ""
        return basic_user(headers.get("authorization", ""), self._users)

    def _note(self, request: WebRequest, user: str) -> None:
        self._journal.record(
            Station.S4_ONPREMISE,
            "request",
            correlation_id=correlation_id(request.headers),
            principal=user,
            method=request.method,
            path=request.path,
            host=request.host,
            client=_client(request),
            by="certificate" if request.headers.get("ssl_client_cert") else "basic" if user else "nobody",
            authorization="authorization" in request.headers,
        )

    async def _serve_odata(self, request: WebRequest, user: str, send: Send) -> None:
        session = self._sessions.find(request.headers.get("cookie", ""), user)
        token = request.headers.get("x-csrf-token", "")
        headers = [("sap-client", _client(request))]
        if not may_change(session, request.method, token):
            headers.append(("x-csrf-token", "Required"))
            return await send_answer(
                send, 403, [*headers, ("content-type", "text/plain")], b"CSRF token validation failed"
            )
        if session is None:
            session = self._sessions.open(user)
            headers.append(("set-cookie", self._sessions.cookie(session)))
            headers.append(("set-cookie", f"sap-usercontext=sap-client={_client(request)}; path=/"))
        if token.lower() == "fetch":
            headers.append(("x-csrf-token", session.csrf_token))
        answer = self._answer(request, user)
        await send_answer(
            send, answer.status, [*headers, *answer.headers.items()], answer.body, to_head=request.method == "HEAD"
        )

    def _answer(self, request: WebRequest, user: str) -> ODataAnswer:
        if request.path != SERVICE and not request.path.startswith(SERVICE + "/"):
            error = ODataError(403, "/IWFND/MED/170", f"No service found for {request.path}")
            return error_answer(error, as_json="json" in request.headers.get("accept", ""))
        return self._service.handle(service_request(request, SERVICE, user))


def _client(request: WebRequest) -> str:
    """The SAP client that is asked for: query outranks header."""
    wanted = request.query.get("sap-client") or request.headers.get("sap-client") or DEFAULT_CLIENT
    return wanted if wanted.isascii() and wanted.isdigit() and len(wanted) == 3 else DEFAULT_CLIENT
