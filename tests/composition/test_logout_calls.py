"""Who is told that a session has ended."""

from __future__ import annotations

import json
from pathlib import Path

from app.composition.application import compose
from app.composition.identity import logout_options
from app.configuration import Configuration, load_configuration
from app.login.logout import BackendLogout
from app.principal import UserCaller
from app.routing.reference import DestinationReference, ServiceReference
from app.sessions.backend_cookies import CookieSite
from app.sessions.cookie import OwnCookies
from app.sessions.session import Session
from tests.check.suitable import UAA
from tests.sessions.store_contract import TOKEN
from tests.support.raw_backend import friendly, raw_backend
from tests.support.running import run


def configuration(workdir: Path, url: str = "https://b.example") -> Configuration:
    document = {
        "logout": {"logoutEndpoint": "/bye"},
        "destinations": {"one": {"logoutPath": "off", "logoutMethod": "GET"}, "quiet": {}},
        "services": {"com.c": {"endpoint": "api", "logoutPath": "/off"}, "com.quiet": {}},
    }
    service = {"sap.cloud.service": "com.c", "endpoints": {"api": "https://c.example"}, "uaa": UAA}
    (workdir / "xs-app.json").write_text(json.dumps(document))
    (workdir / "resources").mkdir()
    environment = {
        "VCAP_SERVICES": json.dumps(
            {
                "xsuaa": [{"name": "uaa", "label": "xsuaa", "tags": ["xsuaa"], "credentials": UAA}],
                "c": [{"name": "c", "label": "c", "credentials": service}],
            }
        ),
        "VCAP_APPLICATION": json.dumps({"application_name": "shop", "application_uris": ["shop.example"]}),
        "destinations": json.dumps([{"name": name, "url": url} for name in ("one", "quiet")]),
    }
    return load_configuration(workdir, environment)


def test_destinations_and_services_are_told_and_services_which_router_it_was(tmp_path: Path) -> None:
    options = logout_options(configuration(tmp_path))
    assert options is not None
    assert options.backends == (
        BackendLogout(DestinationReference("one"), "GET", "/off"),
        BackendLogout(ServiceReference("com.c", "api"), "POST", "/off", "shop.example"),
    )


def test_the_end_by_time_is_told_with_cookies_but_not_as_if_somebody_had_asked(tmp_path: Path) -> None:
    async def test() -> None:
        async with raw_backend(friendly) as backend:
            address = f"http://127.0.0.1:{backend.port}"
            running = compose(configuration(tmp_path, address))
            session = Session(b"k", UserCaller(TOKEN), "", 1.0)
            site = CookieSite("one", "127.0.0.1", "/")
            assert session.backend_cookies.absorb(site, [b"BSESSION=s1; Path=/"], OwnCookies().is_own)
            assert running.sign_in.call_backend is not None
            await running.sign_in.call_backend(session, running.sign_in.backend_logouts[0], None)
            await running.aclose()
        [told] = backend.requests
        assert (told.method, told.target, told.values(b"cookie")) == ("GET", b"/off", [b"BSESSION=s1"])
        assert [name for name, _ in told.headers if name.startswith(b"x-forwarded-")] == []

    run(test())
