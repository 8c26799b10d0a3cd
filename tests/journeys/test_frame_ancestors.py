"""Trusted domains of subaccounts in Content-Security-Policy: `ENABLE_FRAME_ANCESTORS_CSP_HEADERS`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.landscape.faults import Fault
from app.landscape.journal import Station
from app.landscape.users import PROVIDER
from tests.journeys.person import HTML
from tests.journeys.tenant_site import TenantSite, tenant_site

CSP = "content-security-policy"
ACME = "frame-ancestors https://portal.acme.example https://*.launchpad.example"
XS_APP = {
    "routes": [
        {"source": "^/user-api(.*)", "target": "$1", "service": "sap-approuter-userapi"},
        {"source": "^/service/(.*)$", "target": "/$1", "destination": "microservice"},
        {"source": "^/files/(.*)$", "target": "$1", "localDir": "resources", "authenticationType": "none"},
    ]
}


@pytest.fixture
def framed(tmp_path: Path) -> Iterator[TenantSite]:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "index.html").write_text("<p>hello")
    switched_on = {"ENABLE_FRAME_ANCESTORS_CSP_HEADERS": "true", "FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME": "3600"}
    with tenant_site(tmp_path, XS_APP, **switched_on, PRESERVE_FRAGMENT="true") as running:
        running.landscape.xsuaa.trusted_domains["acme"] = ["https://portal.acme.example", "https://*.launchpad.example"]
        yield running


def test_every_answer_names_those_who_may_frame_it_and_each_tenant_has_its_own(framed: TenantSite) -> None:
    anna = framed.person("acme")
    for path in ("/files/index.html", "/files/none", "/nowhere", "/login/callback"):
        assert anna.get(path).headers[CSP] == ACME, path
    for path, own in (("/service/whoami", "script-src 'nonce-"), ("/nowhere", "style-src 'unsafe-inline'")):
        page = anna.get(path, headers=HTML).headers[CSP]
        assert own in page
        assert page.endswith(f"; {ACME}")
    token = framed.user_token(PROVIDER, "anna")
    called = anna.get("/service/whoami", headers={"x-approuter-authorization": f"Bearer {token}"})
    assert (called.status_code, called.headers[CSP]) == (200, ACME)
    assert CSP not in framed.person("globex").get("/files/index.html").headers
    asked = [entry for entry in framed.landscape.journal.entries(station=Station.XSUAA) if "settings" in entry.kind]
    assert sorted(entry.detail["tenant"] for entry in asked) == ["acme", "globex"]


def test_while_xsuaa_is_away_pages_are_served_and_nobody_else_may_frame_them(framed: TenantSite) -> None:
    framed.landscape.faults.switch_on(Fault.SERVER_ERROR, Station.XSUAA)
    answer = framed.person("acme").get("/files/index.html")
    assert (answer.status_code, answer.headers[CSP]) == (200, "frame-ancestors 'self'")
    assert "the trusted domains are not known: status 503" in framed.gateway.log
