"""The script of docs/ui5-session-end.md in headless Chromium: ended sessions lead to the login and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from app.landscape.running import running_landscape
from tests.browser.conftest import Browser
from tests.journeys.conftest import Site
from tests.journeys.gateway import running_gateway
from tests.support.ports import free_port

DOCUMENT = Path(__file__).parents[2] / "docs" / "ui5-session-end.md"
PLACE = "/app/index.html?sap-language=EN#/orders/7"
XS_APP = {
    "routes": [
        {"source": "^/user-api/(.*)$", "target": "/$1", "service": "sap-approuter-userapi"},
        {"source": "^/app/(.*)$", "target": "$1", "localDir": "webapp", "authenticationType": "none"},
    ]
}
INDEX = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>App</title>
<script src="session-end.js"></script><script src="app.js" defer></script></head>
<body><p id="name"></p><p id="seconds"></p><p id="event"></p><button id="read">Read</button></body></html>
"""
APP = """
function read() {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", "/user-api/currentUser");
  xhr.onload = function () {
    if (xhr.status !== 200) return;
    document.querySelector("#name").textContent = JSON.parse(xhr.responseText).email;
    document.querySelector("#seconds").textContent = xhr.getResponseHeader("x-session-seconds");
  };
  xhr.send();
}
document.querySelector("#read").onclick = read;
for (const name of ["sessionended", "sessionending"]) {
  window.addEventListener(name, function (event) {
    if (location.search.includes("stay")) event.preventDefault();
    document.querySelector("#event").textContent = name + " " + JSON.stringify(event.detail);
  });
}
read();
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    script = re.search(r"```js\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert script is not None
    (tmp_path / "xs-app.json").write_text(json.dumps(XS_APP))
    (tmp_path / "webapp").mkdir()
    for name, content in (("index.html", INDEX), ("session-end.js", script[1]), ("app.js", APP)):
        (tmp_path / "webapp" / name).write_text(content)
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}") | {"GATEWAY_SESSION_SECONDS": "true"}
        with running_gateway(tmp_path, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def text(browser: Browser, selector: str) -> str:
    return browser.driver.find_element(By.CSS_SELECTOR, selector).text


def logged_in(browser: Browser, site: Site, place: str = PLACE) -> None:
    """Open the page without a session: its first call leads to the login, and back to the very place."""
    browser.driver.get(site.gateway.url + place)
    browser.element("#login-anna").click()
    browser.wait_for(lambda _: text(browser, "#name") == "anna.arnold@acme.example")
    assert browser.driver.current_url == site.gateway.url + place


def lose_session(browser: Browser) -> None:
    browser.driver.delete_cookie("JSESSIONID")


def test_an_ended_session_leads_to_the_login_and_back_to_the_same_place(
    new_browser: Callable[[], Browser], site: Site
) -> None:
    browser = new_browser()
    logged_in(browser, site)
    assert 890 <= int(text(browser, "#seconds")) <= 900
    lose_session(browser)
    browser.driver.execute_script("window.before = true")
    browser.element("#read").click()  # the authorization server still knows the user: no password is asked for
    browser.wait_for(lambda driver: not driver.execute_script("return window.before"))
    browser.wait_for(lambda _: text(browser, "#name") == "anna.arnold@acme.example")
    assert browser.driver.current_url == site.gateway.url + PLACE


def test_the_application_may_stay_and_ask_the_user(new_browser: Callable[[], Browser], site: Site) -> None:
    browser = new_browser()
    logged_in(browser, site)
    stay = PLACE.replace("EN", "EN&stay")
    browser.driver.get(site.gateway.url + stay)
    browser.wait_for(lambda _: text(browser, "#name") != "")
    lose_session(browser)
    browser.element("#read").click()
    browser.wait_for(lambda _: text(browser, "#event").startswith("sessionended"))
    assert "/.gangway/login?return=%2Fapp%2Findex.html" in text(browser, "#event")
    assert browser.driver.current_url == site.gateway.url + stay


def test_the_time_announced_is_kept_for_all_tabs(new_browser: Callable[[], Browser], site: Site) -> None:
    browser = new_browser()
    logged_in(browser, site)
    browser.driver.execute_script("localStorage.setItem('gangway-session-ends', String(Date.now() + 30000))")
    browser.wait_for(lambda _: text(browser, "#event").startswith("sessionending"))
    browser.driver.execute_script(
        "window.before = true; localStorage.setItem('gangway-session-ends', String(Date.now() - 1))"
    )
    browser.wait_for(lambda driver: not driver.execute_script("return window.before"))
    browser.wait_for(lambda _: text(browser, "#name") == "anna.arnold@acme.example")
    assert browser.driver.current_url == site.gateway.url + PLACE
