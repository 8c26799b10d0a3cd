"""Attack case 80: without the store, what needs no session lives on; the rest says what is missing, and comes back."""

from __future__ import annotations

import time

import requests

from tests.journeys.gateway import Gateway
from tests.journeys.person import Person
from tests.journeys_scale.conftest import Cloud, logged_in

PATIENCE = 20.0


def ready(gateway: Gateway) -> requests.Response:
    return requests.get(gateway.url + "/.gangway/ready", timeout=30)


def becomes(gateway: Gateway, status: str) -> requests.Response:
    """The answer about readiness, once it says this."""
    deadline = time.monotonic() + PATIENCE
    while (answer := ready(gateway)).json()["status"] != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)
    return answer


def test_attack_80_the_store_is_away_and_comes_back(cloud: Cloud) -> None:
    with cloud.instance() as gateway:
        anna = logged_in(gateway)
        cloud.store.stop()
        try:
            refused = anna.get("/service/whoami")
            assert (refused.status_code, refused.headers["x-error-origin"]) == (503, "session")
            assert "sessions (Redis)" in refused.json()["detail"]
            assert anna.get("/public/icon.svg").status_code == 200
            assert Person(gateway.url).get("/service/whoami", allow_redirects=False).status_code == 302
            degraded = becomes(gateway, "DEGRADED")  # but still there: the platform must not take public routes away
            assert (degraded.status_code, degraded.json()["checks"]["session-store"]["ok"]) == (200, False)
            assert requests.get(gateway.url + "/.gangway/live", timeout=30).status_code == 200
        finally:
            cloud.store.start()
        becomes(gateway, "UP")
        assert anna.get("/service/whoami").status_code == 200
