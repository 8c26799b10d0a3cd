"""One HTTP exchange from a station of the landscape to another: a fresh connection, no cookies, no redirects."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.landscape.server import LOOPBACK

TIMEOUT_SECONDS = 10.0


class Unreachable(Exception):
    """Nobody answered at the address, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """Status and body of an answer."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one when it is none."""
        data = self.json_value()
        return data if isinstance(data, dict) else {}

    def json_value(self) -> Any:
        """The body as any JSON value; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class WebClient:
    """Calls other stations. Names at or below `localhost` are this machine (RFC 6761, section 6.3).

    `tls` is used for https; without it the system's trust store is.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> WebAnswer:
        """GET; raises Unreachable."""
        return await asyncio.to_thread(self._exchange, "GET", url, None, dict(headers or {}))

    async def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> WebAnswer:
        """POST of an urlencoded form; raises Unreachable."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **(headers or {})}
        return await asyncio.to_thread(self._exchange, "POST", url, urlencode(form).encode(), sent)

    async def send_json(self, method: str, url: str, document: object, headers: Mapping[str, str]) -> WebAnswer:
        """A request whose body is JSON, or that has none (document None); raises Unreachable."""
        body = None if document is None else json.dumps(document).encode()
        sent = {**headers, "Content-Type": "application/json"} if body is not None else dict(headers)
        return await asyncio.to_thread(self._exchange, method, url, body, sent)

    def _exchange(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> WebAnswer:
        parts = urlsplit(url)
        target = parts._replace(scheme="", netloc="").geturl() or "/"
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request(method, target, body, {"Host": parts.netloc, "Connection": "close", **headers})
            answer = connection.getresponse()
            return WebAnswer(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{parts.netloc} does not answer: {type(error).__name__}") from error
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            context = self._tls or ssl.create_default_context()
            return _TlsConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
        return http.client.HTTPConnection(_address(host), port, timeout=TIMEOUT_SECONDS)


class _TlsConnection(http.client.HTTPSConnection):
    """Connects to loopback for names below `localhost`, and still checks the certificate for the name."""

    def connect(self) -> None:
        name, self.host = self.host, _address(self.host)
        try:
            http.client.HTTPConnection.connect(self)
        finally:
            self.host = name
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=name)


def _address(host: str) -> str:
    return LOOPBACK if host == "localhost" or host.endswith(".localhost") else host
