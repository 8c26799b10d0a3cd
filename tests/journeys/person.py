"""Somebody with a browser that does not run scripts: a `requests` session that can log in."""

from __future__ import annotations

import re
from typing import Any

import requests

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TIMEOUT = 30


class Person(requests.Session):
    """Calls addresses below the gateway's; `login` goes through XSUAA's pages as the user named."""

    def __init__(self, gateway_url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.gateway_url = gateway_url

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", TIMEOUT)
        address = url.decode() if isinstance(url, bytes) else url
        return super().request(
            method, self.gateway_url + address if address.startswith("/") else address, *args, **kwargs
        )

    def open(self, path: str = "/") -> requests.Response:
        """Navigate there, as a browser does."""
        return self.get(path, headers=HTML)

    def login(self, user: str, path: str = "/index.html") -> requests.Response:
        """Navigate to a page, choose the user where XSUAA asks, and come back to the page."""
        return self.choose(user, self.open(path))

    def choose(self, user: str, asked: requests.Response) -> requests.Response:
        """Answer XSUAA's page that asks who it is."""
        request = re.search(r'name="request" value="([^"]+)"', asked.text)
        assert request is not None, f"no login page but {asked.status_code} from {asked.url}"
        address = requests.compat.urljoin(asked.url, "/login.do")
        return self.post(address, data={"request": request[1], "user": user}, headers=HTML)
