"""An application's xs-app.json below the first segment of its addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.html5_repository.hosted_descriptor import hosted_descriptor
from app.routing.descriptor import Descriptor, read_descriptor
from app.routing.descriptor_options import Logout

FULL_LOGOUT = {
    "logoutEndpoint": "/own/logout",
    "logoutPage": "/own.html",
    "logoutMethod": "POST",
    "csrfProtection": False,
    "backChannelLogoutEndpoint": "/back",
}


def descriptor(**document: Any) -> Descriptor:
    reading = read_descriptor(json.dumps(document))
    assert reading.problems == ()
    return reading.descriptor


def hosted_logout(app: dict[str, Any] | None, own: dict[str, Any] | None) -> Logout | None:
    documents = [{"logout": logout} if logout is not None else {} for logout in (app, own)]
    return hosted_descriptor(descriptor(**documents[0]), "shop-1.0.0", descriptor(**documents[1])).logout


@pytest.mark.parametrize(
    ("app", "own", "expected"),
    [
        (None, None, None),
        (None, {"backChannelLogoutEndpoint": "/back"}, None),
        (None, FULL_LOGOUT, ("/own/logout", "/own.html", "POST", False)),
        ({"logoutEndpoint": "do/logout"}, None, ("/do/logout", None, None, None)),
        ({"logoutEndpoint": "/x"}, FULL_LOGOUT, ("/x", "/own.html", "POST", False)),
        (
            {"logoutEndpoint": "/x", "logoutPage": "/bye.html"},
            FULL_LOGOUT,
            ("/x", "/shop-1.0.0/bye.html", "POST", False),
        ),
        (
            {"logoutEndpoint": "/x", "logoutPage": "https://bye.example", "logoutMethod": "GET"},
            None,
            ("/x", "https://bye.example", "GET", None),
        ),
    ],
)
def test_what_an_application_does_not_say_about_logout_it_inherits(
    app: dict[str, Any] | None, own: dict[str, Any] | None, expected: tuple[object, ...] | None
) -> None:
    logout = hosted_logout(app, own)
    if expected is None:
        assert logout is None
    else:
        assert logout is not None
        assert (logout.logout_endpoint, logout.logout_page, logout.logout_method, logout.csrf_protection) == expected


def test_error_pages_are_paths_of_the_application_and_never_files_of_ours() -> None:
    pages = [
        {"status": 404, "path": "/lost.html"},
        {"status": 500, "file": "default-env.json"},
        {"status": 403, "path": "x"},
    ]
    hosted = hosted_descriptor(descriptor(errorPage=pages), "cty.list", Descriptor())
    assert [(page.status, page.path, page.file) for page in hosted.error_page] == [
        ((404,), "/cty.list/lost.html", None),
        ((403,), "/cty.list/x", None),
    ]


def test_what_logs_out_with_us_logs_out_with_the_application() -> None:
    own = descriptor(destinations={"a": {"logoutPath": "/own"}, "b": {"logoutPath": "/b"}})
    app = descriptor(destinations={"a": {"logoutPath": "/app"}}, services={"s": {"logoutPath": "/s"}})
    hosted = hosted_descriptor(app, "shop", own)
    assert {name: options.logout_path for name, options in hosted.destinations.items()} == {"a": "/app", "b": "/b"}
    assert list(hosted.services) == ["s"]


def test_routes_stay_as_they_are() -> None:
    app = descriptor(routes=[{"source": "^/x", "destination": "d"}], welcomeFile="index.html")
    hosted = hosted_descriptor(app, "shop", Descriptor())
    assert (hosted.routes, hosted.welcome_file) == (app.routes, "index.html")
