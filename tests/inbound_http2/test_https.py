"""https from certificate files: ALPN, HTTP/1.1, web sockets, client certificates, and what is refused."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import h11
import pytest

from app.configuration import load_configuration
from app.landscape.certificates import CertificateAuthority
from app.problem import ConfigurationError
from tests.extensions.support import environment, write_descriptor
from tests.extensions.test_other_servers import listening
from tests.inbound_http2.h2_client import h2_client
from tests.inbound_http2.server import certificate_files, http2_site, tls_server
from tests.support.mini_gateway import mini_gateway
from tests.support.ports import free_port
from tests.support.raw_backend import Link, RawBackend, answer, friendly, raw_backend
from tests.support.raw_client import RawClient, raw_client
from tests.support.running import run

ROOT = Path(__file__).resolve().parents[2]
UPGRADE = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n"


async def secured(port: int, context: ssl.SSLContext) -> RawClient:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    return RawClient(reader, writer)


@pytest.mark.parametrize(
    ("offered", "http2", "chosen"),
    [
        (["h2", "http/1.1"], True, "h2"),
        (["http/1.1"], True, "http/1.1"),
        ([], True, None),
        (["h2", "http/1.1"], False, None),
    ],
)
def test_alpn_chooses_the_protocol(tmp_path: Path, offered: list[str], http2: bool, chosen: str | None) -> None:
    authority = CertificateAuthority()
    context = authority.client_context()
    if offered:
        context.set_alpn_protocols(offered)

    async def test() -> None:
        async with (
            raw_backend(friendly) as backend,
            mini_gateway(backend.port) as gateway,
            tls_server(gateway, certificate_files(tmp_path, authority), http2=http2) as port,
        ):
            client = await secured(port, context)
            assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
            if chosen != "h2":
                assert (await client.get()).body == b"ok"
                assert backend.requests[0].values(b"x-forwarded-proto") == [b"https"]
            client.leave()

    run(test())


def test_a_client_that_leaves_is_noticed_through_tls(tmp_path: Path) -> None:
    async def waits(link: Link) -> None:
        await link.request()
        await link.gone()

    async def test() -> None:
        async with raw_backend(waits) as backend, http2_site(backend.port, tmp_path) as site:
            site.context.set_alpn_protocols(["http/1.1"])
            client = await secured(site.port, site.context)
            await client.send(b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n")
            while not backend.requests:  # noqa: ASYNC110 - what is awaited has no event
                await asyncio.sleep(0.002)
            client.leave()
            await site.gateway.quiet()

    run(test())


def test_plain_http_is_not_answered_on_an_https_port(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(friendly) as backend, http2_site(backend.port, tmp_path) as site:
            async with raw_client(site.port) as client:
                await client.send(b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n")
                assert b"HTTP/1.1 200" not in await client.rest()
            assert backend.requests == []

    run(test())


def test_old_tls_versions_are_refused(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(friendly) as backend, http2_site(backend.port, tmp_path) as site:
            site.context.minimum_version = ssl.TLSVersion.TLSv1
            site.context.maximum_version = ssl.TLSVersion.TLSv1_1
            site.context.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await secured(site.port, site.context)

    run(test())


def test_clients_prove_who_they_are_where_authorities_are_named(tmp_path: Path) -> None:
    authority, stranger = CertificateAuthority(), CertificateAuthority()
    (tmp_path / "clients.pem").write_text(authority.pem)
    https = replace(certificate_files(tmp_path, authority), client_authorities=tmp_path / "clients.pem")

    async def test() -> None:
        async with raw_backend(friendly) as backend, mini_gateway(backend.port) as gateway:
            async with tls_server(gateway, https, http2=False) as port:
                known = await secured(port, authority.client_context(authority.client_pair("partner")))
                assert (await known.get()).body == b"ok"
                known.leave()
                for pair in (None, stranger.client_pair("partner")):
                    with pytest.raises((ssl.SSLError, ConnectionError, h11.RemoteProtocolError)):
                        await (await secured(port, authority.client_context(pair))).get()
            assert len(backend.requests) == 1

    run(test())


@asynccontextmanager
async def gateway_process(
    folder: Path, *, http2: bool = False
) -> AsyncIterator[tuple[RawBackend, int, ssl.SSLContext]]:
    """`python -m app` with certificate files named by variables."""
    authority = CertificateAuthority()
    https = certificate_files(folder, authority)
    port = free_port()
    async with raw_backend(agreeable) as backend:
        write_descriptor(folder, websockets={"enabled": True})
        variables = environment(
            backend.port, PORT=str(port), HTTP2_SUPPORT=str(http2).lower(),
            GATEWAY_TLS_CERTIFICATE=str(https.certificate), GATEWAY_TLS_KEY=str(https.key),
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "-w", str(folder),
            cwd=ROOT, env={**os.environ, **variables}, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await listening(port, process)
            yield backend, port, authority.client_context()
        finally:
            process.terminate()
            assert await process.wait() == 0


async def agreeable(link: Link) -> None:
    """Answers, and agrees to web sockets."""
    while True:
        if (await link.request()).values(b"upgrade"):
            await link.send(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02hi")
            await link.gone()
            return
        await link.send(answer())


@pytest.mark.parametrize("http2", [False, True])
def test_the_process_serves_https_from_files_web_sockets_too(tmp_path: Path, http2: bool) -> None:
    async def test() -> None:
        async with gateway_process(tmp_path, http2=http2) as (_, port, context):
            client = await secured(port, context)
            assert (await client.get(b"/service/x")).body == b"ok"
            await client.send(
                b"GET /service/ws HTTP/1.1\r\nhost: gateway\r\norigin: https://gateway\r\n" + UPGRADE + b"\r\n"
            )
            assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert await client.reader.readexactly(4) == b"\x81\x02hi"
            client.leave()

    run(test())


def test_the_process_serves_http2(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway_process(tmp_path, http2=True) as (backend, port, context):
            context.set_alpn_protocols(["h2"])
            async with h2_client(port, context) as client:
                assert (await client.answer(client.request(b"/service/x"))).body == b"ok"
                assert (await client.answer(client.request(b"/missing"))).status == 404
            assert backend.requests[0].values(b"x-forwarded-proto") == [b"https"]

    run(test())


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"GATEWAY_TLS_CERTIFICATE": "server.pem"}, "GATEWAY_TLS_KEY"),
        ({"GATEWAY_TLS_KEY": "server.pem"}, "GATEWAY_TLS_CERTIFICATE"),
        ({"GATEWAY_TLS_CERTIFICATE": "missing.pem", "GATEWAY_TLS_KEY": "missing.pem"}, "GATEWAY_TLS_KEY"),
    ],
)
def test_files_that_are_not_there_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], problem: str
) -> None:
    monkeypatch.chdir(write_descriptor(tmp_path))
    (tmp_path / "server.pem").write_text("")
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(tmp_path, environment(1, **variables))
    assert problem in [each.where for each in raised.value.problems]


def test_a_key_that_does_not_belong_to_the_certificate_ends_the_start(tmp_path: Path) -> None:
    authority = CertificateAuthority()
    https = certificate_files(tmp_path, authority)
    https.key.write_text(authority.server_pair("localhost").key_pem)
    variables = {"GATEWAY_TLS_CERTIFICATE": str(https.certificate), "GATEWAY_TLS_KEY": str(https.key)}
    done = subprocess.run(
        [sys.executable, "-m", "app", "-w", str(write_descriptor(tmp_path)), "-p", str(free_port())],
        cwd=ROOT, env={**os.environ, **environment(1), **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "certificate and key for https are unusable" in done.stdout
