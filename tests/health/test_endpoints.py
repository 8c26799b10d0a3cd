"""What the platform asks."""

from __future__ import annotations

import json

import pytest

from app.errors import Failure, GatewayError
from app.health.endpoints import HealthEndpoints
from app.health.readiness import Readiness
from app.request_head import RequestHead


def get(path: str, readiness: Readiness, method: str = "GET") -> tuple[int, object]:
    answer = HealthEndpoints(readiness).answer(RequestHead(method, path, ()))
    assert answer is not None
    assert dict(answer.headers) == {b"content-type": b"application/json", b"cache-control": b"no-store"}
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_running_process_lives_whether_ready_or_not(method: str) -> None:
    assert get("/.gangway/live", Readiness(["store"]), method) == (200, {"status": "UP"})
    assert get("/.gangway/live?probe=1", Readiness()) == (200, {"status": "UP"})


def test_readiness_lists_its_checks() -> None:
    readiness = Readiness(["bindings", "store"])
    readiness.mark("bindings", True, "3 services")
    assert get("/.gangway/ready", readiness) == (
        503,
        {
            "status": "DOWN",
            "checks": {
                "bindings": {"ok": True, "detail": "3 services"},
                "store": {"ok": False, "detail": "not known yet"},
            },
        },
    )
    readiness.mark("store", True)
    status, report = get("/.gangway/ready", readiness)
    assert status == 200
    assert isinstance(report, dict)
    assert report["status"] == "UP"
    readiness.mark("store", False, "no connection")
    status, report = get("/.gangway/ready", readiness)
    assert isinstance(report, dict)
    assert (status, report["status"]) == (200, "DEGRADED")


@pytest.mark.parametrize(
    "path", ["/", "/.gangway", "/.gangway/", "/.gangway/live/", "/.gangway/other", "/x/.gangway/live"]
)
def test_other_addresses_are_none_of_its_business(path: str) -> None:
    assert HealthEndpoints(Readiness()).answer(RequestHead("GET", path, ())) is None


def test_the_prefix_is_a_setting() -> None:
    endpoints = HealthEndpoints(Readiness(), "/internal")
    assert endpoints.answer(RequestHead("GET", "/internal/live", ())) is not None
    assert endpoints.answer(RequestHead("GET", "/.gangway/live", ())) is None


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_health_is_read_only(method: str) -> None:
    with pytest.raises(GatewayError) as caught:
        HealthEndpoints(Readiness()).answer(RequestHead(method, "/.gangway/ready", ()))
    assert caught.value.failure is Failure.METHOD_NOT_ALLOWED
    assert caught.value.headers == ((b"allow", b"GET, HEAD"),)
