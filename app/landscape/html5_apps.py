"""What is deployed to the emulated HTML5 repository when the landscape starts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.landscape.users import stable_id

SHOP_HOST = stable_id("app-host", "shop")
COUNTRY_HOST = stable_id("app-host", "country")
COUNTRY_SERVICE = "com.landscape.country"
COUNTRY_ALIAS = "country"
_REPOSITORY = "html5-apps-repo-rt"


@dataclass(frozen=True, slots=True)
class HostedApp:
    """One version of an application. `files` by path below its root; `public` ones are seen from other spaces."""

    name: str
    version: str
    app_host: str
    files: Mapping[str, bytes]
    is_default: bool = True
    public: bool = False


def demo_apps() -> list[HostedApp]:
    """An application of our own in two versions, and one of a business service."""
    return [
        HostedApp("shop", "1.0.0", SHOP_HOST, _files("shop 1.0.0", _shop_routes()), is_default=False),
        HostedApp("shop", "1.1.0", SHOP_HOST, _files("shop 1.1.0", _shop_routes())),
        HostedApp("countrylist", "1.0.0", COUNTRY_HOST, _files("countries", _country_routes()), public=True),
    ]


def _files(title: str, routes: list[dict[str, Any]]) -> dict[str, bytes]:
    descriptor = {"welcomeFile": "index.html", "authenticationMethod": "route", "routes": routes}
    return {
        "/xs-app.json": json.dumps(descriptor).encode(),
        "/manifest.json": json.dumps({"sap.app": {"id": title.partition(" ")[0]}}).encode(),
        "/index.html": f"<!doctype html><title>{title}</title><script src=Component.js></script>".encode(),
        "/Component.js": f"console.log('{title}')".encode(),
        "/public/hello.txt": f"hello from {title}".encode(),
    }


def _shop_routes() -> list[dict[str, Any]]:
    return [
        {"source": "^/service/(.*)$", "target": "/$1", "destination": "microservice"},
        {"source": "^/countries/(.*)$", "target": "/$1", "service": COUNTRY_SERVICE, "endpoint": "api"},
        *_file_routes(),
    ]


def _country_routes() -> list[dict[str, Any]]:
    return [
        {"source": "^/api/(.*)$", "target": "/$1", "service": COUNTRY_ALIAS, "endpoint": "api"},
        *_file_routes(),
    ]


def _file_routes() -> list[dict[str, Any]]:
    return [
        {"source": "^/public/", "service": _REPOSITORY, "authenticationType": "none", "cacheControl": "no-cache"},
        {"source": "^(.*)$", "target": "$1", "service": _REPOSITORY},
    ]
