"""A start script with extensions, in front of the landscape: who is logged in, and what is told of it."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.landscape.command import DEMO_FOLDER
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.journeys.person import Person
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from fastapi import APIRouter, Request
from app.extensions import Extension, Mount, at, request_info
from app.main import create_app

router = APIRouter()

@router.api_route("/me", methods=["GET", "POST"])
async def me(request: Request):
    info = request_info(request.scope)
    return {"user": info.user.user_id, "tenant": info.tenant.subdomain, "scopes": len(info.scopes)}

@router.get("/admin")
async def admin():
    return {}

async def tell(event):
    print("EVENT", event.ended or "login", event.user.user_id, len(event.session_id), flush=True)

def guarded(app):
    async def run(scope, receive, send):
        assert request_info(scope).user is not None
        await app(scope, receive, send)
    return run

mounts = [Mount(prefix="/own/secret", app=router, scopes=["nobody.has.this"]), Mount(prefix="/own", app=router)]
extension = Extension(
    mounts=mounts, on_login=tell, on_logout=tell, before_request_handler=[at("/own", guarded)]
)
app = create_app(sys.argv[-1], extensions=[extension])
raise SystemExit(app.serve())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo with an own start script."""
    script = tmp_path_factory.mktemp("start") / "start.py"
    script.write_text(SCRIPT)
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | NO_SCRIPTS | {"PYTHONPATH": str(ROOT)}
        with running_gateway(
            DEMO_FOLDER, environment, port=port, command=(sys.executable, str(script)), health="ready"
        ) as gateway:
            yield Site(landscape, gateway)


def test_a_mounted_router_is_behind_the_login_and_knows_the_user(site: Site) -> None:
    stranger = site.person()
    assert stranger.get("/own/me", headers={"x-requested-with": "XMLHttpRequest"}).status_code == 401
    person = site.person("anna")
    known = person.get("/own/me")
    assert known.status_code == 200
    assert set(known.json()) == {"user", "tenant", "scopes"}
    assert known.json()["scopes"] > 0


def test_a_mounted_router_is_protected_against_forged_requests(site: Site) -> None:
    person = site.person("anna")
    assert person.post("/own/me").status_code == 403
    token = person.get("/own/me", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    assert person.post("/own/me", headers={"x-csrf-token": token}).status_code == 200


def status_of(site: Site, person: Person, path: str) -> int:
    """Ask for a path exactly as it is spelled."""
    connection = http.client.HTTPConnection("localhost", site.gateway.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    connection.request("GET", path, headers={"cookie": cookies})
    with connection.getresponse() as answer:
        return answer.status


def test_a_mounted_router_asks_for_scopes_and_the_denial_is_audited(site: Site) -> None:
    person = site.person("anna")
    for spelling in ("/own/secret/admin", "/own/%73ecret/admin", "/own/secret%2Fadmin", "/own%2fsecret/admin"):
        assert status_of(site, person, spelling) == 403, spelling
    told = [line for line in site.gateway.log.splitlines() if '"gangway.audit"' in line and "SCOPE_MISSING" in line]
    assert len(told) == 4
    assert "anna" not in "".join(told)


def test_logins_and_logouts_are_told(site: Site) -> None:
    before = site.gateway.log.count("EVENT")
    person = site.person("anna")
    person.get("/logout", allow_redirects=False)
    events = [line.split() for line in site.gateway.log.splitlines() if line.startswith("EVENT")]
    assert [event[1] for event in events[before:]] == ["login", "logout"]
    assert {event[3] for event in events} == {"64"}
