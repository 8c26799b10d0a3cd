"""A landscape with the identity service, and a gateway whose routes leave it to the bindings how users log in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.landscape.command import DEMO_FOLDER
from app.landscape.landscape import Landscape
from app.landscape.running import running_landscape
from tests.journeys.conftest import NO_SCRIPTS, Site
from tests.journeys.gateway import running_gateway
from tests.support.ports import free_port

BACK_CHANNEL = "/report/logout"


def demo_without_kinds_of_login(folder: Path, routes: list[dict[str, Any]]) -> Path:
    """The demo application; `routes` go before its own."""
    shutil.copytree(DEMO_FOLDER, folder, dirs_exist_ok=True)
    file = folder / "xs-app.json"
    document = json.loads(file.read_text())
    document["logout"]["backChannelLogoutEndpoint"] = BACK_CHANNEL
    for route in document["routes"]:
        if route.get("authenticationType") == "xsuaa":
            del route["authenticationType"]
    document["routes"] = routes + document["routes"]
    file.write_text(json.dumps(document))
    return folder


@contextmanager
def identity_site(
    folder: Path,
    landscape: Landscape,
    environment: Mapping[str, str] | None = None,
    routes: list[dict[str, Any]] | None = None,
    without: tuple[str, ...] = (),
) -> Iterator[Site]:
    """Both, joined; `without` names services that are not bound."""
    port = free_port()
    workdir = demo_without_kinds_of_login(folder / "app", routes or [])
    with running_landscape(landscape):
        variables = identity_variables(folder, landscape, f"http://localhost:{port}", without)
        with running_gateway(workdir, variables | dict(environment or {}), port=port, health="ready") as gateway:
            yield Site(landscape, gateway)


def identity_variables(
    folder: Path, landscape: Landscape, address: str, without: tuple[str, ...] = ()
) -> dict[str, str]:
    """The environment of a gateway that is reached at an address, where the identity service reports logouts, too."""
    trusted = folder / "authority.pem"
    trusted.write_text(landscape.authority.pem)
    variables = landscape.environment(address)
    services = json.loads(variables["VCAP_SERVICES"])
    bound = {label: entries for label, entries in services.items() if label not in without}
    app = landscape.identity_instances.app.client_id
    landscape.identity_service.back_channel[app] = address + BACK_CHANNEL
    return variables | {"VCAP_SERVICES": json.dumps(bound), "XS_CACERT_PATH": str(trusted)} | NO_SCRIPTS
