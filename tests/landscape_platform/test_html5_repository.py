"""The HTML5 repository of the landscape (protocols, section 6.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from app.landscape.html5_apps import COUNTRY_HOST, SHOP_HOST, HostedApp
from app.landscape.landscape import Landscape
from app.landscape.users import DEMO_PASSWORD
from tests.landscape_platform.support import web

Get = Callable[..., Awaitable[httpx.Response]]
Step = Callable[[Landscape, Get], Awaitable[None]]


def run(step: Step) -> None:
    async def main() -> None:
        async with Landscape(html5=True) as landscape, web() as client:
            runtime = landscape.vcap_services()["html5-apps-repo"][1]["credentials"]
            token = await token_for(client, runtime["uaa"], grant_type="client_credentials")

            async def get(path: str, method: str = "GET", **headers: str) -> httpx.Response:
                given = {"authorization": f"Bearer {token}"} | {
                    name.replace("_", "-"): value for name, value in headers.items()
                }
                return await client.request(method, runtime["uri"] + path, headers=given)

            await step(landscape, get)

    asyncio.run(main())


async def token_for(client: httpx.AsyncClient, uaa: dict[str, Any], **form: str) -> str:
    answer = await client.post(f"{uaa['url']}/oauth/token", data=form, auth=(uaa["clientid"], uaa["clientsecret"]))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def test_files_have_types_and_tags() -> None:
    async def step(landscape: Landscape, get: Get) -> None:
        page = await get("/shop/index.html")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html")
        assert "shop 1.1.0" in page.text
        same = await get("/shop-1.1.0/index.html", if_none_match=page.headers["etag"])
        assert (same.status_code, same.content) == (304, b"")
        head = await get("/shop/index.html", "HEAD")
        assert (head.headers["content-length"], head.content) == (str(len(page.content)), b"")
        for path in ("/shop/none.js", "/shop-3.0.0/index.html", "/nobody/index.html", "/", "/applications/other"):
            assert (await get(path)).status_code == 404
        assert (await get("/shop/index.html", "POST")).status_code == 405

    run(step)


def test_applications_of_other_spaces_are_seen_when_named_and_public() -> None:
    async def step(landscape: Landscape, get: Get) -> None:
        assert (await get("/countrylist/index.html")).status_code == 404
        assert (await get("/countrylist/index.html", x_app_host_id=f"{COUNTRY_HOST}, {SHOP_HOST}")).status_code == 200
        landscape.html5_repository.deploy(HostedApp("secret", "1.0.0", COUNTRY_HOST, {"/a.txt": b"a"}))
        assert (await get("/secret/a.txt", x_app_host_id=COUNTRY_HOST)).status_code == 404
        unknown = await get("/shop/index.html", x_app_host_id=f"{SHOP_HOST},nowhere")
        assert (unknown.status_code, unknown.headers["x-invalid-app-host-id"]) == (200, "nowhere")

    run(step)


def test_what_is_deployed_is_listed() -> None:
    async def step(landscape: Landscape, get: Get) -> None:
        landscape.html5_repository.deploy(HostedApp("shop", "2.0.0", SHOP_HOST, {"/a.txt": b"a"}))
        listed = (await get("/applications/metadata/")).json()
        assert {(app["applicationName"], app["applicationVersion"], app["isDefault"]) for app in listed} == {
            ("shop", "1.0.0", False),
            ("shop", "1.1.0", False),
            ("shop", "2.0.0", True),
        }
        assert (await get("/applications/files/path/shop-2.0.0")).json() == [{"filePath": "/shop-2.0.0/a.txt"}]
        assert (await get("/applications/files/path/shop-9.0.0")).status_code == 404
        assert (await get("/shop/a.txt")).text == "a"

    run(step)


def test_only_technical_tokens_of_the_runtime_read() -> None:
    async def main() -> None:
        async with Landscape(html5=True) as landscape, web() as client:
            services = landscape.vcap_services()
            runtime, app = services["html5-apps-repo"][1]["credentials"], services["xsuaa"][0]["credentials"]
            person = {"grant_type": "password", "username": "anna", "password": DEMO_PASSWORD}
            tokens = [
                await token_for(client, app, grant_type="client_credentials"),
                await token_for(client, runtime["uaa"], **person),
                "nonsense",
            ]
            for header in ({"authorization": f"Bearer {token}"} for token in tokens):
                assert (await client.get(f"{runtime['uri']}/shop/index.html", headers=header)).status_code == 401
            assert (await client.get(f"{runtime['uri']}/shop/index.html")).status_code == 401

    asyncio.run(main())


def test_without_html5_nothing_of_it_is_bound() -> None:
    async def main() -> None:
        async with Landscape() as landscape:
            assert not {"html5-apps-repo", "country"} & landscape.vcap_services().keys()

    asyncio.run(main())
