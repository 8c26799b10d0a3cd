"""An HTTP/2 client on the library h2, which shares nothing with what the gateway speaks HTTP/2 with."""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings

Headers = list[tuple[bytes, bytes]]


@dataclass
class Stream:
    """What has come in on a stream. `reset` is the error code of RST_STREAM, None as long as there is none."""

    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[b":status"])


class H2Client:
    """One connection. Requests are sent with `request`, and answers awaited with `answer`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The tests send what a well-behaved client would not.
        config = h2.config.H2Configuration(
            header_encoding=False, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.connection = h2.connection.H2Connection(config)
        self.streams: defaultdict[int, Stream] = defaultdict(Stream)
        self.closed = False
        self.takes = True
        """Whether what arrives is acknowledged at once, so that more may come; else `take` does it."""
        self._untaken: list[tuple[int, int]] = []
        self._reader = reader
        self._writer = writer
        self._news = asyncio.Condition()
        self.connection.initiate_connection()
        self._flush()
        self._receiving = asyncio.ensure_future(self._receive())

    def request(
        self, path: bytes = b"/", method: bytes = b"GET", headers: Headers | None = None, *, end: bool = True
    ) -> int:
        """Send the head of a request; returns its stream."""
        stream = self.connection.get_next_available_stream_id()
        pseudo = [(b":method", method), (b":path", path), (b":scheme", b"https"), (b":authority", b"gateway")]
        self.connection.send_headers(stream, [*pseudo, *(headers or [])], end_stream=end)
        self._flush()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a request's body."""
        self.connection.send_data(stream, data, end_stream=end)
        self._flush()

    async def upload(self, stream: int, length: int) -> None:
        """Send a body of this length and its end, as fast as the server lets it come."""
        while length:
            await self.until(lambda: self.connection.local_flow_control_window(stream) > 0)
            window = self.connection.local_flow_control_window(stream)
            size = min(length, window, self.connection.max_outbound_frame_size)
            length -= size
            self.send(stream, bytes(size), end=not length)
            await self._writer.drain()

    def cancel(self, stream: int) -> None:
        """Give a request up."""
        self.connection.reset_stream(stream, 8)
        self._flush()

    def take(self) -> None:
        """Acknowledge all that has come so far, and from now on what comes."""
        self.takes = True
        for length, stream in self._untaken:
            self.connection.acknowledge_received_data(length, stream)
        self._untaken.clear()
        self._flush()

    def allow(self, size: int, stream: int) -> None:
        """Let so much more come on a stream."""
        self.connection.increment_flow_control_window(size, stream)
        self._flush()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds after something has come in, or the connection has ended."""
        async with self._news:
            await self._news.wait_for(lambda: condition() or self.closed)

    def stop_reading(self) -> None:
        """Take nothing out of the socket any more."""
        self._receiving.cancel()
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def answer(self, stream: int) -> Stream:
        """The complete answer of a stream, or its reset."""
        answered = self.streams[stream]
        await self.until(lambda: answered.ended or answered.reset is not None)
        return answered

    def leave(self) -> None:
        """Close the connection."""
        self._receiving.cancel()
        self._writer.transport.abort()

    async def _receive(self) -> None:
        while data := await self._read():
            for event in self.connection.receive_data(data):
                self._note(event)
            self._flush()
            async with self._news:
                self._news.notify_all()
        self.closed = True
        async with self._news:
            self._news.notify_all()

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    def _note(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            self.streams[event.stream_id].headers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].body += event.data
            if self.takes:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:
                self._untaken.append((event.flow_controlled_length, event.stream_id))
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id].ended = True
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id].reset = int(event.error_code)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.closed = True

    def _flush(self) -> None:
        self._writer.write(self.connection.data_to_send())


@asynccontextmanager
async def h2_client(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[H2Client]:
    """A client connected to the gateway; with a context by TLS, where h2 has to be agreed on by ALPN."""
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    if context is not None:
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    client = H2Client(reader, writer)
    try:
        yield client
    finally:
        client.leave()
