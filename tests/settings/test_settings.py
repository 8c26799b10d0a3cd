"""Environment variables: defaults, types, and how mistakes are named."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from app.observability.logging_setup import LEVELS
from app.settings import Settings, read_settings
from app.settings.server_settings import LogLevel
from app.settings.settings import unknown_variables, variable_names

DOCUMENTED = """
UAA_SERVICE_NAME destinations httpHeaders COOKIES plugins SESSION_TIMEOUT SEND_XFRAMEOPTIONS CJ_PROTECT_WHITELIST
WS_ALLOWED_ORIGINS JWT_REFRESH INCOMING_CONNECTION_TIMEOUT INCOMING_REQUEST_TIMEOUT TENANT_HOST_PATTERN
DESTINATION_HOST_PATTERN COMPRESSION SECURE_SESSION_COOKIE XS_CACERT_PATH NODE_TLS_REJECT_UNAUTHORIZED
EXTERNAL_REVERSE_PROXY SKIP_CLIENT_CREDENTIALS_TOKENS_LOAD CORS PRESERVE_FRAGMENT DIRECT_ROUTING_URI_PATTERNS
CF_NODEJS_LOGGING_LEVEL DYNAMIC_IDENTITY_PROVIDER BACKEND_COOKIES_SECRET REMOVE_CLASHING_BACKEND_SESSION_COOKIE
SERVICE_2_APPROUTER CLIENT_CERTIFICATE_HEADER_NAME SERVER_KEEP_ALIVE MINIMUM_TOKEN_VALIDITY STATE_PARAMETER_SECRET
PKCE_ENABLED HTTP2_SUPPORT SVC2AR_STORE_CSRF_IN_EXTERNAL_SESSION CACHE_SERVICE_CREDENTIALS
ENABLE_X_FORWARDED_HOST_VALIDATION ENABLE_FRAME_ANCESTORS_CSP_HEADERS FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME
EXTENDED_LOGIN_CSP OMIT_LOGIN_CSP STORE_SESSION_COOKIES_IN_EXTERNAL_SESSION_STORE SVC2AR_DIRECT_EXT_SESSION_ID_USAGE
OWN_SAP_CLOUD_SERVICE COOKIE_BACKWARD_COMPATIBILITY PLATFORM_COOKIE_NAME SESSION_COOKIE_NAME RETURN_ERROR_SOURCE
ZONE_INFO_CACHE_TTL ZONE_INFO_MAX_CACHE_TTL DISABLE_CONNECTION_REUSE BACKEND_MAX_SOCKETS HANDLE_WEBSOCKET_EXT
OUTGOING_REQUEST_OPTIONS EXT_SESSION_MGT ENABLE_FORWARD_CORPORATE_IDP_TOKEN SVC2AR_EXTERNAL_SESSION_ID_SECRET
SVC2AR_EXTERNAL_SESSION_ID_SECRET_ALT SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED XS_APP_LOG_LEVEL REQUEST_TRACE
MERGE_CSP_HEADERS IAS_PRIVATE_KEY STATE_CACHE PORT NODE_ENV XS_BIND_ADDRESS
"""


def settings(**environ: str) -> Settings:
    value, problems = read_settings(environ)
    assert problems == ()
    return value


def paths(**environ: str) -> list[tuple[str, str]]:
    return [(problem.where, problem.path) for problem in read_settings(environ)[1]]


def test_all_documented_variables_are_known() -> None:
    assert set(DOCUMENTED.split()) <= set(variable_names())


def test_an_empty_environment_has_the_documented_defaults() -> None:
    value = settings()
    assert value.port == 5000
    assert value.jwt_refresh == 5
    assert value.incoming_connection_timeout == 120_000
    assert value.incoming_request_timeout == 300_000
    assert value.backend_max_sockets == 100
    assert value.session_cookie_name == "JSESSIONID"
    assert value.state_cache == 60
    assert value.gateway_prefix == "/.gangway"
    assert value.send_xframeoptions
    assert value.preserve_fragment
    assert value.pkce_enabled
    assert value.state_protection
    assert value.secure_session_cookie is None
    assert value.destinations == ()


def test_other_variables_are_ignored() -> None:
    assert settings(PATH="/bin", HOME="/") == settings()


def test_text_becomes_typed_values() -> None:
    value = settings(
        PORT="8080",
        SESSION_TIMEOUT="40",
        PRESERVE_FRAGMENT="false",
        SECURE_SESSION_COOKIE="TRUE",
        STATE_PARAMETER_SECRET="false",
        XS_APP_LOG_LEVEL="DEBUG",
        httpHeaders='[{"X-Frame-Options": "DENY"}, {"a": "1", "b": "2"}]',
        WS_ALLOWED_ORIGINS='[{"host": "*.example.org", "port": "443"}, {"host": "b", "port": 80}]',
        TENANT_HOST_PATTERN="^(.*)\\.router\\.example$",
    )
    assert (value.port, value.session_timeout, value.preserve_fragment) == (8080, 40, False)
    assert value.secure_session_cookie is True
    assert not value.state_protection
    assert value.xs_app_log_level == "debug"
    assert value.http_headers == ((("X-Frame-Options", "DENY"),), (("a", "1"), ("b", "2")))
    assert [(host.host, host.port) for host in value.ws_allowed_origins or ()] == [
        ("*.example.org", "443"),
        ("b", "80"),
    ]


def test_destinations_are_typed() -> None:
    text = json.dumps(
        [
            {"name": "ui5", "url": "https://ui5.example", "proxyHost": "proxy", "proxyPort": "8080", "timeout": 1200},
            {"name": "erp", "url": "http://erp.corp:8080", "proxyType": "OnPremise", "strictSSL": False},
            {
                "name": "api",
                "url": "wss://api.example/base",
                "forwardAuthToken": True,
                "forwardAuthCertificates": True,
                "setXForwardedHeaders": False,
                "IASDependencyName": "dep",
            },
        ]
    )
    ui5, erp, api = settings(destinations=text).destinations
    assert (ui5.proxy_host, ui5.proxy_port, ui5.timeout, ui5.strict_ssl) == ("proxy", 8080, 1200, True)
    assert (erp.is_on_premise, erp.strict_ssl, erp.timeout) == (True, False, 30_000)
    assert (api.forward_auth_token, api.set_x_forwarded_headers, api.ias_dependency_name) == (True, False, "dep")


def test_plugins_are_routes_with_fewer_properties() -> None:
    text = '[{"name": "p", "source": "/plugin", "destination": "d", "target": "/", "scope": ["viewer"]}]'
    (plugin,) = settings(plugins=text).plugins
    route = plugin.as_route()
    assert (route.source.path, route.destination, route.target, route.csrf_protection) == ("/plugin", "d", "/", True)
    assert route.local_dir is None


ONE = {"name": "one", "url": "http://localhost:1"}

REFUSED: list[tuple[str, str, str]] = [
    ("PORT", "abc", ""),
    ("PORT", "70000", ""),
    ("PORT", "0", ""),
    ("SESSION_TIMEOUT", "soon", ""),
    ("SESSION_TIMEOUT", "0", ""),
    ("SESSION_TIMEOUT", "1.5", ""),
    ("JWT_REFRESH", "-1", ""),
    ("SEND_XFRAMEOPTIONS", "maybe", ""),
    ("PKCE_ENABLED", "1", ""),
    ("XS_APP_LOG_LEVEL", "loud", ""),
    ("SESSION_COOKIE_NAME", "a b", ""),
    ("PLATFORM_COOKIE_NAME", "a;b", ""),
    ("GATEWAY_PREFIX", "health", ""),
    ("TENANT_HOST_PATTERN", "abc", ""),
    ("TENANT_HOST_PATTERN", "(", ""),
    ("destinations", "[{", ""),
    ("destinations", '{"name": "one"}', ""),
    ("destinations", '[{"name": "one"}]', "$[0].url"),
    ("destinations", '[{"url": "http://localhost:1"}]', "$[0].name"),
    ("destinations", json.dumps([{**ONE, "timeout": "soon"}]), "$[0].timeout"),
    ("destinations", json.dumps([{**ONE, "timeout": 0}]), "$[0].timeout"),
    ("destinations", json.dumps([{**ONE, "forwardAuthToken": "true"}]), "$[0].forwardAuthToken"),
    ("destinations", json.dumps([{**ONE, "proxyHost": "p"}]), "$[0].proxyPort"),
    ("destinations", json.dumps([{**ONE, "proxyHost": "p", "proxyPort": "x"}]), "$[0].proxyPort"),
    ("destinations", json.dumps([{**ONE, "proxyType": "Other"}]), "$[0].proxyType"),
    ("destinations", json.dumps([{**ONE, "url": "ftp://x"}]), "$[0].url"),
    ("destinations", json.dumps([{**ONE, "url": "http://x:99999"}]), "$[0].url"),
    ("destinations", json.dumps([{**ONE, "url": "http://x/#f"}]), "$[0].url"),
    ("destinations", json.dumps([{**ONE, "url": " http://x"}]), "$[0].url"),
    ("destinations", json.dumps([{**ONE, "url": "http://x..y"}]), "$[0].url"),
    ("destinations", json.dumps([{**ONE, "url": 5}]), "$[0].url"),
    ("destinations", json.dumps([{**ONE, "url": "https://x", "proxyType": "OnPremise"}]), "$[0].proxyType"),
    ("destinations", json.dumps([{**ONE, "more": 1}]), "$[0].more"),
    ("destinations", json.dumps([ONE, ONE]), ""),
    (
        "destinations",
        json.dumps([{**ONE, "proxyType": "OnPremise", "forwardAuthToken": True}]),
        "$[0].forwardAuthToken",
    ),
    ("destinations", json.dumps([{**ONE, "timeout": 10**400}]), "$[0].timeout"),
    ("INCOMING_REQUEST_TIMEOUT", "9" * 400, ""),
    ("EXT_SESSION_MGT", '{"keepAlive": 1%s}' % ("0" * 15), "$.keepAlive"),
    ("plugins", '[{"source": "/p", "destination": "d"}]', "$[0].name"),
    ("plugins", '[{"name": "p", "source": "/p", "destination": "d", "localDir": "x"}]', "$[0].localDir"),
    ("httpHeaders", '{"a": "b"}', ""),
    ("httpHeaders", '[{"Set-Cookie": "b"}]', "$[0]['Set-Cookie']"),
    ("httpHeaders", '[{"a": "b"}, {"x-l": "gr\u00fc\u00df"}]', "$[1]['x-l']"),
    ("httpHeaders", '[{"a": 1}]', "$[0]"),
    ("COOKIES", '{"SameSite": "Strict"}', "$.SameSite"),
    ("COOKIES", '{"Partitioned": {"supportedPartitionAgents": "a"}}', "$.Partitioned.unsupportedPartitionAgents"),
    ("CORS", '{"uriPattern": "x"}', ""),
    ("COMPRESSION", '{"x": 1}', "$.x"),
    ("WS_ALLOWED_ORIGINS", '[{"protocol": "https"}]', "$[0].host"),
    ("CJ_PROTECT_WHITELIST", '[{"host": "*"}]', "$[0].host"),
    ("CJ_PROTECT_WHITELIST", '[{"host": "a", "port": 70000}]', "$[0].port"),
    ("EXT_SESSION_MGT", "{}", "$.instanceName"),
    ("OUTGOING_REQUEST_OPTIONS", '{"xsuaa": {"timeout": "x"}}', "$.xsuaa.timeout"),
    ("DIRECT_ROUTING_URI_PATTERNS", "{}", ""),
]


@pytest.mark.parametrize(("name", "text", "path"), REFUSED, ids=[f"{n}-{row[0]}" for n, row in enumerate(REFUSED)])
def test_what_is_refused_is_named_by_variable_and_path(name: str, text: str, path: str) -> None:
    assert (name, path) in paths(**{name: text})
    assert {where for where, _ in paths(**{name: text})} == {name}


def test_a_faulty_variable_keeps_its_default_and_does_not_hide_others() -> None:
    value, problems = read_settings({"PORT": "abc", "JWT_REFRESH": "x", "SESSION_TIMEOUT": "7"})
    assert {problem.where for problem in problems} == {"PORT", "JWT_REFRESH"}
    assert (value.port, value.jwt_refresh, value.session_timeout) == (5000, 5, 7)


def test_secrets_are_shown_nowhere() -> None:
    secret = "very-secret-indeed"
    environ = {
        "BACKEND_COOKIES_SECRET": secret,
        "SVC2AR_EXTERNAL_SESSION_ID_SECRET": secret,
        "IAS_PRIVATE_KEY": secret,
        "EXT_SESSION_MGT": json.dumps({"instanceName": "r", "storageType": "redis", "sessionSecret": secret * 4}),
    }
    assert secret not in repr(settings(**environ))
    short = json.dumps({"instanceName": "r", "storageType": "redis", "sessionSecret": secret})
    urls = [
        f"ftp://user:{secret}@host",
        f"http://user:{secret}@host",
        f"http://user:{secret}/@host",
        f"user:{secret}@h",
    ]
    extra = json.dumps([{**ONE, "password": secret}])
    for broken in (
        {"EXT_SESSION_MGT": short},
        {"EXT_SESSION_MGT": f'{{"sessionSecret": "{secret}'},
        *({"destinations": json.dumps([{"name": "a", "url": url}])} for url in urls),
        {"destinations": extra},
        {"destinations": f'[{{"password": "{secret}'},
    ):
        problems = read_settings(broken)[1]
        assert problems
        assert secret not in "".join(map(str, problems))


def test_the_settings_take_every_name_of_a_level_that_the_log_knows() -> None:
    assert get_args(LogLevel) == tuple(LEVELS)
    assert settings(XS_APP_LOG_LEVEL="None").xs_app_log_level == "none"


def test_unknown_variables_of_our_own_are_found() -> None:
    assert unknown_variables({"GATEWAY_PREFIX": "/x", "GATEWAY_PREFX": "/x", "OTHER": "1"}) == ("GATEWAY_PREFX",)
