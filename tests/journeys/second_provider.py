"""An identity provider that nobody here wrote: the npm package oidc-provider, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from re import findall, search
from typing import Any

import requests

from tests.journeys.person import HTML, Person
from tests.support.ports import free_port

SOURCE = Path(__file__).parent / "oidc_provider"
INSTALLED = Path(__file__).parents[2] / ".artefacts" / "oidc-provider"
CLIENT_ID, CLIENT_SECRET = "gangway", "a secret: +/%&"
SECONDS = 30.0


def installed() -> Path:
    """The folder with the package, installed once for the versions that are asked for."""
    wanted = (SOURCE / "package.json").read_text()
    complete = INSTALLED / "complete"
    if not complete.is_file() or complete.read_text() != wanted:
        INSTALLED.mkdir(parents=True, exist_ok=True)
        (INSTALLED / "package.json").write_text(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(command, cwd=INSTALLED, check=True, capture_output=True, timeout=300)
        complete.write_text(wanted)
    (INSTALLED / "provider.mjs").write_text((SOURCE / "provider.mjs").read_text())
    return INSTALLED


@dataclass
class SecondProvider:
    """A running provider; `events` are what it says."""

    url: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def binding(self) -> dict[str, Any]:
        """The credentials of an identity binding that leads here."""
        return {"clientid": CLIENT_ID, "clientsecret": CLIENT_SECRET, "url": self.url}

    def seen(self, event: str, **detail: str) -> int:
        """How often something has happened."""
        wanted = {"event": event, **detail}
        return sum(wanted.items() <= found.items() for found in list(self.events))

    def wait_for(self, event: str, times: int = 1, **detail: str) -> None:
        """Until it has happened that often."""
        deadline = time.monotonic() + SECONDS
        while self.seen(event, **detail) < times:
            assert time.monotonic() < deadline, self.events
            time.sleep(0.02)


@contextmanager
def second_provider(gateway_url: str, id_token_seconds: int = 600) -> Iterator[SecondProvider]:
    """A provider that knows the gateway at an address as its client."""
    port = free_port()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [f"{gateway_url}/login/callback"],
        "post_logout_redirect_uris": [f"{gateway_url}/public/bye.html"],
        "backchannel_logout_uri": f"{gateway_url}/report/logout",
        "backchannel_logout_session_required": True,
    }
    setup = json.dumps({"port": port, "client": client, "idTokenSeconds": id_token_seconds})
    folder = installed()
    process = subprocess.Popen(
        [folder / "node_modules/.bin/node", "provider.mjs", setup],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    provider = SecondProvider(f"http://localhost:{port}")
    listener = threading.Thread(target=_listen, args=(process, provider), daemon=True)
    listener.start()
    try:
        provider.wait_for("listening")
        yield provider
    finally:
        process.kill()
        process.wait()
        listener.join()


def _listen(process: subprocess.Popen[str], provider: SecondProvider) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            provider.events.append(json.loads(line))


def submit(person: Person, page: requests.Response, **fields: str) -> requests.Response:
    """Fill in the form of a page and send it."""
    form = search(r'<form[^>]*action="([^"]+)"', page.text)
    assert form is not None, f"no form but {page.status_code} from {page.url}: {page.text[:500]}"
    hidden = dict(findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
    address = requests.compat.urljoin(page.url, unescape(form[1]))
    return person.post(address, data={**hidden, **fields}, headers=HTML)


def log_in(person: Person, user: str, path: str) -> requests.Response:
    """Navigate to a page, log in where the provider asks, allow what it asks for, and come back to the page."""
    asked = person.open(path)
    allowing = submit(person, asked, login=user, password="any")
    return submit(person, allowing)
