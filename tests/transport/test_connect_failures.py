"""A connection that cannot be made: who is to blame, why, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from app.errors import Failure, GatewayError, Hop
from app.principal import TechnicalPrincipal, Tenant
from app.transport.connect_reason import connect_reason
from app.transport.connection import Timeouts
from app.transport.connector import Connector
from app.transport.deadlines import Deadlines
from app.transport.pool_key import DirectKey, OnPremiseKey, PoolKey, Proxy, TlsIdentity
from app.transport.tls import TlsContexts
from tests.support.raw_backend import Link, friendly, raw_backend
from tests.support.running import run
from tests.tokens.certificates import Authority

HOST = "127.0.0.1"
NOBODY = TechnicalPrincipal(Tenant("zone", "acme"))


def on_premise(port: int) -> OnPremiseKey:
    return OnPremiseKey(Proxy(HOST, port), NOBODY, "", "erp.corp", 8000)


def closed_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


async def failure_of(key: PoolKey, connect: float = 5.0) -> GatewayError:
    deadlines = Deadlines(asyncio.get_running_loop())
    with pytest.raises(GatewayError) as caught:
        await Connector(deadlines, TlsContexts(), Timeouts(connect)).open(key)
    deadlines.close()
    return caught.value


def failure(key: PoolKey, connect: float = 5.0) -> GatewayError:
    return run(failure_of(key, connect))


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port at which connections are neither taken nor refused."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield int(server.getsockname()[1])
        for each in waiting:
            each.close()


@asynccontextmanager
async def tls_server(folder: Path, name: str) -> AsyncIterator[tuple[int, str]]:
    """A server with a certificate for this name; its port, and the authority to trust."""
    authority = Authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(name).write(folder, "server"))

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0, ssl=context)
    yield server.sockets[0].getsockname()[1], authority.pem
    server.close()


def test_a_connectivity_proxy_that_does_not_answer_is_not_taken_for_the_backend() -> None:
    with full_backlog() as port:
        error = failure(on_premise(port), connect=0.1)
    assert (error.failure, error.row.hop) == (Failure.PROXY_UNREACHABLE, Hop.CONNECTIVITY_PROXY)
    assert error.detail == "no connection within 100 ms"
    assert "GATEWAY_CONNECT_TIMEOUT" in error.advice
    assert "connectivity binding" in error.advice


def test_a_backend_that_does_not_answer_is_named_itself() -> None:
    with full_backlog() as port:
        error = failure(DirectKey(HOST, port), connect=0.1)
    assert (error.failure, error.detail) == (Failure.BACKEND_TIMEOUT, "no connection within 100 ms")


@pytest.mark.parametrize("tls", [None, TlsIdentity()])
def test_a_forward_proxy_that_is_down_is_the_one_of_the_destination(tls: TlsIdentity | None) -> None:
    error = failure(DirectKey("erp.example", 443, tls, Proxy(HOST, closed_port())))
    assert (error.failure, error.row.hop, error.detail) == (
        Failure.FORWARD_PROXY_FAILED, Hop.FORWARD_PROXY, "connection refused"
    )  # fmt: skip
    assert "proxyHost" in error.advice
    assert "connectivity" not in error.advice


def test_a_forward_proxy_that_refuses_is_not_unreachable() -> None:
    async def test() -> GatewayError:
        async def script(link: Link) -> None:
            await link.head()
            await link.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            await link.gone()

        async with raw_backend(script) as proxy:
            return await failure_of(DirectKey("erp.example", 443, TlsIdentity(), Proxy(HOST, proxy.port)))

    error = run(test())
    assert (error.failure, error.detail) == (Failure.FORWARD_PROXY_FAILED, "it answered CONNECT with 407")


def test_behind_a_forward_proxy_that_serves_it_is_the_backend_that_falls_silent() -> None:
    async def test() -> GatewayError:
        async def script(link: Link) -> None:
            await link.head()
            await link.send(b"HTTP/1.1 200 Connected\r\n\r\n")
            await link.gone()

        async with raw_backend(script) as proxy:
            return await failure_of(DirectKey("erp.example", 443, TlsIdentity(), Proxy(HOST, proxy.port)), connect=0.2)

    assert run(test()).failure is Failure.BACKEND_TIMEOUT


def test_a_refused_connection_and_an_unknown_name_are_told_apart() -> None:
    refused, unknown = failure(DirectKey(HOST, closed_port())), failure(DirectKey("no-such-host.invalid", 80))
    assert (refused.failure, refused.detail) == (Failure.BACKEND_UNREACHABLE, "connection refused")
    assert unknown.failure is Failure.BACKEND_UNREACHABLE
    assert unknown.detail.startswith("the host name ")


def test_without_file_descriptors_left_it_is_the_gateway_that_is_overloaded() -> None:
    async def test() -> GatewayError:
        async with raw_backend(friendly) as backend:
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, before[1]))
            filling = []
            try:
                while True:
                    filling.append(os.dup(0))
            except OSError:
                pass
            try:
                return await failure_of(DirectKey(HOST, backend.port))
            finally:
                for each in filling:
                    os.close(each)
                resource.setrlimit(resource.RLIMIT_NOFILE, before)

    error = run(test())
    assert (error.failure, error.row.hop, error.detail) == (Failure.OVERLOADED, Hop.GATEWAY, "no file descriptors left")
    assert "ulimit" in error.advice


def test_names_in_a_certificate_are_for_the_log_only(tmp_path: Path) -> None:
    async def test() -> GatewayError:
        async with tls_server(tmp_path, "another.corp") as (port, authority):
            return await failure_of(DirectKey(HOST, port, TlsIdentity(trusted_pem=authority)))

    error = run(test())
    assert (error.failure, error.detail) == (
        Failure.BACKEND_TLS_FAILED,
        "the certificate is for another host name",
    )
    assert HOST in error.whole_detail


def test_a_certificate_of_an_unknown_authority_says_so(tmp_path: Path) -> None:
    async def test() -> GatewayError:
        async with tls_server(tmp_path, "localhost") as (port, _):
            return await failure_of(DirectKey("localhost", port, TlsIdentity()))

    assert run(test()).detail.startswith("certificate not trusted: ")


def test_https_to_a_backend_without_tls_suggests_http() -> None:
    async def test() -> GatewayError:
        async def script(link: Link) -> None:
            await link.send(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            await link.gone()

        async with raw_backend(script) as backend:
            return await failure_of(DirectKey(HOST, backend.port, TlsIdentity()))

    error = run(test())
    assert error.failure is Failure.BACKEND_TLS_FAILED
    assert "http://" in error.advice


def test_several_addresses_that_fail_each_in_its_way_still_tell_one() -> None:
    several = OSError("Multiple exceptions: [Errno 113] No route to host, [Errno 111] Connection refused")
    reason = connect_reason(several)
    assert reason is not None
    assert reason.text == "no route"
    assert connect_reason(RuntimeError("something else")) is None
