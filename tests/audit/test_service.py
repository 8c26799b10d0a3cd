"""The service on the wire, and a gateway that writes to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.audit.event import Action, SecurityEvent
from app.audit.service import AuditLogService
from app.audit.trail import Delivery
from app.bindings.credentials import AuditLogCredentials
from app.clients import PlatformClients
from app.main import create_app
from app.principal import Tenant
from app.tokens.grants import Grants
from app.tokens.token_cache import TokenCache
from tests.audit.service_stub import AuditStub, credentials
from tests.extensions.support import environment, serving, write_descriptor
from tests.support.raw_backend import raw_backend
from tests.support.raw_client import raw_client
from tests.support.running import eventually, run

EVENT = SecurityEvent(Action.ACCESS, "SCOPE_MISSING", Tenant("provider-zone", ""), "anna")


@pytest.mark.parametrize(
    ("status", "delivery"),
    [
        (201, Delivery.DONE), (400, Delivery.REFUSED), (413, Delivery.REFUSED), (403, Delivery.REFUSED),
        (401, Delivery.AGAIN), (429, Delivery.AGAIN), (500, Delivery.AGAIN), (503, Delivery.AGAIN),
    ],
)  # fmt: skip
def test_what_an_answer_means(status: int, delivery: Delivery) -> None:
    async def test() -> None:
        stub = AuditStub()
        stub.statuses.append(status)
        async with raw_backend(stub.serve) as backend:
            clients = PlatformClients()
            model = AuditLogCredentials.model_validate(credentials(backend.port))
            service = AuditLogService(clients, model, TokenCache(Grants(clients)))
            assert await service.deliver(EVENT) is delivery
            assert await service.deliver(EVENT) is Delivery.DONE
            assert stub.grants == ["client_credentials"] * stub.tokens
            assert stub.tokens == (2 if status == 401 else 1)
            await clients.aclose()

    run(test())


def test_a_service_that_is_away_is_tried_again() -> None:
    async def test() -> None:
        stub = AuditStub()
        async with raw_backend(stub.serve) as backend:
            clients = PlatformClients()
            away = {**credentials(backend.port), "url": "http://127.0.0.1:1"}
            service = AuditLogService(clients, AuditLogCredentials.model_validate(away), TokenCache(Grants(clients)))
            assert await service.deliver(EVENT) is Delivery.AGAIN
            await clients.aclose()

    run(test())


def test_a_gateway_writes_refusals_to_the_bound_service(tmp_path: Path) -> None:
    async def test() -> None:
        stub = AuditStub()
        stub.statuses.append(503)
        async with raw_backend(stub.serve) as backend:
            services = {"auditlog": [{"name": "audit", "label": "auditlog", "credentials": credentials(backend.port)}]}
            app = create_app(write_descriptor(tmp_path), environment(1, VCAP_SERVICES=json.dumps(services)))
            async with serving(app) as port, raw_client(port) as client:
                assert (await client.get(b"/a/..%2f..%2fetc/passwd?secret=1")).status == 400
                assert (await client.get(b"/missing")).status == 404
                await eventually(lambda: len(stub.events) == 1)
            assert stub.attempts == 2
            event = stub.events[0]
            data = json.loads(event["data"])
            assert (event["user"], event["tenant"], event["ip"]) == ("anonymous", "$PROVIDER", "127.0.0.1")
            assert (data["failure"], data["request"]) == ("PATH_REFUSED", "GET /a/..%2f..%2fetc/passwd")

    run(test())


def test_without_a_service_the_log_tells_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def test() -> None:
        app = create_app(write_descriptor(tmp_path), environment(1))
        async with serving(app) as port, raw_client(port) as client:
            await client.get(b"/a/..%2f..%2fetc/passwd")

    run(test())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [line for line in lines if line.get("logger") == "gangway.audit"]
    assert [(line["user"], line["ip"], line["failure"]) for line in told] == [("*****", "*****", "PATH_REFUSED")]
