"""What every answer carries, whoever gives it: origins, error pages, own endpoints, checked hosts."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.answers.support import ROUTES, ask, gateway, value
from tests.support.raw_backend import Link, answer, friendly
from tests.support.running import run

GOOD = "https://good.example"
CORS = {"cors": [{"uriPattern": "^/(api|files|missing)", "allowedOrigin": [{"host": "good.example"}]}]}
ALLOW = "access-control-allow-origin"


async def opinionated(link: Link) -> None:
    """A backend that lets everybody in."""
    while True:
        await link.request()
        await link.send(answer(headers=b"Access-Control-Allow-Origin: *\r\nVary: Accept-Language\r\n"))


def test_one_policy_holds_for_backends_files_and_failures(tmp_path: Path) -> None:
    async def test() -> None:
        document = {**CORS, "routes": [*ROUTES[:1], {"source": "^/api", "destination": "backend"}]}
        async with gateway(tmp_path, opinionated, document) as client:
            for target, status in (("/api/x", 200), ("/files/text.txt", 200), ("/missing", 404), ("/files/none", 404)):
                reply = await ask(client, target, origin=GOOD)
                assert (reply.status, value(reply, ALLOW)) == (status, GOOD)
                assert "Origin" in (value(reply, "vary") or "")

    run(test())


def test_headers_that_are_configured_twice_reach_the_client_twice(tmp_path: Path) -> None:
    async def test() -> None:
        document = {
            "routes": [*ROUTES[:1], {"source": "^/api", "destination": "backend"}],
            "responseHeaders": [{"name": "Link", "value": "a"}, {"name": "link", "value": "b"}],
        }
        async with gateway(tmp_path, friendly, document) as client:
            for target in ("/api/x", "/files/text.txt", "/missing"):
                assert (await ask(client, target)).values(b"link") == [b"a", b"b"]

    run(test())


def test_what_a_backend_says_gives_way_also_where_nobody_asks(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, opinionated, CORS) as client:
            reply = await ask(client, "/api/x")
            assert (reply.status, value(reply, ALLOW)) == (200, None)
            assert value(reply, "vary") == "Accept-Language, Origin"
            elsewhere = await ask(client, "/other", origin="https://evil.example")
            assert (value(elsewhere, ALLOW), value(elsewhere, "vary")) == ("*", "Accept-Language")

    run(test())


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://evil-good.example"])
def test_foreign_pages_reach_nothing(tmp_path: Path, origin: str) -> None:
    async def test() -> None:
        reached: list[str] = []

        async def backend(link: Link) -> None:
            reached.append((await link.request()).method)

        async with gateway(tmp_path, backend, CORS) as client:
            for method in ("GET", "OPTIONS"):
                reply = await ask(client, "/api/x", method, origin=origin, access_control_request_method="GET")
                assert (reply.status, value(reply, ALLOW)) == (403, None)
        assert reached == []

    run(test())


def test_a_preflight_is_answered_before_anybody_logs_in(tmp_path: Path) -> None:
    xsuaa = {
        "label": "xsuaa",
        "name": "uaa",
        "tags": ["xsuaa"],
        "credentials": {
            "clientid": "sb-app",
            "clientsecret": "secret",
            "url": "http://127.0.0.1:9",
            "uaadomain": "localhost",
            "xsappname": "app",
            "identityzone": "zone",
            "identityzoneid": "zone-id",
            "tenantmode": "dedicated",
        },
    }

    async def test() -> None:
        document = {**CORS, "authenticationMethod": "route"}
        async with gateway(
            tmp_path, friendly, document, VCAP_SERVICES={"xsuaa": [xsuaa]}, PRESERVE_FRAGMENT="false"
        ) as client:
            reply = await ask(client, "/api/x", "OPTIONS", origin=GOOD, access_control_request_method="POST")
            assert (reply.status, reply.body, value(reply, ALLOW)) == (204, b"", GOOD)
            assert value(reply, "access-control-allow-methods") == "POST"
            login = await ask(client, "/api/x", origin=GOOD)
            assert (login.status, value(login, ALLOW)) == (302, GOOD)

    run(test())


def test_configuration_of_the_file_goes_before_the_variable(tmp_path: Path) -> None:
    async def test() -> None:
        listed = [{"uriPattern": "^/", "allowedOrigin": [{"host": "env.example"}]}]
        async with gateway(tmp_path, friendly, CORS, CORS=listed) as client:
            assert (await ask(client, "/api/x", origin="https://env.example")).status == 403
        async with gateway(tmp_path, friendly, CORS=listed) as client:
            assert value(await ask(client, "/api/x", origin="https://env.example"), ALLOW) == "https://env.example"

    run(test())


def test_own_endpoints_are_answered_without_routes(tmp_path: Path) -> None:
    plugins = [{"name": "p", "source": "^/p/", "destination": "backend", "authenticationType": "none"}]
    document = {
        "whitelistService": {"endpoint": "/allow"},
        "pluginMetadataEndpoint": "metadata",
        "routes": [{"source": "^/nothing$", "destination": "backend"}],
    }

    async def test() -> None:
        hosts = [{"host": "*.listed.example", "port": "*"}]
        async with gateway(tmp_path, friendly, document, plugins=plugins, CJ_PROTECT_WHITELIST=hosts) as client:
            framing = json.loads((await ask(client, "/allow?parentOrigin=https%3A%2F%2Fa.listed.example")).body)
            assert framing["framing"] is True
            assert json.loads((await ask(client, "/metadata")).body) == plugins
            refused = await ask(client, "/allow", "DELETE")
            assert (refused.status, value(refused, "allow")) == (405, "GET, HEAD")

    run(test())


def test_error_pages_of_the_administrator_are_shown(tmp_path: Path) -> None:
    (tmp_path / "404.html").write_text("<h1>custom</h1>")
    pages = [{"status": 404, "file": "404.html"}, {"status": 405, "path": "/readonly.html"}]

    async def test() -> None:
        document = {"errorPage": pages, "routes": [*ROUTES[:1], {"source": "^/api/", "destination": "backend"}]}
        async with gateway(tmp_path, failing, document) as client:
            ours = await ask(client, "/unknown", accept="application/json")
            assert (ours.status, ours.body) == (404, b"<h1>custom</h1>")
            redirected = await ask(client, "/files/text.txt", "PUT", content_length="0")
            assert (redirected.status, value(redirected, "location")) == (302, "/readonly.html")
            theirs = await ask(client, "/api/x")
            assert (theirs.status, theirs.body) == (404, b"theirs")

    run(test())


async def failing(link: Link) -> None:
    """A backend that knows nothing."""
    while True:
        await link.request()
        await link.send(answer(b"theirs", status=404))


@pytest.mark.parametrize(("enabled", "status"), [("true", 400), ("false", 200)])
def test_forwarded_hosts_are_checked_when_that_is_wanted(tmp_path: Path, enabled: str, status: int) -> None:
    async def test() -> None:
        async with gateway(tmp_path, friendly, ENABLE_X_FORWARDED_HOST_VALIDATION=enabled) as client:
            assert (await ask(client, "/x", x_forwarded_host="shop-1.example.com")).status == 200
            assert (await ask(client, "/x", x_forwarded_host="shop<script>")).status == status

    run(test())


def test_with_an_enforced_secure_cookie_nothing_is_served_over_plain_http(tmp_path: Path) -> None:
    async def test() -> None:
        async with gateway(tmp_path, friendly, CORS, SECURE_SESSION_COOKIE="true") as client:
            for target in ("/files/text.txt", "/api/x", "/missing"):
                assert (await ask(client, target)).status == 403
                assert (await ask(client, target, x_forwarded_proto="https")).status == 200
            assert (await ask(client, "/.gangway/live")).status == 200

    run(test())


def test_destinations_are_named_by_the_host_the_browser_knows(tmp_path: Path) -> None:
    document = {"routes": [{"source": "^/api/", "destination": "*"}]}
    pattern = {"DESTINATION_HOST_PATTERN": "^(.*)\\.router\\.example$"}

    async def test() -> None:
        async with gateway(tmp_path, friendly, document, **pattern) as client:
            assert (await ask(client, "/api/x", x_forwarded_host="backend.router.example")).status == 200
            assert (await ask(client, "/api/x", x_custom_host="backend.router.example")).status == 404
        async with gateway(tmp_path, friendly, document, EXTERNAL_REVERSE_PROXY="true", **pattern) as client:
            assert (await ask(client, "/api/x", x_custom_host="backend.router.example")).status == 200
            assert (await ask(client, "/api/x", x_forwarded_host="backend.router.example")).status == 404

    run(test())


@pytest.mark.parametrize(
    ("target", "headers", "asked"),
    [
        ("/api/x?sap-statistics=true", {}, ["true"]),
        ("/api/x", {"sap_statistics": "true"}, ["true"]),
        ("/api/x?sap-statistics=true", {"sap_statistics": "true"}, ["true"]),
        ("/api/x", {"sap_statistics": "false"}, ["false"]),
        ("/api/x?sap-statistics=false", {}, []),
        ("/api/x", {}, []),
    ],
)
def test_whoever_asks_for_statistics_asks_the_backend_too(
    tmp_path: Path, target: str, headers: dict[str, str], asked: list[str]
) -> None:
    async def test() -> None:
        seen: list[bytes] = []

        async def backend(link: Link) -> None:
            request = await link.request()
            seen.extend(request.values(b"sap-statistics"))
            await link.send(answer(b"theirs"))

        async with gateway(tmp_path, backend) as client:
            reply = await ask(client, target, **headers)
        assert seen == [value.encode() for value in asked]
        assert (value(reply, "sap-statistics-approuter") is not None) == (asked == ["true"])

    run(test())


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"x_correlationid": "c-1", "x_request_id": "r-1"}, ("c-1", "r-1")),
        ({"x_correlationid": "c-1", "x_request_id": "r 1"}, ("c-1", "c-1")),
        ({"x_request_id": "r-1"}, ("r-1", "r-1")),
        ({"x_correlationid": "c-1"}, ("c-1", "c-1")),
    ],
)
def test_a_clients_own_request_id_reaches_the_backend(
    tmp_path: Path, sent: dict[str, str], expected: tuple[str, str]
) -> None:
    seen: list[tuple[list[bytes], list[bytes]]] = []

    async def noting(link: Link) -> None:
        received = await link.request()
        seen.append((received.values(b"x-correlationid"), received.values(b"x-request-id")))
        await link.send(answer())

    async def test() -> None:
        async with gateway(tmp_path, noting) as client:
            reply = await ask(client, "/x", **sent)
            assert value(reply, "x-correlationid") == expected[0]

    run(test())
    assert seen == [([expected[0].encode()], [expected[1].encode()])]


def test_an_answer_without_a_date_gets_ours_and_one_with_a_date_keeps_it(tmp_path: Path) -> None:
    """RFC 9110, 6.6.1."""

    async def dated(link: Link) -> None:
        while True:
            received = await link.request()
            is_dated = received.target == b"/dated"
            await link.send(answer(headers=b"Date: Sat, 31 Jan 2026 12:00:00 GMT\r\n" if is_dated else b""))

    async def test() -> None:
        async with gateway(tmp_path, dated) as client:
            assert value(await ask(client, "/dated"), "date") == "Sat, 31 Jan 2026 12:00:00 GMT"
            given = parsedate_to_datetime(value(await ask(client, "/undated"), "date") or "")
            assert abs(given.timestamp() - time.time()) < 5

    run(test())


def test_targets_beyond_ascii_are_sent_and_found_percent_encoded(tmp_path: Path) -> None:
    routes = [
        {"source": "^/euro/(.*)$", "target": "/\u20ac/$1", "destination": "backend"},
        {"source": "^/umlaut/(.*)$", "target": "/\u00e4 b/$1", "destination": "backend"},
        {"source": "^/file$", "target": "/gr\u00fc\u00df e.txt", "localDir": "resources"},
    ]
    targets: list[bytes] = []

    async def noting(link: Link) -> None:
        while True:
            targets.append((await link.request()).target)
            await link.send(answer())

    async def test() -> None:
        async with gateway(tmp_path, noting, {"routes": routes}) as client:
            (tmp_path / "resources" / "gr\u00fc\u00df e.txt").write_bytes(b"found")
            assert (await ask(client, "/euro/x?y")).status == 200
            assert (await ask(client, "/umlaut/%C3%A4")).status == 200
            assert (await ask(client, "/file")).body == b"found"

    run(test())
    assert targets == [b"/%E2%82%AC/x?y", b"/%C3%A4%20b/%C3%A4"]
