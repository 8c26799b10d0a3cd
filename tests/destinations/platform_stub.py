"""A token service and a destination service on one loopback socket, with a record of what they were asked."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from app.bindings.credentials import ConnectivityCredentials, DestinationCredentials
from app.clients import PlatformClients
from app.destinations.cache import DestinationCache
from app.destinations.destination import Destination
from app.destinations.finder import Finder
from app.destinations.resolver import DestinationResolver
from app.destinations.service_client import DestinationService
from app.principal import AnonymousCaller, Tenant, UserCaller, UserPrincipal, UserToken
from app.tokens.grants import Grants
from app.tokens.token_cache import TokenCache

PROVIDER = Tenant("zone-provider", "provider")
SUBSCRIBER = Tenant("zone-subscriber", "subscriber")
ANYBODY = AnonymousCaller(PROVIDER)
FIND = "/destination-configuration/v1/destinations/"


def jwt(**claims: object) -> str:
    """An unsigned token; nobody here verifies one."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + ".x"


def claims_of(token: str) -> dict[str, Any]:
    """What a token of `jwt` says."""
    part = token.removeprefix("Bearer ").split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return claims


def user(name: str, tenant: Tenant = PROVIDER, seconds: int = 3600, issue: int = 1) -> UserCaller:
    """A logged-in user; `issue` tells apart the tokens one user gets over time."""
    expires_at = int(time.time()) + seconds
    value = jwt(user_name=name, zid=tenant.id, exp=expires_at, issue=issue)
    return UserCaller(UserToken(UserPrincipal(tenant, "sap.default", name), value, frozenset(), expires_at))


def user_of_identity_service(name: str, seconds: int = 3600, access_seconds: int = 3600) -> UserCaller:
    """A user with tokens of both services; those of the identity service have a claim `kind`. Times are lifetimes."""
    of_xsuaa, now = user(name, seconds=seconds + 60), int(time.time())
    principal = UserPrincipal(PROVIDER, "https://ias.example", name)

    def issued(kind: str, lifetime: int) -> UserToken:
        value = jwt(user_name=name, kind=kind, exp=now + lifetime)
        return UserToken(principal, value, frozenset(), now + lifetime)

    return UserCaller(of_xsuaa.token, issued("id", seconds), issued("access", access_seconds))


@dataclass(frozen=True)
class Call:
    """One request as the platform got it; `host` is the tenant's subdomain."""

    path: str
    query: str
    headers: Mapping[str, str]
    form: Mapping[str, str]

    @property
    def tenant(self) -> str:
        return self.headers["host"].partition(".")[0]

    @property
    def claims(self) -> dict[str, Any]:
        return claims_of(self.headers["authorization"])


Reply = tuple[int, object]
Answerer = Callable[[Call], Reply]


@dataclass
class Platform:
    """`answers` by destination name: a find result, or what makes one from the call. `down` answers all finds.

    Nothing is answered while the `gate` is closed. `retry_after` is sent with every answer.
    """

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: dict[str, dict[str, Any] | Answerer] = field(default_factory=dict)
    down: Reply | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    token_seconds: int = 43199
    retry_after: str = "-"
    clients: PlatformClients = field(default_factory=PlatformClients)

    def __post_init__(self) -> None:
        self.gate.set()
        self.tokens = TokenCache(Grants(self.clients))

    @property
    def finds(self) -> list[Call]:
        return [call for call in self.calls if call.path.startswith(FIND)]

    @property
    def token_requests(self) -> list[Call]:
        return [call for call in self.calls if call.path == "/oauth/token"]

    def define(self, name: str, tokens: list[dict[str, Any]] | None = None, /, **properties: str) -> None:
        """A destination that everybody gets alike."""
        self.answers[name] = find_result(name, tokens, **properties)

    def destination_credentials(self) -> DestinationCredentials:
        return DestinationCredentials.model_validate(
            self._oauth("sb-destination") | {"uri": f"http://provider.localhost:{self.port}"}
        )

    def connectivity_credentials(self) -> ConnectivityCredentials:
        extra = {"onpremise_proxy_host": "proxy.internal", "onpremise_proxy_http_port": "20003"}
        return ConnectivityCredentials.model_validate(self._oauth("sb-connectivity") | extra)

    def service(self) -> DestinationService:
        return DestinationService(self.clients, self.destination_credentials(), self.tokens, _no_pause)

    def resolver(
        self, environment: Mapping[str, Destination] | None = None, cache: DestinationCache | None = None
    ) -> DestinationResolver:
        return DestinationResolver(environment or {}, Finder(self.service()), cache)

    def _oauth(self, client: str) -> dict[str, str]:
        return {
            "clientid": client,
            "clientsecret": "secret",
            "url": f"http://provider.localhost:{self.port}",
            "uaadomain": f"localhost:{self.port}",
            "identityzone": "provider",
            "zoneid": PROVIDER.id,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while call := await _read(reader):
                self.calls.append(call)
                await self.gate.wait()
                status, body = self.reply(call)
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\nretry-after: {self.retry_after}\r\n\r\n"
                writer.write(head.encode() + data)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    def reply(self, call: Call) -> Reply:
        if call.path == "/oauth/token":
            return 200, {"access_token": self._token(call), "token_type": "bearer", "expires_in": self.token_seconds}
        if self.down is not None:
            return self.down
        answer = self.answers.get(call.path.removeprefix(FIND))
        if answer is None:
            return 404, {"ErrorMessage": "no such destination"}
        return answer(call) if callable(answer) else (200, answer)

    def _token(self, call: Call) -> str:
        user_name = claims_of(call.form["assertion"])["user_name"] if "assertion" in call.form else ""
        basic = base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode()
        return jwt(
            cid=basic.partition(":")[0],
            tenant=call.tenant,
            user_name=user_name,
            exp=int(time.time()) + self.token_seconds,
            number=len(self.calls),
        )


def find_result(name: str, tokens: list[dict[str, Any]] | None = None, /, **properties: str) -> dict[str, Any]:
    """A find result for a destination on the internet, unless the properties say otherwise."""
    base = {"Name": name, "Type": "HTTP", "URL": "http://backend.example", "ProxyType": "Internet"}
    configuration = {**base, "Authentication": "NoAuthentication", **properties}
    return {"owner": {}, "destinationConfiguration": configuration, "authTokens": tokens}


def auth_token(value: str, key: str = "Authorization", kind: str = "Bearer", **more: str) -> dict[str, Any]:
    """An element of `authTokens`."""
    return {"type": kind, "value": value, "http_header": {"key": key, "value": f"{kind} {value}"}, **more}


def token_for(call: Call) -> Reply:
    """The answer for a destination of users: the own token, or the error of a service that was told no user."""
    if "x-user-token" not in call.headers:
        return 200, find_result("erp", [{"error": "no user"}], Authentication="OAuth2JWTBearer")
    name = claims_of(call.headers["x-user-token"])["user_name"]
    return 200, find_result("erp", [auth_token(f"of-{name}", expires_in="3600")], Authentication="OAuth2JWTBearer")


@asynccontextmanager
async def running() -> AsyncIterator[Platform]:
    """The platform on a free port."""
    platform = Platform()
    server = await asyncio.start_server(platform.serve, "127.0.0.1", 0)
    platform.port = server.sockets[0].getsockname()[1]
    try:
        yield platform
    finally:
        platform.gate.set()
        await platform.clients.aclose()
        server.close()
        await server.wait_closed()


async def _no_pause(seconds: float) -> None:
    assert 0 < seconds < 1


async def _read(reader: asyncio.StreamReader) -> Call | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    line, *lines = head.strip().split("\r\n")
    pairs = (text.partition(":") for text in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
    target = urlsplit(line.split(" ")[1])
    form = {name: values[0] for name, values in parse_qs(body).items()}
    return Call(target.path, target.query, headers, form)
