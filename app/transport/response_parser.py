"""Reads the answers of a backend from bytes: strict, without I/O, one answer after another on one connection.

llhttp (httptools) does the tokenising without any leniency; what RFC 9112 forbids but llhttp accepts is refused here.
"""

from __future__ import annotations

from collections import deque

import httptools

MAX_HEAD_BYTES = 256 * 1024
MAX_INFORMATIONAL = 8

_NO_HTTP = "what it sent is no HTTP"  # the parser's own words name the protocols that it would know


class InvalidAnswer(Exception):
    """The backend's bytes are no valid HTTP/1.x answer (or one that could be read in two ways)."""


class ResponseParser:
    """One answer at a time: `expect`, then `feed` until `complete`.

    After `feed`, `head_complete` tells that `status` and `headers` (lower-case names) are there; body pieces wait in
    `chunks`, the headers of early hints (103, RFC 8297) in `hints`. `reusable` tells whether the connection may serve
    another request once the answer is complete.
    """

    __slots__ = (
        "_awaiting", "_head_request", "_http", "_informational", "_overhead", "_upgrade_wanted", "chunks", "complete",
        "continued", "head_complete", "headers", "hints", "reusable", "status", "surplus", "until_close",
        "upgraded_rest",
    )  # fmt: skip

    def __init__(self) -> None:
        self._http = httptools.HttpResponseParser(self)
        self.surplus = False
        self.expect("GET")
        self._awaiting = False

    def expect(self, method: str, *, upgrade: bool = False) -> None:
        """Get ready for the answer to a request of this method; `upgrade`: 101 is welcome."""
        self._awaiting = True
        self._head_request = method == "HEAD"
        self._upgrade_wanted = upgrade
        self._overhead = self._informational = self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.hints: list[list[tuple[bytes, bytes]]] = []
        self.chunks: deque[bytes] = deque()
        self.head_complete = self.complete = self.continued = self.until_close = self.reusable = False
        self.upgraded_rest: bytes | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket. Raises InvalidAnswer; after that, the connection is of no use."""
        if not self._awaiting:
            self.surplus = True
            raise InvalidAnswer("bytes without a request")
        if self.upgraded_rest is not None:
            self.upgraded_rest += data
            return
        self._overhead += len(data)
        try:
            self._http.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgraded_rest = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse(error)
        if self._overhead > MAX_HEAD_BYTES and not self.complete:  # also chunk extensions and trailers
            raise InvalidAnswer("header block too large")

    def _refuse(self, error: httptools.HttpParserError) -> None:
        """An answer that was complete before the fault stays valid; only its connection is lost."""
        self.reusable = False
        self.surplus = True
        if not self.complete:
            reason = str(error.__context__ or error)
            raise InvalidAnswer(_NO_HTTP if reason.startswith("Expected HTTP/") else reason) from error

    def finish(self, *, told: bool = True) -> None:
        """The backend closed. Completes an answer delimited by that; raises InvalidAnswer for any other, and where the
        backend has not `told` so itself: anybody may cut a TLS connection (RFC 9112, 9.8).
        """
        self.reusable = False
        if self.complete or not self._awaiting:
            return
        if not (self.head_complete and self.until_close and told):
            raise InvalidAnswer("closed before the answer was complete")
        self.complete = True

    # -- called by httptools
    def on_message_begin(self) -> None:
        if self.complete:
            self._stop("surplus bytes after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_complete:  # afterwards: trailers, dropped
            self.headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        status: int = self._http.get_status_code()
        if status < 200 and status != 101:
            self._on_informational(status)
            return
        self._check_framing(status)
        self.status = status
        self.head_complete = True
        self.reusable = self._http.should_keep_alive()
        if self._head_request:
            # llhttp would wait for the body that Content-Length announces; a fresh parser reads the next answer.
            self.complete = True
            self._http = httptools.HttpResponseParser(self)

    def on_body(self, body: bytes) -> None:
        if self._head_request:
            self._stop("body in the answer to HEAD")
        self._overhead = 0
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        if self.head_complete:
            self.complete = True

    # -- what llhttp leaves to us
    def _on_informational(self, status: int) -> None:
        self._informational += 1
        if status < 100 or self._informational > MAX_INFORMATIONAL:
            self._stop("unknown or too many informational answers")
        if any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers):
            self._stop("informational answer with a body")  # RFC 9112, 6.3: llhttp would read one
        self.continued = self.continued or status == 100
        if status == 103:
            self.hints.append(self.headers)
        self.headers = []

    def _check_framing(self, status: int) -> None:
        if status > 599 or self._http.get_http_version() not in ("1.1", "1.0"):
            self._stop("unknown status or version")
        if status == 101 and not (self._upgrade_wanted and self._http.should_upgrade()):
            self._stop("upgrade that nobody asked for")
        fields = dict(self.headers)
        coding = fields.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or self._is_odd_chunked()):
            self._stop("transfer coding other than chunked")
        bodyless = self._head_request or status in (101, 204, 304)
        self.until_close = not bodyless and coding is None and b"content-length" not in fields

    def _is_odd_chunked(self) -> bool:
        """Chunked more than once, or in HTTP/1.0, which does not know it (RFC 9112, 6.1)."""
        repeated = sum(name == b"transfer-encoding" for name, _ in self.headers) > 1
        return repeated or self._http.get_http_version() == "1.0"

    def _stop(self, reason: str) -> None:
        self.reusable = False
        self.surplus = True
        raise InvalidAnswer(reason)
