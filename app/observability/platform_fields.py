"""The part of every log record that names the application and where it runs: constant for a process (protocols 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping

UNKNOWN = "-"


def platform_fields(environ: Mapping[str, str]) -> dict[str, str]:
    """Fields from `VCAP_APPLICATION` and `CF_INSTANCE_*`; `-` for what the environment does not say."""
    application = _application(environ.get("VCAP_APPLICATION", ""))
    instance = environ.get("CF_INSTANCE_INDEX", "0")

    def known(*names: str) -> str:
        return next((str(application[name]) for name in names if application.get(name)), UNKNOWN)

    return {
        "component_type": "application",
        "component_id": known("application_id"),
        "component_name": known("application_name", "name"),
        "component_instance": instance,
        "source_instance": instance,
        "layer": "[PYTHON]",
        "organization_id": known("organization_id"),
        "organization_name": known("organization_name"),
        "space_id": known("space_id"),
        "space_name": known("space_name"),
        "container_id": environ.get("CF_INSTANCE_IP", UNKNOWN),
    }


def _application(text: str) -> dict[str, object]:
    """Malformed JSON is a matter of the configuration check; logging goes on without it."""
    try:
        parsed = json.loads(text) if text else {}
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
