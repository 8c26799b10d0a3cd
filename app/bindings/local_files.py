"""Files for local work in the working directory: `default-env.json` and `default-services.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.bindings.binding import Binding
from app.problem import Problem, json_path
from app.strict_model import read_json

ENVIRONMENT_FILE = "default-env.json"
SERVICES_FILE = "default-services.json"
_ON_PLATFORM = ("VCAP_APPLICATION", "VCAP_SERVICES", "VCAP_SERVICES_FILE_PATH", "KUBERNETES_SERVICE_HOST")
_SERVICE_OF_KEY = {"uaa": "xsuaa"}


def with_local_environment(workdir: Path, environ: Mapping[str, str]) -> tuple[Mapping[str, str], list[Problem]]:
    """The environment, completed by `default-env.json`; what is set already goes before.

    The file is for local work: it counts with `NODE_ENV=development`, or where there is no platform around.
    """
    if environ.get("NODE_ENV") != "development" and any(name in environ for name in _ON_PLATFORM):
        return environ, []
    document, problems = _object_in(workdir / ENVIRONMENT_FILE)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
    return {**texts, **environ}, problems


def from_services_file(workdir: Path, uaa_service_name: str = "") -> tuple[list[Binding], list[Problem]]:
    """The bindings in `default-services.json`: an object of credentials by key, `uaa` being the xsuaa service, whatever
    the environment calls it (`UAA_SERVICE_NAME`).
    """
    document, problems = _object_in(workdir / SERVICES_FILE)
    bindings = []
    for key, credentials in document.items():
        service = _SERVICE_OF_KEY.get(key, key)
        if isinstance(credentials, dict):
            name = uaa_service_name or key if service == "xsuaa" else key
            completed = _completed(service, credentials)
            bindings.append(Binding(service, name, (service,), "", completed, SERVICES_FILE, key))
        else:
            problems.append(Problem(SERVICES_FILE, json_path([key]), "", "an object of credentials"))
    return bindings, problems


def _completed(service: str, credentials: dict[str, Any]) -> dict[str, Any]:
    """The short form of the uaa entry names no `uaadomain`: it is where its `url` points to."""
    if service != "xsuaa" or "uaadomain" in credentials:
        return credentials
    return {**credentials, "uaadomain": urlsplit(str(credentials.get("url", ""))).netloc}


def _object_in(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The object in a JSON file; empty when there is no such file."""
    if not path.is_file():
        return {}, []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return {}, [Problem(path.name, "", "", f"a file that can be read ({type(error).__name__})")]
    try:
        document = read_json(text)
    except ValueError as error:
        return {}, [Problem(path.name, "", "", str(error))]
    return (document, []) if isinstance(document, dict) else ({}, [Problem(path.name, "$", "", "an object")])
