"""The demo in real browsers."""

from __future__ import annotations

from collections.abc import Callable

from app.landscape.command import DEMO_FOLDER
from tests.browser.conftest import Browser
from tests.journeys.conftest import Site
from tests.journeys.gateway import running_gateway

NewBrowser = Callable[[], Browser]
ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"


def last_change(browser: Browser, system: str, product: str) -> tuple[str, str]:
    """Stock and who changed it last, as the page shows it."""
    row = f"#{system}-rows tr[data-product='{product}']"
    return browser.texts(f"{row} .stock")[0], browser.texts(f"{row} .changed")[0]


def add_one(browser: Browser, system: str, product: str) -> None:
    """Press the product's button and wait until the page shows the change."""
    browser.element(f"#{system}-rows tr[data-product='{product}'] button").click()
    browser.element(f"#{system}-rows tr.fresh[data-product='{product}']")


def test_two_people_change_data_in_both_systems_each_as_themselves(site: Site, new_browser: NewBrowser) -> None:
    anna, bob = new_browser(), new_browser()
    anna.login(site.gateway.url, "anna")
    bob.login(site.gateway.url, "bob")
    assert (anna.texts("#user"), bob.texts("#user")) == ([f"Anna Arnold ({ANNA})"], [f"Bob Berger ({BOB})"])
    for system in ("onpremise", "cloud"):
        assert len(anna.texts(f"#{system}-rows tr")) == len(bob.texts(f"#{system}-rows tr")) == 6
        add_one(anna, system, "HT-1000")
        assert last_change(anna, system, "HT-1000") == ("33", ANNA)
        add_one(bob, system, "HT-1010")
        assert last_change(bob, system, "HT-1010") == ("10", BOB)
        assert last_change(bob, system, "HT-1000") == ("33", ANNA)
    assert site.landscape.proxy.violations == []
    anna.element("#onpremise-reload").click()
    anna.wait_for(lambda _: last_change(anna, "onpremise", "HT-1010") == ("10", BOB))
    anna.keep_picture("demo")


def test_the_hops_of_the_last_call_are_drawn(site: Site, new_browser: NewBrowser) -> None:
    anna = new_browser()
    anna.login(site.gateway.url, "anna")
    stations = " ".join(anna.texts("#hop-list li"))
    for station in ("Cloud Connector", "S/4HANA"):
        assert station.lower() in stations.lower(), stations
    assert ANNA in stations
    anna.driver.execute_script("arguments[0].scrollIntoView()", anna.element("#hops"))
    anna.keep_picture("hops")


def test_the_login_keeps_the_fragment_of_the_address(site: Site, new_browser: NewBrowser) -> None:
    anna = new_browser()
    anna.login(f"{site.gateway.url}/index.html#/Products('HT-1000')", "anna")
    assert anna.driver.current_url == f"{site.gateway.url}/index.html#/Products('HT-1000')"


def test_after_the_logout_the_login_comes_first_again(site: Site, new_browser: NewBrowser) -> None:
    bob = new_browser()
    bob.login(site.gateway.url, "bob")
    bob.element("#logout").click()
    bob.wait_for(lambda driver: driver.current_url.endswith("/public/logged-out.html"))
    assert bob.driver.get_cookie("JSESSIONID") is None
    bob.driver.get(site.gateway.url)
    assert "Bob Berger" in bob.element("#login-bob").text


def test_a_session_that_has_ended_leads_to_the_login_and_back(site: Site, new_browser: NewBrowser) -> None:
    """Sessions live in the process: another one in its place knows none of them."""
    anna = new_browser()
    anna.login(site.gateway.url, "anna")
    before = anna.driver.get_cookie("JSESSIONID")
    site.gateway.process.terminate()
    site.gateway.process.wait()
    environment = site.landscape.environment(site.gateway.url)
    with running_gateway(DEMO_FOLDER, environment, port=site.gateway.port, health="ready"):
        anna.element("#onpremise-reload").click()  # refused; the page loads itself anew; XSUAA still knows Anna
        anna.wait_for(lambda driver: driver.get_cookie("JSESSIONID") not in (None, before))
        anna.wait_for(lambda _: anna.shows_data)
        assert anna.texts("#problem:not([hidden])") == []
