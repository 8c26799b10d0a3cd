"""The sockets of one tunnel: a client's connection and the one connection to the internal system that belongs to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.landscape.cloud_connector import backend_request, caller_answer
from app.landscape.http_wire import (
    MAX_HEAD,
    Framing,
    Head,
    Nowhere,
    answer_framing,
    copy_body,
    copy_until_end,
    read_head,
    render_head,
)
from app.landscape.proxy_admission import Admission
from app.landscape.proxy_refusal import Refusal, backend_broken, backend_unreachable
from app.landscape.proxy_request import ProxyRequest, read_request
from app.landscape.virtual_host import VirtualHost

Admit = Callable[[ProxyRequest], Awaitable[Admission]]
Refused = Callable[[ProxyRequest, Refusal], None]

_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS"))
_DISCARD_SECONDS = 2.0


@dataclass(slots=True)
class _Backend:
    """The connection to the internal system; `used` once it has carried a request."""

    address: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: bool = False

    @property
    def usable(self) -> bool:
        return not self.writer.is_closing() and not self.reader.at_eof()


class Tunnel:
    """Serves the requests of one client connection, one after the other.

    `admit` decides on each and raises Refusal; `refused` hears of each that got no answer of a backend.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, admit: Admit, refused: Refused
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._admit = admit
        self._refused = refused
        self._backend: _Backend | None = None

    async def serve(self) -> None:
        """Until the client leaves or the connection cannot be used any further."""
        try:
            while await self._serve_one():
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self._writer.transport.abort()
        finally:
            self._drop_backend()
            self._writer.close()

    async def _serve_one(self) -> bool:
        try:
            head = await read_head(self._reader)
            if head is None:
                return False
            request = read_request(head)
        except Refusal as refusal:
            return await self._refuse(refusal, keep_alive=False)
        try:
            admission = await self._admit(request)
            backend = await self._connected(admission.host)
        except Refusal as refusal:
            self._refused(request, refusal)
            return await self._refuse(refusal, keep_alive=request.keep_alive and await self._discard_body(request))
        try:
            return await self._exchange(request, admission, backend)
        except Refusal as refusal:
            self._refused(request, refusal)
            return await self._refuse(refusal, keep_alive=False)

    async def _discard_body(self, request: ProxyRequest) -> bool:
        """Read the body of a refused request, so that its sender hears the answer; whether that was possible."""
        if request.framing.empty:
            return True
        if request.head.value(b"expect") is not None:
            return False
        try:
            async with asyncio.timeout(_DISCARD_SECONDS):
                await copy_body(self._reader, Nowhere(), request.framing)
        except (TimeoutError, Refusal, asyncio.LimitOverrunError):
            return False
        return True

    async def _refuse(self, refusal: Refusal, *, keep_alive: bool) -> bool:
        keep_alive = keep_alive and not refusal.close
        body = refusal.text.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if refusal.status == 407:
            headers.append((b"proxy-authenticate", b"Bearer"))
        if not keep_alive:
            headers.append((b"connection", b"close"))
        self._writer.write(render_head(f"HTTP/1.1 {refusal.status} Refused".encode(), headers) + body)
        await self._writer.drain()
        return keep_alive

    async def _exchange(self, request: ProxyRequest, admission: Admission, backend: _Backend) -> bool:
        """Carry a request; one that may be repeated is, when the backend had closed its idle connection meanwhile."""
        repeatable = backend.used and request.framing.empty and request.method in _REPEATABLE
        try:
            return await self._carry(request, admission, backend)
        except Refusal:
            if not repeatable:
                raise
        self._drop_backend()
        return await self._carry(request, admission, await self._connected(admission.host))

    async def _carry(self, request: ProxyRequest, admission: Admission, backend: _Backend) -> bool:
        backend.used = True
        backend.writer.write(backend_request(request, admission.host, admission.certificate))
        upload = None if request.framing.empty else asyncio.create_task(self._upload(request.framing, backend))
        try:
            head, status = await self._answer_head(backend, admission.host)
            if status == 101:
                return await self._duplex(head, backend, admission.host)
            return await self._answer(request, admission.host, backend, head, status, upload)
        finally:
            if upload is not None:
                await _end(upload)

    async def _connected(self, host: VirtualHost) -> _Backend:
        if self._backend is not None and self._backend.address == host.internal and self._backend.usable:
            return self._backend
        self._drop_backend()
        try:
            streams = await asyncio.open_connection(host.internal_host, host.internal_port, limit=MAX_HEAD)
        except OSError as problem:
            raise backend_unreachable(host.system) from problem
        self._backend = _Backend(host.internal, *streams)
        return self._backend

    async def _upload(self, framing: Framing, backend: _Backend) -> None:
        """Carry the request body; a client that stops inside it, or breaks its framing, ends the backend side too."""
        try:
            await copy_body(self._reader, backend.writer, framing)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Refusal):
            backend.writer.transport.abort()
            raise

    async def _answer_head(self, backend: _Backend, host: VirtualHost) -> tuple[Head, int]:
        """The final answer's head; informational ones are passed on at once. Raises Refusal when none comes."""
        while True:
            try:
                head = await read_head(backend.reader, max_line=MAX_HEAD)
            except (Refusal, ConnectionError, asyncio.IncompleteReadError) as problem:
                raise backend_broken(host.system) from problem
            if head is None:
                raise backend_broken(host.system)
            status = _status(head, host)
            if status == 101 or status >= 200:
                return head, status
            self._writer.write(render_head(head.first_line, head.headers))

    async def _answer(
        self,
        request: ProxyRequest,
        host: VirtualHost,
        backend: _Backend,
        head: Head,
        status: int,
        upload: asyncio.Task[None] | None,
    ) -> bool:
        framing = _framing_of_answer(request, host, head, status)
        until_close = framing.length is None and not framing.chunked
        keep_alive = request.keep_alive and not until_close and (upload is None or upload.done())
        self._writer.write(caller_answer(head, host, keep_alive=keep_alive, upgraded=False))
        await self._copy_answer(backend, framing)
        if until_close or head.lists(b"connection", b"close"):
            self._drop_backend()
        return keep_alive

    async def _copy_answer(self, backend: _Backend, framing: Framing) -> None:
        """Carry the answer's body; one that breaks off must break off for the caller, too."""
        try:
            await copy_body(backend.reader, self._writer, framing)
        except (Refusal, asyncio.LimitOverrunError) as problem:
            raise ConnectionAbortedError("the backend's answer is malformed") from problem
        await self._writer.drain()

    async def _duplex(self, head: Head, backend: _Backend, host: VirtualHost) -> bool:
        """After an upgrade: bytes both ways until either side ends."""
        self._writer.write(caller_answer(head, host, keep_alive=True, upgraded=True))
        ways = [
            asyncio.create_task(copy_until_end(self._reader, backend.writer)),
            asyncio.create_task(copy_until_end(backend.reader, self._writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                await _end(way)
        return False

    def _drop_backend(self) -> None:
        if self._backend is not None:
            self._backend.writer.close()
            self._backend = None


def _status(head: Head, host: VirtualHost) -> int:
    version, _, rest = head.first_line.partition(b" ")
    code = rest[:3]
    if not version.startswith(b"HTTP/1.") or not code.isdigit() or len(code) != 3 or code < b"100":
        raise backend_broken(host.system)
    return int(code)


def _framing_of_answer(request: ProxyRequest, host: VirtualHost, head: Head, status: int) -> Framing:
    try:
        return answer_framing(head, status, to_head=request.method == "HEAD")
    except Refusal as problem:
        raise backend_broken(host.system) from problem


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task that still runs and take note of how it ended, whatever that was."""
    task.cancel()
    with contextlib.suppress(
        asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Refusal
    ):
        await task
