"""A UI5 application, loaded from the sources in UI5's packages, in headless Chromium: OData V2 and V4 as each user.

The packages hold no compiled themes: controls look bare, and are whole otherwise.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from app.landscape import s4_cloud, s4_onpremise
from app.landscape.journal import Station
from app.landscape.running import running_landscape
from tests.browser.conftest import Browser
from tests.journeys.conftest import Site
from tests.journeys.gateway import running_gateway
from tests.real_clients.packages import SOURCES, installed
from tests.support.ports import free_port

ROWS = """
return [...document.querySelectorAll(arguments[0])].map((row) => {
  const cells = row.querySelectorAll(".sapMListTblCell");
  return [cells[0].innerText.trim(), row.querySelector("input").value, cells[3].innerText.trim()];
});
"""
NewBrowser = Callable[[], Browser]
ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"
PRODUCTS = ["HT-1000", "HT-1010", "HT-1030", "HT-1040", "HT-1063", "HT-1107"]
SYSTEMS = ("onpremise", "cloud")
SERVICES = {
    "onpremise": (Station.S4_ONPREMISE, s4_onpremise.SERVICE),
    "cloud": (Station.S4_CLOUD, s4_cloud.SERVICE),
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The application beside the packages it is served with."""
    shutil.copytree(SOURCES / "ui5", installed(), dirs_exist_ok=True)
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}")
        with running_gateway(installed(), environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


class Page:
    """The application as a user sees it."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    @classmethod
    def of(cls, browser: Browser, site: Site, user: str) -> Page:
        """Opened by a user, showing both lists."""
        browser.driver.get(site.gateway.url)
        browser.element(f"#login-{user}").click()
        page = cls(browser)
        browser.wait_for(lambda _: all(len(page.rows(system)) == len(PRODUCTS) for system in SYSTEMS))
        return page

    def rows(self, system: str) -> list[tuple[str, str, str]]:
        """Product, stock, and who changed it, of every row."""
        rows: list[list[str]] = self.browser.driver.execute_script(ROWS, f"[id$='--{system}'] tbody tr:has(input)")
        return [(product, stock, changed) for product, stock, changed in rows]

    def row(self, system: str, product: str) -> tuple[str, str]:
        """Stock, and who changed it."""
        rows = {name: (stock, changed) for name, stock, changed in self.rows(system)}
        return rows.get(product, ("", ""))

    def change(self, system: str, product: str, stock: str) -> None:
        """Type the new stock and press Save."""
        position = PRODUCTS.index(product) + 1
        field = self.browser.element(f"[id$='--{system}'] tbody tr:nth-child({position}) input")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(stock, Keys.TAB)
        self.browser.element(f"[id$='--save-{system}']").click()

    def wait_for_row(self, system: str, product: str, stock: str, changed: str) -> None:
        self.browser.wait_for(lambda _: self.row(system, product) == (stock, changed))
        assert self.problem == ""

    @property
    def problem(self) -> str:
        return self.browser.texts("[id$='--problem']")[0]


def calls(site: Site, system: str, since: int = 0) -> list[tuple[str, str]]:
    """Method and address below the service of what a system was asked."""
    station, service = SERVICES[system]
    entries = site.landscape.journal.entries(since=since, station=station)
    return [(entry.detail["method"], entry.detail["path"].removeprefix(service)) for entry in entries]


def last_entry(site: Site) -> int:
    return max((entry.sequence for entry in site.landscape.journal.entries()), default=0)


def renew_session(page: Page, site: Site) -> None:
    """As if another tab had logged in again: the gateway's session is a new one."""
    driver = page.browser.driver
    driver.delete_cookie("JSESSIONID")
    driver.switch_to.new_window("tab")
    driver.get(f"{site.gateway.url}/manifest.json")
    page.browser.wait_for(lambda _: driver.get_cookie("JSESSIONID") is not None)
    page.browser.wait_for(lambda _: "stock.Stock" in driver.page_source)
    driver.close()
    driver.switch_to.window(driver.window_handles[0])


def test_the_models_read_in_batches_and_take_care_of_csrf_tokens(site: Site, new_browser: NewBrowser) -> None:
    before = last_entry(site)
    anna = Page.of(new_browser(), site, "anna")
    for system in SYSTEMS:
        assert [product for product, _, _ in anna.rows(system)] == PRODUCTS
        seen = calls(site, system, before)
        assert ("HEAD", "/") in seen  # for the token
        assert seen[-1] == ("POST", "/$batch")
        assert ("GET", "/Products") not in seen
    renew_session(anna, site)
    before = last_entry(site)
    for system in SYSTEMS:
        anna.change(system, "HT-1107", "7")
        anna.wait_for_row(system, "HT-1107", "7", ANNA)
        assert calls(site, system, before)[:3] == [("POST", "/$batch"), ("HEAD", "/"), ("POST", "/$batch")]


def test_two_people_change_data_in_both_systems_each_as_themselves(site: Site, new_browser: NewBrowser) -> None:
    anna, bob = (Page.of(new_browser(), site, user) for user in ("anna", "bob"))
    for system in SYSTEMS:
        anna.change(system, "HT-1000", "33")
        anna.wait_for_row(system, "HT-1000", "33", ANNA)
        bob.change(system, "HT-1010", "10")
        bob.wait_for_row(system, "HT-1010", "10", BOB)
    bob.wait_for_row("onpremise", "HT-1000", "33", ANNA)  # this model reads the whole list again after a change
    bob.change("cloud", "HT-1000", "1")
    bob.browser.wait_for(lambda _: "changed by somebody else" in bob.problem)  # If-Match in the batch
    assert site.landscape.proxy.violations == []
    anna.browser.keep_picture("ui5")
