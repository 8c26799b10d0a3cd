"""Tokens of tenants that somebody made up keep nobody out who logs in."""

from __future__ import annotations

import json
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator

import pytest
import requests

from tests.journeys.person import TIMEOUT
from tests.journeys.tenant_site import TenantSite, tenant_site

XS_APP = {
    "routes": [
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
        {"source": "^/open/(.*)$", "target": "/$1", "destination": "microservice", "authenticationType": "none"},
    ]
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TenantSite]:
    with tenant_site(tmp_path_factory.mktemp("forged"), XS_APP) as running:
        yield running


def forged(client_id: str) -> str:
    """An unsigned token of a tenant that does not exist."""
    claims = {
        "zid": str(uuid.uuid4()), "cid": client_id, "aud": [client_id], "user_id": "x", "exp": int(time.time()) + 600,
    }  # fmt: skip
    header = {"alg": "RS256", "kid": "default-jwt-key-1"}
    parts = [urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims)]
    return ".".join((*parts, "AAAA"))


def test_attack_55_invented_tenants_keep_no_subscriber_from_the_login(site: TenantSite) -> None:
    client_id = site.landscape.instances.app.client.client_id
    for _ in range(21):
        headers = {"x-approuter-authorization": f"Bearer {forged(client_id)}"}
        answer = requests.get(f"{site.url('acme')}/open/whoami", headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 503
    assert 0 < int(answer.headers["retry-after"]) <= 30
    gina = site.person("globex", "gina")
    assert gina.get("/user-api/currentUser").json()["email"] == "gina.gomez@globex.example"
