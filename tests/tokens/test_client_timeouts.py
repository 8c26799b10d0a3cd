"""Timeouts of single services (`outgoingRequestOptions`), and certificates that are not verified."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from app.clients import CONNECT_SECONDS, PlatformClients
from app.composition.platform import service_timeouts
from app.landscape.certificates import CertificateAuthority
from app.platform_service import Service
from app.routing.descriptor_options import OutgoingRequestOptions
from tests.inbound_http2.server import certificate_files, tls_server
from tests.support.raw_backend import Link, raw_backend
from tests.support.running import run


def options(**services: int) -> OutgoingRequestOptions:
    return OutgoingRequestOptions.model_validate({name: {"timeout": value} for name, value in services.items()})


def test_defaults_are_those_of_the_reference() -> None:
    assert service_timeouts(OutgoingRequestOptions()) == {Service.XSUAA: 10.0, Service.IDENTITY: 30.0}


def test_configured_timeouts_are_milliseconds() -> None:
    assert service_timeouts(options(xsuaa=20_000, destination=1500))[Service.DESTINATION] == 1.5


def test_zero_is_without_limit_but_for_connecting() -> None:
    clients = PlatformClients(timeouts={Service.DESTINATION: 0, Service.XSUAA: 0.5})
    assert clients.timeout(Service.DESTINATION) == (CONNECT_SECONDS, None, None, None)
    assert clients.timeout(Service.XSUAA) == (0.5, 0.5, 0.5, 0.5)
    assert clients.timeout(Service.IDENTITY) is None


def test_a_slow_service_is_given_up_after_its_own_timeout() -> None:
    async def waits(link: Link) -> None:
        await link.request()
        await link.gone()

    async def test() -> None:
        async with raw_backend(waits) as backend:
            clients = PlatformClients(timeout=30, timeouts={Service.IDENTITY: 0.02})
            with pytest.raises(httpx.ReadTimeout):
                await clients.get(service=Service.IDENTITY).get(f"http://127.0.0.1:{backend.port}/")
            assert clients.get().timeout.read == 30
            assert clients.get() is clients.get()
            await clients.aclose()

    run(test())


def test_certificates_are_verified_unless_switched_off(tmp_path: Path) -> None:
    async def hello(scope: object, receive: object, send: object) -> None:
        assert callable(send)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def test() -> None:
        https = certificate_files(tmp_path, CertificateAuthority())
        async with tls_server(hello, https, http2=False) as port:
            strict, trusting = PlatformClients(), PlatformClients(verify=False)
            with pytest.raises(httpx.ConnectError):
                await strict.get().get(f"https://127.0.0.1:{port}/")
            assert (await trusting.get().get(f"https://127.0.0.1:{port}/")).status_code == 200
            await asyncio.gather(strict.aclose(), trusting.aclose())

    run(test())
