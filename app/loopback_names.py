"""Names below `.localhost` are loopback whatever the resolver says (RFC 6761, 6.3)."""

from __future__ import annotations

import httpx


class LoopbackNames(httpx.AsyncBaseTransport):
    """Connects to 127.0.0.1 for such names; Host header, SNI and the name in the certificate stay the asked ones.

    Connections are then pooled by port alone, so each name gets one request per connection at most when it uses TLS:
    a session negotiated for one tenant's name is not reused for another's.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host.endswith(".localhost"):
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host="127.0.0.1")
            request.headers["connection"] = "close"
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()
