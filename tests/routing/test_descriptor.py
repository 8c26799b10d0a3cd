"""xs-app.json: what is accepted, what is refused, and how the refusal reads."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.problem import Problem
from app.routing import descriptor, descriptor_cors, descriptor_header, descriptor_options, descriptor_route
from app.routing.descriptor import Descriptor, read_descriptor
from app.settings import answer_settings, environment_destination, json_variables, server_settings, session_settings

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "xs-app"
SAMPLES = Path(__file__).parent / "xs-app-samples"

COMPLETE: dict[str, Any] = {
    "welcomeFile": "index.html",
    "authenticationMethod": "route",
    "stateProtection": True,
    "sessionTimeout": 10,
    "pluginMetadataEndpoint": "/metadata",
    "routes": [
        {"source": "^/ui5(.*)$", "target": "$1", "destination": "ui5", "csrfProtection": False, "preferLocal": True},
        {
            "source": {"path": "/data/(.*)", "matchCase": False},
            "target": "/services/$1",
            "destination": "one",
            "httpMethods": ["GET", "POST"],
            "authenticationType": "xsuaa",
            "identityProvider": "idp",
            "dynamicIdentityProvider": True,
            "scope": {"GET": "$XSAPPNAME.r", "default": ["a", "b"]},
            "setBackendSessionCookies": True,
        },
        {"source": "^/odata/(.*)$", "service": "com.sap.country", "endpoint": "countryservice"},
        {
            "source": "^/(.*)$",
            "localDir": "web",
            "cacheControl": "no-cache",
            "replace": {"pathSuffixes": ["/index.html"], "vars": ["NAME"], "services": {"ui": {"tag": "ui5"}}},
        },
    ],
    "login": {"callbackEndpoint": "/custom/callback"},
    "logout": {
        "logoutEndpoint": "/my/logout",
        "backChannelLogoutEndpoint": "/back",
        "logoutPage": "https://portal.example",
        "logoutMethod": "POST",
        "csrfProtection": True,
    },
    "destinations": {"one": {"logoutPath": "/bye", "logoutMethod": "GET"}, "two": {}},
    "services": {"com.sap.country": {"endpoint": "e", "logoutPath": "/bye", "logoutMethod": "PUT"}},
    "responseHeaders": [{"name": "x-one", "value": "1"}],
    "compression": {"enabled": True, "minSize": 2048, "compressResponseMixedTypeContent": True},
    "whitelistService": {"endpoint": "/whitelist"},
    "websockets": {"enabled": True},
    "errorPage": [{"status": [400, 401], "file": "./e.html"}, {"status": 403, "path": "/forbidden.html"}],
    "cors": [
        {
            "uriPattern": "^/route1$",
            "hostPattern": "^my:443$",
            "allowedMethods": ["GET", "PUT"],
            "allowedOrigin": [{"host": "*.example", "protocol": "https", "port": 345}, {"host": "b", "port": "*"}],
            "maxAge": -1,
            "allowedHeaders": ["Authorization"],
            "exposeHeaders": ["x"],
            "allowedCredentials": True,
        }
    ],
    "outgoingRequestOptions": {"xsuaa": {"timeout": 20000}, "html5-apps-repo": {"timeout": 0}},
}


def problems(document: object) -> tuple[Problem, ...]:
    return read_descriptor(document if isinstance(document, str) else json.dumps(document)).problems


def with_route(**change: Any) -> dict[str, Any]:
    route = {"source": "^/x", "destination": "one", **change}
    return {"routes": [{name: value for name, value in route.items() if value != "absent"}]}


def test_every_documented_property_is_accepted() -> None:
    assert problems(COMPLETE) == ()
    assert Descriptor.model_validate(COMPLETE).model_fields_set == set(Descriptor.model_fields)


def test_an_empty_object_is_a_descriptor() -> None:
    reading = read_descriptor("{}")
    assert reading.problems == ()
    assert reading.descriptor.login.callback_endpoint == "/login/callback"
    assert reading.descriptor.session_timeout == 15
    assert reading.descriptor.authentication_method == "route"


@pytest.mark.parametrize("logout", [{}, {"logoutMethod": "POST", "csrfProtection": True}])
def test_a_logout_may_have_no_endpoint(logout: dict[str, Any]) -> None:
    assert problems({"logout": logout}) == ()


def test_the_slash_of_a_path_may_be_left_out() -> None:
    document = {
        "login": {"callbackEndpoint": "custom/cb"},
        "logout": {"logoutEndpoint": "out", "backChannelLogoutEndpoint": "/back"},
        "destinations": {"one": {"logoutPath": "bye"}},
    }
    read = read_descriptor(json.dumps(document)).descriptor
    assert read.login.callback_endpoint == "/custom/cb"
    assert read.logout is not None
    assert (read.logout.logout_endpoint, read.logout.back_channel_logout_endpoint) == ("/out", "/back")
    assert read.destinations["one"].logout_path == "/bye"


def test_a_byte_order_mark_is_ignored() -> None:
    assert problems("\ufeff{}") == ()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"wrong": 1}, "$.wrong"),
    ({"routes": {"a": 1}}, "$.routes"),
    ({"routes": None}, "$.routes"),
    ({"routes": [{"destination": "one"}]}, "$.routes[0].source"),
    (with_route(sauce="x"), "$.routes[0].sauce"),
    (with_route(name="x"), "$.routes[0].name"),
    (with_route(source="^/x("), "$.routes[0].source"),
    (with_route(source=""), "$.routes[0].source"),
    (with_route(source=5), "$.routes[0].source"),
    (with_route(source={"matchCase": False}), "$.routes[0].source.path"),
    (with_route(source={"path": "^/x", "matchCase": "no"}), "$.routes[0].source.matchCase"),
    (with_route(source={"path": "^/x", "more": 1}), "$.routes[0].source.more"),
    (with_route(localDir="resources"), "$.routes[0].localDir"),
    (with_route(service="s"), "$.routes[0].service"),
    (with_route(destination="absent"), "$.routes[0].destination"),
    (with_route(destination="absent", localDir="r", httpMethods=["GET"]), "$.routes[0].httpMethods"),
    (with_route(httpMethods=["GET", "FETCH"]), "$.routes[0].httpMethods[1]"),
    (with_route(httpMethods=["get"]), "$.routes[0].httpMethods[0]"),
    (with_route(httpMethods=[]), "$.routes[0].httpMethods"),
    (with_route(authenticationType="Basic"), "$.routes[0].authenticationType"),
    (with_route(csrfProtection="yes"), "$.routes[0].csrfProtection"),
    (with_route(csrfProtection=1), "$.routes[0].csrfProtection"),
    (with_route(target=""), "$.routes[0].target"),
    (with_route(target=None), "$.routes[0].target"),
    (with_route(target="//evil/$1"), "$.routes[0].target"),
    (with_route(target="https://evil/"), "$.routes[0].target"),
    (with_route(target="/a\r\nb"), "$.routes[0].target"),
    (with_route(target="/a?b\r\nx: y"), "$.routes[0].target"),
    (with_route(target="/a\x01b"), "$.routes[0].target"),
    (with_route(target="/a\\b/$1"), "$.routes[0].target"),
    (with_route(target="/../$1"), "$.routes[0].target"),
    (with_route(target="../$1"), "$.routes[0].target"),
    (with_route(target="/a/%2e%2E/$1"), "$.routes[0].target"),
    (with_route(target="/a/\uff0e\uff0e/$1"), "$.routes[0].target"),
    (with_route(scope=[]), "$.routes[0].scope"),
    (with_route(scope={"get": "a"}), "$.routes[0].scope"),
    (with_route(scope={"GET": 1}), "$.routes[0].scope"),
    (with_route(scope={}), "$.routes[0].scope"),
    (with_route(endpoint="e"), "$.routes[0].endpoint"),
    (with_route(replace={"pathSuffixes": ["x"]}), "$.routes[0].replace"),
    (with_route(authenticationType="none", identityProvider="i"), "$.routes[0].identityProvider"),
    (with_route(destination="absent", localDir="r", replace={"vars": ["A"]}), "$.routes[0].replace.pathSuffixes"),
    (
        with_route(
            destination="absent", localDir="r", replace={"pathSuffixes": [], "vars": ["A"], "services": {"A": "b"}}
        ),
        "$.routes[0].replace.services",
    ),
    (
        with_route(destination="absent", localDir="r", replace={"pathSuffixes": [], "services": {"a": {}}}),
        "$.routes[0].replace.services.a",
    ),
    (
        with_route(destination="absent", localDir="r", replace={"pathSuffixes": [], "services": {"a": {"guid": "x"}}}),
        "$.routes[0].replace.services.a.guid",
    ),
    ({"sessionTimeout": "long"}, "$.sessionTimeout"),
    ({"sessionTimeout": 1.5}, "$.sessionTimeout"),
    ({"sessionTimeout": True}, "$.sessionTimeout"),
    ({"authenticationMethod": "xsuaa"}, "$.authenticationMethod"),
    ({"login": {}}, "$.login.callbackEndpoint"),
    ({"login": {"callbackEndpoint": "http://x"}}, "$.login.callbackEndpoint"),
    ({"logout": {"logoutPage": "/x"}}, "$.logout.logoutPage"),
    ({"logout": {"logoutPage": "/x", "backChannelLogoutEndpoint": "/b"}}, "$.logout.logoutPage"),
    (
        {"logout": {"logoutEndpoint": "x", "backChannelLogoutEndpoint": "/x"}},
        "$.logout.backChannelLogoutEndpoint",
    ),
    ({"logout": {"logoutEndpoint": "/x", "logoutPage": "ftp://x"}}, "$.logout.logoutPage"),
    ({"logout": {"logoutEndpoint": "/x", "logoutMethod": "PUT"}}, "$.logout.logoutMethod"),
    ({"logout": {"logoutEndpoint": "/x", "csrfProtection": True}}, "$.logout.csrfProtection"),
    (
        {"logout": {"logoutEndpoint": "/x", "logoutMethod": "GET", "csrfProtection": False}},
        "$.logout.csrfProtection",
    ),
    (
        {"logout": {"logoutEndpoint": "/x", "backChannelLogoutEndpoint": "/x"}},
        "$.logout.backChannelLogoutEndpoint",
    ),
    ({"destinations": {"one": {"logoutMethod": "DELETE"}}}, "$.destinations.one.logoutMethod"),
    ({"services": {"a.b": {"foo": 1}}}, "$.services['a.b'].foo"),
    ({"responseHeaders": [{"name": "Set-Cookie", "value": "a"}]}, "$.responseHeaders[0].name"),
    ({"responseHeaders": [{"name": "a b", "value": "a"}]}, "$.responseHeaders[0].name"),
    ({"responseHeaders": [{"name": "a", "value": "a\r\nb: c"}]}, "$.responseHeaders[0].value"),
    ({"responseHeaders": [{"name": "a", "value": "gr\u00fc\u00df"}]}, "$.responseHeaders[0].value"),
    ({"responseHeaders": [{"name": "Content-Length", "value": "1"}]}, "$.responseHeaders[0].name"),
    (with_route(destination="absent", localDir="a\0b"), "$.routes[0].localDir"),
    (with_route(cacheControl="no-store\r\n"), "$.routes[0].cacheControl"),
    (with_route(cacheControl="gr\u00fc\u00df"), "$.routes[0].cacheControl"),
    ({"compression": {"minSize": -1}}, "$.compression.minSize"),
    ({"whitelistService": {}}, "$.whitelistService.endpoint"),
    ({"websockets": {}}, "$.websockets.enabled"),
    ({"errorPage": [{"file": "x"}]}, "$.errorPage[0].status"),
    ({"errorPage": [{"status": 404}]}, "$.errorPage[0].file"),
    ({"errorPage": [{"status": 404, "file": "x", "path": "/x"}]}, "$.errorPage[0].file"),
    ({"errorPage": [{"status": "404", "file": "x"}]}, "$.errorPage[0].status"),
    ({"cors": [{"uriPattern": "^/x"}]}, "$.cors[0].allowedOrigin"),
    ({"cors": [{"uriPattern": "(", "allowedOrigin": []}]}, "$.cors[0].uriPattern"),
    ({"cors": [{"uriPattern": "x", "allowedOrigin": [{"host": "a", "port": "x"}]}]}, "$.cors[0].allowedOrigin[0].port"),
    ({"cors": [{"uriPattern": "x", "allowedOrigin": [], "exposeHeaders": ["\u20ac"]}]}, "$.cors[0].exposeHeaders[0]"),
    ({"outgoingRequestOptions": {"other": {}}}, "$.outgoingRequestOptions.other"),
]


@pytest.mark.parametrize(("document", "path"), REFUSED, ids=[f"{n}-{path}" for n, (_, path) in enumerate(REFUSED)])
def test_what_is_refused_is_named_by_its_path(document: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in problems(document)] == [path]


def test_all_problems_come_at_once_and_the_sound_rest_is_kept() -> None:
    document = {
        "wrong": 1,
        "sessionTimeout": "long",
        "routes": [{"source": "("}, {"source": "^/ok", "destination": "one"}, {"destination": "one", "sauce": 1}],
    }
    reading = read_descriptor(json.dumps(document))
    assert {problem.path for problem in reading.problems} == {
        "$.wrong",
        "$.sessionTimeout",
        "$.routes[0].source",
        "$.routes[2].source",
        "$.routes[2].sauce",
    }
    assert reading.positions == (1,)
    assert [route.source.path for route in reading.descriptor.routes] == ["^/ok"]


def test_a_close_name_is_suggested_and_known_ones_are_listed() -> None:
    (problem,) = problems(with_route(sauce="x"))
    assert 'did you mean "source"' in problem.message
    assert "httpMethods" in problem.message


@pytest.mark.parametrize("text", ["", '{"routes": [', "[]", "null", "nonsense"])
def test_what_is_no_object_is_one_problem(text: str) -> None:
    (problem,) = problems(text)
    assert problem.where == "xs-app.json"


def test_malformed_json_is_located() -> None:
    (problem,) = problems('{\n "routes": [}')
    assert "line 2, column 13" in problem.message


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": %s}' % ("9" * 5000), r'{"welcomeFile": "\ud800"}'])
def test_json_that_python_cannot_take_is_refused_like_malformed_json(text: str) -> None:
    (problem,) = problems(text)
    assert problem.message.startswith("valid JSON: ")


def test_files_of_real_applications_load_or_are_refused_for_a_documented_reason() -> None:
    files = [*sorted(SAMPLES.glob("*.json")), *sorted(CORPUS.glob("*.json"))]
    refused = {file.name: problems(file.read_text(encoding="utf-8")) for file in files}
    reasons = {(name, problem.path, problem.message) for name, found in refused.items() for problem in found}
    assert len(files) >= 3
    assert all("Basic" in problem.value for found in refused.values() for problem in found), reasons
    assert refused["authentication-type-in-capitals.json"]


MODULES = (
    *(descriptor, descriptor_cors, descriptor_header, descriptor_options, descriptor_route),
    *(answer_settings, environment_destination, json_variables, server_settings, session_settings),
)


def undocumented_fields(module: object) -> list[str]:
    """Fields of models, and models, that are not followed by a docstring."""
    found = []
    for node in ast.parse(inspect.getsource(module)).body:  # type: ignore[arg-type]
        model = getattr(module, node.name, None) if isinstance(node, ast.ClassDef) else None
        if not isinstance(node, ast.ClassDef) or not isinstance(model, type) or not issubclass(model, BaseModel):
            continue
        if not ast.get_docstring(node):
            found.append(node.name)
        for field, following in zip(node.body, [*node.body[1:], None], strict=True):
            text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            if isinstance(field, ast.AnnAssign) and not text:
                found.append(f"{node.name}.{ast.unparse(field.target)}")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__))
def test_every_property_is_documented(module: object) -> None:
    assert undocumented_fields(module) == []
