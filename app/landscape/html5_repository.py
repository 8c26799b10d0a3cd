"""The HTML5 application repository, plan app-runtime (protocols, section 6.1): files of applications, read only."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable
from typing import Any

from app.landscape.asgi_exchange import (
    ClientGone,
    Receive,
    Scope,
    Send,
    WebRequest,
    read_request,
    send_answer,
    send_json,
)
from app.landscape.faults import Faults, FaultyStation
from app.landscape.html5_apps import HostedApp
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.served import Served
from app.landscape.server import AppServer
from app.landscape.token_principal import Claims, Validate
from app.landscape.tokens import accepts_audience

HOSTS_HEADER = "x-app-host-id"
INVALID_HOSTS_HEADER = "x-invalid-app-host-id"
METADATA = "/applications/metadata/"
FILE_LIST = "/applications/files/path/"


class Html5Repository(Served):
    """The repository as a station: `start`, `url`, `stop`.

    Every request wants a technical token for `client_id` or `app_name`. Without `x-app-host-id` the applications of
    `own_hosts` are seen; with it those of the hosts it lists, of other hosts only the public ones. `deploy` adds an
    application or replaces its version.
    """

    def __init__(
        self,
        *,
        validate: Validate,
        client_id: str,
        app_name: str,
        own_hosts: Iterable[str],
        journal: Journal,
        faults: Faults,
        port: int = 0,
    ) -> None:
        self._validate = validate
        self._client_id = client_id
        self._app_name = app_name
        self._own_hosts = frozenset(own_hosts)
        self._journal = journal
        self._apps: dict[tuple[str, str, str], HostedApp] = {}
        self._server = AppServer(FaultyStation(self._serve, Station.HTML5_REPOSITORY, faults), port=port)

    def deploy(self, app: HostedApp) -> None:
        """Store a version of an application; a new default takes that from the others."""
        if app.is_default:
            self.withdraw_default(app.name, app.app_host)
        self._apps[app.app_host, app.name, app.version] = app

    def withdraw_default(self, name: str, app_host: str) -> None:
        """Leave an application's versions without a default one."""
        for key, app in list(self._apps.items()):
            if (app.name, app.app_host) == (name, app_host):
                self._apps[key] = HostedApp(name, app.version, app_host, app.files, False, app.public)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await read_request(scope, receive)
        except ClientGone:
            return
        claims = await self._claims(request.headers.get("authorization", ""))
        self._journal.record(
            Station.HTML5_REPOSITORY,
            "file" if not request.path.startswith("/applications/") else "list",
            correlation_id=correlation_id(request.headers),
            principal=str(claims.get("client_id", "")),
            method=request.method,
            path=request.path,
            zone=claims.get("zid", ""),
            app_hosts=request.headers.get(HOSTS_HEADER, ""),
        )
        if not claims:
            await send_answer(send, 401, [("www-authenticate", "Bearer")], b"Unauthorized")
        elif request.method not in ("GET", "HEAD"):
            await send_answer(send, 405, [("allow", "GET, HEAD")], b"")
        else:
            await self._answer(request, send)

    async def _claims(self, authorization: str) -> Claims:
        """What the token of a request says; empty for one that is not good enough."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return {}
        try:
            claims = await self._validate(token.strip())
        except ValueError:
            return {}
        technical = claims.get("grant_type") == "client_credentials"
        return claims if technical and accepts_audience(dict(claims), self._client_id, self._app_name) else {}

    async def _answer(self, request: WebRequest, send: Send) -> None:
        apps, invalid = self._seen(request.headers.get(HOSTS_HEADER, ""))
        headers = [(INVALID_HOSTS_HEADER, ",".join(invalid))] if invalid else []
        if request.path == METADATA:
            return await send_json(send, 200, [_metadata(app) for app in apps], headers)
        if request.path.startswith(FILE_LIST):
            found = _find(apps, request.path.removeprefix(FILE_LIST))
            paths = [{"filePath": f"/{found.name}-{found.version}{path}"} for path in found.files] if found else []
            return await send_json(send, 200 if found else 404, paths, headers)
        key, slash, path = request.path[1:].partition("/")
        app = _find(apps, key)
        content = app.files.get(slash + path) if app is not None else None
        if content is None:
            return await send_json(send, 404, {"error": "no such file or application"}, headers)
        await _send_file(request, send, content, [*headers, ("content-type", _content_type(path))])

    def _seen(self, host_ids: str) -> tuple[list[HostedApp], list[str]]:
        """The applications a request may see, and the ids it named that no host has."""
        wanted = [part.strip() for part in host_ids.split(",") if part.strip()]
        hosts = set(wanted) or self._own_hosts
        known = {app.app_host for app in self._apps.values()}
        apps = [
            app
            for app in self._apps.values()
            if app.app_host in hosts and (app.public or app.app_host in self._own_hosts)
        ]
        return apps, [host for host in wanted if host not in known]


def _find(apps: list[HostedApp], key: str) -> HostedApp | None:
    """`shop-1.0.0` is that version, `shop` the default one."""
    name, _, version = key.partition("-")
    return next((app for app in apps if app.name == name and (app.version == version or _is_meant(app, version))), None)


def _is_meant(app: HostedApp, version: str) -> bool:
    return not version and app.is_default


def _metadata(app: HostedApp) -> dict[str, Any]:
    return {
        "applicationName": app.name,
        "applicationVersion": app.version,
        "changedOn": "2026-01-01T00:00:00.000Z",
        "createdOn": "2026-01-01T00:00:00.000Z",
        "isDefault": app.is_default,
        "public": app.public,
    }


def _content_type(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


async def _send_file(request: WebRequest, send: Send, content: bytes, headers: list[tuple[str, str]]) -> None:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = [*headers, ("etag", tag)]
    if tag in request.headers.get("if-none-match", ""):
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", tag.encode())]})
        await send({"type": "http.response.body", "body": b""})
        return
    await send_answer(send, 200, headers, content, to_head=request.method == "HEAD")
