"""Where a log record comes from."""

from __future__ import annotations

import json

import pytest

from app.observability.platform_fields import platform_fields

APPLICATION = {
    "application_id": "app-guid",
    "application_name": "shop",
    "organization_id": "org-guid",
    "organization_name": "org",
    "space_id": "space-guid",
    "space_name": "dev",
    "limits": {"mem": 256},
}


def test_cloud_foundry_names_the_application() -> None:
    environ = {"VCAP_APPLICATION": json.dumps(APPLICATION), "CF_INSTANCE_INDEX": "3", "CF_INSTANCE_IP": "10.1.2.3"}
    assert platform_fields(environ) == {
        "component_type": "application",
        "component_id": "app-guid",
        "component_name": "shop",
        "component_instance": "3",
        "source_instance": "3",
        "layer": "[PYTHON]",
        "organization_id": "org-guid",
        "organization_name": "org",
        "space_id": "space-guid",
        "space_name": "dev",
        "container_id": "10.1.2.3",
    }


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"application_id": null}'])
def test_elsewhere_it_is_unknown(text: str) -> None:
    fields = platform_fields({"VCAP_APPLICATION": text})
    assert (fields["component_id"], fields["space_name"], fields["container_id"]) == ("-", "-", "-")
    assert fields["component_instance"] == "0"
