"""The demo app's files: they fit their routes and the Content-Security-Policy they are served with."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import app.landscape

DEMO = Path(app.landscape.__file__).parent / "demo"
PAGES = sorted(DEMO.glob("*/*.html"))


class _Page(HTMLParser):
    """Collects what a policy of `default-src 'self'` forbids, the ids, and what the page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.ids: set[str] = set()
        self.loads: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.forbidden += [name for name in given if name == "style" or name.startswith("on")]
        self.forbidden += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []
        self.ids.add(given.get("id") or "")
        self.loads += [given[name] or "" for name in ("src", "href") if name in given and tag != "a"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_have_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    page = _Page(path.read_text())
    assert page.forbidden == []
    for address in page.loads:
        assert re.match(r"^(?!\w+:|//)", address)
        local = DEMO / address.lstrip("/") if address.startswith("/") else path.parent / address
        assert local.is_file(), address


def test_page_has_the_elements_tests_and_scripts_look_for() -> None:
    page = _Page((DEMO / "resources/index.html").read_text())
    wanted = set(re.findall(r'(?:byId|onClick)\("([\w-]+)"', (DEMO / "resources/app.js").read_text()))
    assert {"user", "onpremise-rows", "cloud-rows", "logout", "hops"} <= page.ids
    assert wanted <= page.ids


def test_scripts_need_nothing_a_strict_policy_forbids() -> None:
    for script in DEMO.glob("resources/*.js"):
        text = script.read_text()
        assert not re.search(
            r"innerHTML|eval\(|new Function|setAttribute\(\"style|https?://(?!www\.w3\.org/2000/svg)", text
        )
        for module in re.findall(r'from "(\./[\w.]+)"', text):
            assert (script.parent / module).is_file()


def test_routes_name_the_destinations_and_protect_everything_but_the_public_folder() -> None:
    routes = json.loads((DEMO / "xs-app.json").read_text())["routes"]
    open_routes = [route["source"] for route in routes if route["authenticationType"] == "none"]
    assert open_routes == ["^/public/(.*)$"]
    named = {route["destination"] for route in routes if "destination" in route}
    assert named == {"s4-onpremise", "s4-cloud", "s4-cloud-basic", "microservice", "journal"}
