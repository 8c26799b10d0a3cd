"""Headless Chromium from the system's packages, and a site for it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from app.landscape.command import DEMO_FOLDER
from app.landscape.running import running_landscape
from tests.journeys.conftest import Site
from tests.journeys.gateway import running_gateway
from tests.support.ports import free_port

ARTEFACTS = Path(__file__).parents[2] / ".artefacts"
WAIT_SECONDS = 20
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """A browser with a profile of its own, and what a person does with the demo's page."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def element(self, selector: str) -> WebElement:
        """The element once it is there."""
        self.wait_for(lambda driver: bool(driver.find_elements(By.CSS_SELECTOR, selector)))
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return [each.text for each in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def wait_for(self, condition: Callable[[Chrome], bool]) -> None:
        """Return once the condition holds; what it looks at may vanish meanwhile."""
        gone = [StaleElementReferenceException]
        WebDriverWait(self.driver, WAIT_SECONDS, ignored_exceptions=gone).until(condition)

    def login(self, address: str, user: str) -> None:
        """Open the page, choose the user, and wait until the data are there."""
        self.driver.get(address)
        self.element(f"#login-{user}").click()
        self.wait_for(lambda _: self.shows_data)

    @property
    def shows_data(self) -> bool:
        """Whether both lists and the hops of the last call are there."""
        return all(self.texts(part) for part in ("#onpremise-rows tr", "#cloud-rows tr", "#hop-list li"))

    def keep_picture(self, name: str) -> None:
        """A screenshot, kept as an artefact of the test run."""
        ARTEFACTS.mkdir(exist_ok=True)
        assert self.driver.save_screenshot(str(ARTEFACTS / f"{name}.png"))


@pytest.fixture
def new_browser() -> Iterator[Callable[[], Browser]]:
    """Starts browsers, each as if on a machine of its own.

    Chromium leaves folders behind where temporary files go, so that place is one that is removed. Its name is short
    because sockets are put there.
    """
    drivers: list[Chrome] = []
    folder = tempfile.mkdtemp(prefix="browser-")

    def start() -> Browser:
        options = ChromeOptions()
        options.binary_location = next(path for name in CHROMIUM if (path := shutil.which(name)))
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
            options.add_argument(argument)
        service = Service(shutil.which("chromedriver"), env={**os.environ, "TMPDIR": folder})
        drivers.append(Chrome(options, service))
        return Browser(drivers[-1])

    yield start
    for driver in drivers:
        driver.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site() -> Iterator[Site]:
    """A landscape, and a gateway as it is by default, with the demo."""
    port = free_port()
    with running_landscape() as landscape:
        environment = landscape.environment(f"http://localhost:{port}")
        with running_gateway(DEMO_FOLDER, environment, port=port, health="ready") as gateway:
            yield Site(landscape, gateway)
