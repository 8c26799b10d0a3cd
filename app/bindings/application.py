"""What the platform says about the application itself: `VCAP_APPLICATION` (protocols 1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.problem import Problem
from app.strict_model import read_json

VARIABLE = "VCAP_APPLICATION"


@dataclass(frozen=True, slots=True)
class Application:
    """Names and ids of this instance; empty where there is no platform."""

    id: str = ""
    name: str = ""
    uris: tuple[str, ...] = ()
    instance_index: str = ""
    instance_id: str = ""
    space_id: str = ""
    space_name: str = ""
    organization_id: str = ""
    organization_name: str = ""


def read_application(environ: Mapping[str, str]) -> tuple[Application, list[Problem]]:
    """The application, and what is wrong with its description."""
    try:
        document = read_json(environ.get(VARIABLE) or "{}")
    except ValueError as error:
        return Application(), [Problem(VARIABLE, "", "", str(error))]
    if not isinstance(document, dict):
        return Application(), [Problem(VARIABLE, "$", "", "an object")]
    return _application(document, environ), []


def _application(document: Mapping[str, Any], environ: Mapping[str, str]) -> Application:
    uris = document.get("application_uris") or document.get("uris") or ()
    return Application(
        id=str(document.get("application_id") or ""),
        name=str(document.get("application_name") or document.get("name") or ""),
        uris=tuple(str(uri) for uri in uris) if isinstance(uris, list) else (),
        instance_index=environ.get("CF_INSTANCE_INDEX", str(document.get("instance_index", ""))),
        instance_id=environ.get("CF_INSTANCE_GUID", str(document.get("instance_id", ""))),
        space_id=str(document.get("space_id") or ""),
        space_name=str(document.get("space_name") or ""),
        organization_id=str(document.get("organization_id") or ""),
        organization_name=str(document.get("organization_name") or ""),
    )
