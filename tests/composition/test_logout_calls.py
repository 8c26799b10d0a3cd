"""Who is told that a session has ended."""

from __future__ import annotations

import json
from pathlib import Path

from app.composition.identity import logout_options
from app.configuration import load_configuration
from app.login.logout import BackendLogout
from app.routing.reference import DestinationReference, ServiceReference
from tests.check.suitable import UAA


def test_destinations_and_services_are_told_and_services_which_router_it_was(tmp_path: Path) -> None:
    document = {
        "logout": {"logoutEndpoint": "/bye"},
        "destinations": {"one": {"logoutPath": "/off", "logoutMethod": "GET"}, "quiet": {}},
        "services": {"com.c": {"endpoint": "api", "logoutPath": "/off"}, "com.quiet": {}},
    }
    service = {"sap.cloud.service": "com.c", "endpoints": {"api": "https://c.example"}, "uaa": UAA}
    (tmp_path / "xs-app.json").write_text(json.dumps(document))
    (tmp_path / "resources").mkdir()
    environment = {
        "VCAP_SERVICES": json.dumps(
            {
                "xsuaa": [{"name": "uaa", "label": "xsuaa", "tags": ["xsuaa"], "credentials": UAA}],
                "c": [{"name": "c", "label": "c", "credentials": service}],
            }
        ),
        "VCAP_APPLICATION": json.dumps({"application_name": "shop", "application_uris": ["shop.example"]}),
        "destinations": json.dumps([{"name": name, "url": "https://b.example"} for name in ("one", "quiet")]),
    }
    options = logout_options(load_configuration(tmp_path, environment))
    assert options is not None
    assert options.backends == (
        BackendLogout(DestinationReference("one"), "GET", "/off"),
        BackendLogout(ServiceReference("com.c", "api"), "POST", "/off", ((b"x-approuter-host", b"shop.example"),)),
    )
