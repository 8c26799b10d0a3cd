"""Pages in frames of others: only those whom the subaccount trusts, through the login and to the data."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.landscape.running import running_landscape
from tests.browser.conftest import Browser
from tests.journeys.conftest import Site
from tests.journeys.gateway import running_gateway
from tests.support.ports import free_port

XS_APP = {"routes": [{"source": "^/app/(.*)$", "target": "$1", "localDir": "webapp"}]}
PAGE = "<!doctype html><title>App</title><p id=app>the application</p>"
FRAMED = "the application"
BLOCKED = "chrome-error://chromewebdata/"


@contextmanager
def portal(framed: str) -> Iterator[int]:
    """A page of another origin that frames an address; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!doctype html><title>Portal</title><iframe src='{framed}'></iframe>".encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "xs-app.json").write_text(json.dumps(XS_APP))
    (tmp_path / "webapp").mkdir()
    (tmp_path / "webapp" / "index.html").write_text(PAGE)
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}")
        environment |= {"ENABLE_FRAME_ANCESTORS_CSP_HEADERS": "true", "FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME": "3600"}
        with running_gateway(tmp_path, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def shown(browser: Browser, address: str) -> str:
    """The text that a portal's frame shows once something is there; `BLOCKED` where the browser refuses to."""
    browser.driver.get(address)
    browser.driver.switch_to.frame(browser.element("iframe"))
    browser.wait_for(lambda _: place(browser) == BLOCKED or browser.texts("body") not in ([], [""]))
    text = BLOCKED if place(browser) == BLOCKED else browser.element("body").text
    browser.driver.switch_to.default_content()  # a driver that is left in a frame may wait for it for ever
    return text


def place(browser: Browser) -> str:
    return str(browser.driver.execute_script("return document.URL"))


def test_trusted_domains_may_frame_pages_and_nobody_else(site: Site, new_browser: Callable[[], Browser]) -> None:
    browser, address = new_browser(), f"{site.gateway.url}/app/index.html"
    with portal(address) as trusted, portal(address) as other, portal(f"{site.gateway.url}/app/none") as lost:
        # The subaccount trusts two of the three; all are of the same site, so that cookies reach the frame.
        site.landscape.xsuaa.trusted_domains["acme"] = [f"http://localhost:{port}" for port in (trusted, lost)]
        assert "Log in to acme" in shown(browser, f"http://localhost:{trusted}/")
        assert shown(browser, f"http://localhost:{other}/") == BLOCKED
        browser.driver.get(address)
        browser.element("#login-anna").click()
        assert browser.element("#app").text == FRAMED
        assert shown(browser, f"http://localhost:{trusted}/") == FRAMED
        assert shown(browser, f"http://localhost:{other}/") == BLOCKED
        assert "404" in shown(browser, f"http://localhost:{lost}/")
