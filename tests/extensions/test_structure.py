"""Without extensions nothing of them exists on the way of a request; with them, mounts are as safe as routes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.staticfiles import StaticFiles

from app.composition.application import compose
from app.configuration import load_configuration
from app.extensions import Extension, Mount, request_info
from app.extensions.extended_gateway import ExtendedGateway
from app.extensions.mount import mounted_route
from app.extensions.slots import is_below
from app.gateway import Gateway
from app.main import create_app
from app.problem import ConfigurationError
from app.routing.route import AuthenticationType
from tests.extensions.support import environment, gateway, serving, write_descriptor
from tests.support.running import run

ROOT = Path(__file__).resolve().parents[2]


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never reached."""


def test_without_extensions_the_server_calls_the_plain_gateway(tmp_path: Path) -> None:
    configuration = load_configuration(write_descriptor(tmp_path), environment(1))

    async def test() -> None:
        running = compose(configuration)
        assert type(running.gateway) is Gateway
        await running.aclose()

    asyncio.run(test())


def test_without_extensions_none_of_their_modules_is_loaded(tmp_path: Path) -> None:
    write_descriptor(tmp_path)
    program = (
        "import asyncio, sys, pathlib\n"
        "import app.serving\n"
        "from app.composition.application import compose\n"
        "from app.configuration import load_configuration\n"
        "async def run():\n"
        f"    running = compose(load_configuration(pathlib.Path({str(tmp_path)!r}), {environment(1)!r}))\n"
        "    await running.aclose()\n"
        "asyncio.run(run())\n"
        "print([name for name in sys.modules if name.startswith(('app.extensions', 'fastapi', 'starlette'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_with_extensions_the_gateway_is_another(tmp_path: Path) -> None:
    app = create_app(write_descriptor(tmp_path), environment(1), extensions=[Extension()])

    async def test() -> None:
        async with serving(app):
            assert app._running is not None
            assert type(app._running.gateway) is ExtendedGateway

    run(test())


def test_fastapi_is_loaded_with_the_first_mounted_router_only() -> None:
    program = "import sys, app.main; print('fastapi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_protected_mount_without_a_service_for_logins_is_refused(tmp_path: Path) -> None:
    mount = Mount(prefix="/api", app=nothing)
    write_descriptor(tmp_path, authenticationMethod="route", routes=[
        {"source": "^/(.*)$", "localDir": "resources", "authenticationType": "none"}
    ])  # fmt: skip
    app = create_app(tmp_path, environment(1), extensions=[Extension(mounts=[mount])])
    sent: list[dict[str, str]] = []

    async def test() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "lifespan.startup"}

        async def send(message: dict[str, str]) -> None:
            sent.append(message)

        await app({"type": "lifespan"}, receive, send)

    asyncio.run(test())
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "xsuaa or identity binding" in sent[0]["message"]


@pytest.mark.parametrize("prefix", ["/my.api", "my.api", "/my.api/"])
def test_a_mount_matches_whole_segments_literally(prefix: str) -> None:
    route = mounted_route(Mount(prefix=prefix, app=nothing), -1, AuthenticationType.XSUAA, "app!t1")
    reached = [
        target for target in ("/my.api", "/my.api/x", "/my.api?x", "/myxapi", "/my.apis", "/a/my.api")
        if route.pattern.search(target) is not None
    ]  # fmt: skip
    assert reached == ["/my.api", "/my.api/x", "/my.api?x"]


@pytest.mark.parametrize("target", ["/api/admin%2Fsecret", "/api%2fadmin/x", "/api%2Fadmin", "/%C3%BC/admin", "/api/ü"])
def test_a_mount_is_found_under_every_spelling_of_its_path(target: str) -> None:
    prefix = "/ü/admin" if target.startswith("/%C3") else "/api/ü" if target.endswith("ü") else "/api/admin"
    route = mounted_route(Mount(prefix=prefix, app=nothing), -1, AuthenticationType.XSUAA, "app!t1")
    assert route.pattern.search(target.encode().decode("latin-1")) is not None


@pytest.mark.parametrize("path", ["/admin", "/admin/x", "/admin;a=b/x", "/admin;a/x;b"])
def test_middleware_below_a_path_sees_path_parameters_pass_by_nowhere(path: str) -> None:
    assert is_below(path, "/admin")
    assert not is_below(f"/other{path}", "/admin")
    assert not is_below("/admins;/admin", "/admin")


def test_a_mount_at_the_root_gets_everything() -> None:
    route = mounted_route(Mount(prefix="/", app=nothing), -1, AuthenticationType.XSUAA, "app!t1")
    assert all(route.pattern.search(target) for target in ("/", "/x", "/x/y?z"))


def test_a_mount_is_protected_like_a_route_by_default() -> None:
    mount = Mount(prefix="/api", app=nothing, scopes=["$XSAPPNAME.admin"])
    route = mounted_route(mount, -1, AuthenticationType.XSUAA, "app!t1")
    assert (route.authentication, route.csrf) == (AuthenticationType.XSUAA, True)
    assert route.scopes is not None
    assert route.scopes.allow("GET", frozenset({"app!t1.admin"}))
    assert not route.scopes.allow("GET", frozenset({"openid"}))


def test_what_is_no_application_cannot_be_mounted() -> None:
    with pytest.raises(ConfigurationError, match="an ASGI application or a FastAPI router"):
        mounted_route(Mount(prefix="/api", app="text"), -1, AuthenticationType.NONE, "")


def test_a_mounted_application_gets_the_whole_path_and_its_prefix(tmp_path: Path) -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        body = f"{scope['root_path']} {scope['path']}".encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    mounts = [Mount(prefix=prefix, app=echo, authentication="none") for prefix in ("/api", "/own/")]

    async def test() -> None:
        async with gateway(tmp_path, Extension(mounts=mounts)) as (_, client):
            assert (await client.get(b"/api/x%20y")).body == b"/api /api/x y"
            assert (await client.get(b"/%61pi/x")).body == b"/api /api/x"
            assert (await client.get(b"/own")).body == b"/own /own"

    run(test())


def test_a_mounted_framework_has_its_own_paths(tmp_path: Path) -> None:
    mounted, router = FastAPI(), APIRouter()

    async def time(zone: str, request: Request) -> dict[str, str]:
        return {"zone": zone, "path": request_info(request.scope).path, "url": request.url_for("time", zone=zone).path}

    for each in (mounted, router):
        each.get("/time/{zone}", name="time")(time)
    (tmp_path / "page.txt").write_text("a file")
    extension = Extension(mounts=[
        Mount(prefix="/my-api", app=mounted, authentication="none"),
        Mount(prefix="/router", app=router, authentication="none"),
        Mount(prefix="/files", app=StaticFiles(directory=tmp_path), authentication="none"),
    ])  # fmt: skip

    async def test() -> None:
        async with gateway(tmp_path, extension) as (_, client):
            for prefix in ("/my-api", "/router"):
                answered = await client.get(f"{prefix}/time/utc".encode())
                address = f"{prefix}/time/utc"
                assert json.loads(answered.body) == {"zone": "utc", "path": address, "url": address}
            assert (await client.get(b"/time/utc")).status == 404
            assert (await client.get(b"/my-api/other")).status == 404
            assert b"/my-api/openapi.json" in (await client.get(b"/my-api/docs")).body
            assert (await client.get(b"/files/page.txt")).body == b"a file"

    run(test())
