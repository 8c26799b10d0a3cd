"""A configuration in which every property and every variable with properties says something."""

from __future__ import annotations

import json
from typing import Any

CLIENT = {
    "clientid": "sb-x", "clientsecret": "s", "url": "https://acme.authentication.example",
    "certurl": "https://acme.authentication.cert.example", "uaadomain": "authentication.example",
    "xsappname": "x!t1", "identityzone": "acme", "identityzoneid": "z", "tenantid": "t", "tenantmode": "shared",
    "apiurl": "https://api.authentication.example", "verificationkey": "k",
}  # fmt: skip
CORS = {
    "uriPattern": "^/a", "hostPattern": "h", "allowedOrigin": [{"host": "h", "protocol": "https", "port": "443"}],
    "allowedMethods": ["GET"], "maxAge": 3, "allowedHeaders": ["a"], "exposeHeaders": ["b"], "allowedCredentials": True,
}  # fmt: skip
COMPRESSION = {"enabled": True, "minSize": 5, "compressResponseMixedTypeContent": True}
TIMEOUTS = {name: {"timeout": 3} for name in ("cls", "xsuaa", "identity", "html5-apps-repo", "destination")}
LOGOUT = {"logoutPath": "/l", "logoutMethod": "GET"}
ERROR_PAGE = "xs-app.json"

DESCRIPTOR: dict[str, Any] = {
    "welcomeFile": "/w.html",
    "authenticationMethod": "route",
    "stateProtection": True,
    "sessionTimeout": 5,
    "routes": [
        {
            "source": {"path": "^/f/(.*)$", "matchCase": True}, "target": "$1", "localDir": "resources",
            "replace": {
                "pathSuffixes": ["x"], "vars": ["A"],
                "services": {
                    "s": {
                        "name": "ui", "label": "sapui5", "tag": "ui5", "plan": "p", "instance_name": "in",
                        "instance_guid": "ig", "binding_name": "bn", "binding_guid": "bg",
                    },
                    "t": "ui",
                },
            },
            "cacheControl": "no-store", "authenticationType": "xsuaa", "csrfProtection": True,
            "scope": {"GET": ["a"], "default": "b"},
        },
        {
            "source": "^/a", "destination": "one", "identityProvider": "idp", "httpMethods": ["GET"],
            "preferLocal": True, "dynamicIdentityProvider": False, "setBackendSessionCookies": True,
        },
        {"source": "^/b", "service": "com.c", "endpoint": "a"},
    ],
    "login": {"callbackEndpoint": "/login/cb"},
    "logout": {
        "logoutEndpoint": "/out", "backChannelLogoutEndpoint": "/back", "logoutPage": "/bye.html",
        "logoutMethod": "POST", "csrfProtection": True,
    },
    "destinations": {"one": LOGOUT},
    "services": {"com.c": {"endpoint": "a", **LOGOUT}},
    "responseHeaders": [{"name": "X-A", "value": "b"}],
    "compression": COMPRESSION,
    "pluginMetadataEndpoint": "/plugins",
    "whitelistService": {"endpoint": "/wl"},
    "websockets": {"enabled": True},
    "errorPage": [{"status": [404], "file": ERROR_PAGE}, {"status": 403, "path": "/x"}],
    "cors": [CORS],
    "outgoingRequestOptions": TIMEOUTS,
}  # fmt: skip


def _binding(label: str, credentials: dict[str, Any], name: str = "", **others: Any) -> dict[str, list[Any]]:
    return {label: [{"name": name or label, "label": label, "tags": [label], "credentials": credentials, **others}]}


BINDINGS: dict[str, list[Any]] = {
    **_binding("xsuaa", CLIENT, "uaa"),
    **_binding("destination", {**CLIENT, "uri": "https://d.example", "instanceid": "i"}),
    **_binding(
        "connectivity",
        {
            **CLIENT, "onpremise_proxy_host": "proxy", "onpremise_proxy_http_port": "20003",
            "onpremise_proxy_port": "20003", "token_service_url": "https://t.example",
        },
    ),
    **_binding(
        "identity",
        {
            "clientid": "i", "clientsecret": "s", "url": "https://i.accounts.example",
            "domains": ["accounts.example"], "app_tid": "t",
        },
    ),
    **_binding(
        "html5-apps-repo",
        {"uri": "https://repo.example", "uaa": CLIENT, "sap.cloud.service": "html5-apps-repo-rt"},
        plan="app-runtime",
    ),
    **_binding(
        "country",
        {
            "sap.cloud.service": "com.c", "sap.cloud.service.alias": "cty", "uaa": CLIENT, "grant_type": "user_token",
            "endpoints": {"a": {"url": "https://country.example", "timeout": 5}}, "URL.headers.x": "y",
            "html5-apps-repo": {"app_host_id": "1,2"},
        },
    ),
    **_binding(
        "sapui5", {"url": "u"}, "ui", tags=["ui5"], plan="p",
        instance_name="in", instance_guid="ig", binding_name="bn", binding_guid="bg",
    ),
    **_binding("auditlog", {"uaa": CLIENT, "url": "https://audit.example"}),
    **_binding(
        "saas-registry",
        {"appUrls": {"getDependencies": "https://a.r.example/d", "onSubscription": "https://a.r.example/{tenantId}"}},
    ),
    **_binding(
        "subscription-manager",
        {
            "app_urls": {
                "dependenciesCallbacks": {"url": "https://a.r.example/d"},
                "subscriptionCallbacks": {"url": "https://a.r.example/s/{tenantId}"},
            },
            "callback_certificate_subject": '{"CN": "x"}', "callback_certificate_issuer": '{"CN": "y"}',
        },
    ),
    **_binding("redis", {"hostname": "r.example", "port": "6379", "password": "pw", "tls": True}),
}  # fmt: skip
VARIABLES: dict[str, Any] = {
    "VCAP_SERVICES": BINDINGS,
    "VCAP_APPLICATION": {"application_id": "a", "application_name": "n", "application_uris": ["u.example"]},
    "destinations": [
        {
            "name": "one", "url": "http://localhost:1", "proxyHost": "p", "proxyPort": "80", "timeout": 5,
            "IASDependencyName": "dep", "forwardAuthToken": True, "forwardAuthCertificates": True,
            "strictSSL": True, "setXForwardedHeaders": True,
        },
        {"name": "erp", "url": "http://erp.corp:80", "proxyType": "OnPremise"},
    ],
    "plugins": [
        {
            "name": "p", "source": {"path": "/p", "matchCase": True}, "target": "/", "destination": "one",
            "authenticationType": "none", "csrfProtection": True, "scope": ["a"],
        }
    ],
    "httpHeaders": [{"X-B": "c"}],
    "COOKIES": {
        "SameSite": "None", "Partitioned": {"supportedPartitionAgents": "a", "unsupportedPartitionAgents": "b"}
    },
    "CORS": [CORS],
    "COMPRESSION": COMPRESSION,
    "WS_ALLOWED_ORIGINS": [{"host": "h.example", "protocol": "https", "port": "443"}],
    "CJ_PROTECT_WHITELIST": [{"host": "h.example", "protocol": "https", "port": "443"}],
    "DIRECT_ROUTING_URI_PATTERNS": ["^a$"],
    "OWN_SAP_CLOUD_SERVICE": ["x"],
    "EXT_SESSION_MGT": {
        "instanceName": "redis", "storageType": "redis", "sessionSecret": "k" * 64, "defaultRetryTimeout": 2000,
        "backOffMultiplier": 50, "connectTimeout": 10000, "commandTimeout": 5000, "keepAlive": False,
        "skipCertHostnameValidation": False, "rejectUnauthorized": True,
    },
    "OUTGOING_REQUEST_OPTIONS": TIMEOUTS,
    "TENANT_HOST_PATTERN": "^(.*)\\.r\\.example$",
    "ENABLE_FRAME_ANCESTORS_CSP_HEADERS": "true",
    "SVC2AR_STORE_CSRF_IN_EXTERNAL_SESSION": "true",
}  # fmt: skip


def environment(**variables: str) -> dict[str, str]:
    """The variables as an environment has them; those given take the place of the others."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in VARIABLES.items()}
    return {**texts, **variables}
