"""Bindings are read from where each platform puts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.bindings.application import read_application
from app.bindings.binding import Bindings
from app.bindings.local_files import with_local_environment
from app.bindings.reader import read_bindings

SECRET = "never-shown"

VCAP = {
    "xsuaa": [
        {
            "name": "uaa",
            "label": "xsuaa",
            "plan": "application",
            "tags": ["xsuaa"],
            "credentials": {"clientid": "sb-x", "clientsecret": SECRET},
        }
    ],
    "user-provided": [{"name": "my-uaa", "label": "user-provided", "tags": [], "credentials": {"tags": ["special"]}}],
    "country": [
        {
            "name": "country-instance",
            "credentials": {"sap.cloud.service": "com.sap.country", "sap.cloud.service.alias": "c"},
        }
    ],
}


def bindings(workdir: Path, **environ: str) -> Bindings:
    found, problems = read_bindings(workdir, environ)
    assert problems == []
    return found


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_vcap_services(tmp_path: Path) -> None:
    found = bindings(tmp_path, VCAP_SERVICES=json.dumps(VCAP))
    uaa = found.by_tag("xsuaa")
    assert uaa is not None
    assert (uaa.label, uaa.name, uaa.plan, uaa.credentials["clientid"]) == ("xsuaa", "uaa", "application", "sb-x")
    assert found.by_label("xsuaa") is uaa
    assert SECRET not in repr(found)


def test_lookup_by_name_tag_label_and_business_service(tmp_path: Path) -> None:
    found = bindings(tmp_path, VCAP_SERVICES=json.dumps(VCAP))
    ups = found.by_name("my-uaa")
    assert ups is not None
    assert found.by_tag("special") is ups
    assert found.find(tag="special", label="user-provided") is ups
    assert found.find(tag="special", label="xsuaa") is None
    country = found.by_name("country-instance")
    assert country is not None
    assert country.label == "country"
    assert found.business_services("com.sap.country") == (country,)
    assert found.business_services("c") == (country,)
    assert found.business_services("nothing") == ()


def test_bindings_are_told_apart_by_name_and_id(tmp_path: Path) -> None:
    ids = {"instance_name": "in", "instance_guid": "ig", "binding_name": "bn", "binding_guid": "bg"}
    entries = [{"name": "one", **ids}, {"name": "two", **ids, "binding_guid": "other"}, {"name": "three"}]
    found = bindings(tmp_path, VCAP_SERVICES=json.dumps({"any": entries}))
    assert found.matching(instance_guid="ig") == found.all[:2]
    assert found.matching(instance_name="in", binding_guid="other") == found.all[1:2]
    assert found.matching(binding_name="three") == ()
    assert found.all[2].ids == {}


def test_vcap_services_file(tmp_path: Path) -> None:
    write(tmp_path / "vcap", json.dumps(VCAP))
    found = bindings(tmp_path, VCAP_SERVICES_FILE_PATH=str(tmp_path / "vcap"), VCAP_SERVICES="{}")
    assert found.by_name("uaa") is not None


def test_binding_root_of_cloud_foundry(tmp_path: Path) -> None:
    root = tmp_path / "bindings" / "my-binding"
    for name, text in {"type": "xsuaa", "label": "xsuaa", "tags": '["xsuaa"]', "instance-name": "uaa"}.items():
        write(root / name, text)
    write(root / "clientid", "sb-x")
    write(root / "uaa", '{"url": "https://a"}')
    (binding,) = bindings(tmp_path, SERVICE_BINDING_ROOT=str(root.parent)).all
    assert (binding.label, binding.name, binding.tags) == ("xsuaa", "uaa", ("xsuaa",))
    assert binding.credentials == {"clientid": "sb-x", "uaa": {"url": "https://a"}}
    assert binding.ids == {"instance_name": "uaa"}


def test_binding_root_with_metadata(tmp_path: Path) -> None:
    root = tmp_path / "bindings" / "dest"
    metadata = {
        "metaDataProperties": [
            {"name": "type", "format": "text"},
            {"name": "label", "format": "text"},
            {"name": "instance_name", "format": "text"},
            {"name": "tags", "format": "json"},
        ],
        "credentialProperties": [
            {"name": "clientid", "format": "text"},
            {"name": "uaa", "format": "json"},
            {"name": "all", "format": "json", "container": True},
        ],
    }
    files = {
        ".metadata": json.dumps(metadata),
        "type": "destination",
        "label": "destination",
        "instance_name": "my-dest",
        "tags": '["destination"]',
        "clientid": "c",
        "uaa": '{"a": 1}',
        "all": '{"uri": "https://d"}',
    }
    for name, text in files.items():
        write(root / name, text)
    write(root.parent / "untyped" / ".metadata", '{"metaDataProperties": []}')
    (root.parent / "..data").mkdir()
    (binding,) = bindings(tmp_path, SERVICE_BINDING_ROOT=str(root.parent)).all
    assert (binding.label, binding.name, binding.tags) == ("destination", "my-dest", ("destination",))
    assert binding.credentials == {"clientid": "c", "uaa": {"a": 1}, "uri": "https://d"}
    assert binding.ids == {"instance_name": "my-dest"}


def test_binding_root_by_service_and_instance(tmp_path: Path) -> None:
    root = tmp_path / "bindings"
    write(root / "xsuaa" / "my-uaa" / "clientid", "c")
    write(root / "xsuaa" / "my-uaa" / "uaa", '{"a": 1}')
    write(root / "xsuaa" / "my-uaa" / "list", '["stays text"]')
    write(root / "destination" / "folded" / "everything.json", '{"uri": "https://d"}')
    found = bindings(tmp_path, SERVICE_BINDING_ROOT=str(root))
    uaa, destination = found.by_tag("xsuaa"), found.by_label("destination")
    assert uaa is not None
    assert destination is not None
    assert (uaa.name, uaa.credentials) == ("my-uaa", {"clientid": "c", "uaa": {"a": 1}, "list": '["stays text"]'})
    assert destination.credentials == {"uri": "https://d"}


def test_default_services_for_local_work(tmp_path: Path) -> None:
    credentials = {"url": "https://my.uaa.example", "clientid": "c", "clientsecret": "s", "xsappname": "x"}
    write(tmp_path / "default-services.json", json.dumps({"uaa": credentials}))
    uaa = bindings(tmp_path).by_tag("xsuaa")
    assert uaa is not None
    assert (uaa.name, uaa.credentials["uaadomain"]) == ("uaa", "my.uaa.example")


LOCAL_UAA = {"url": "https://my.uaa.example", "clientid": "c", "clientsecret": "s", "xsappname": "x"}


def test_default_services_add_what_the_environment_lacks(tmp_path: Path) -> None:
    write(tmp_path / "default-services.json", json.dumps({"uaa": LOCAL_UAA, "country": {"local": 1}, "maps": {}}))
    vcap = {label: entries for label, entries in VCAP.items() if label == "country"}
    found = bindings(tmp_path, VCAP_SERVICES=json.dumps(vcap))
    assert [binding.label for binding in found.all] == ["country", "xsuaa", "maps"]
    assert found.all[0].where == "VCAP_SERVICES"
    assert bindings(tmp_path, VCAP_SERVICES="{}").by_tag("xsuaa") is not None
    write(tmp_path / "bindings" / "maps" / "mine" / "uri", "u")
    mounted = bindings(tmp_path, SERVICE_BINDING_ROOT=str(tmp_path / "bindings"))
    assert [binding.label for binding in mounted.all] == ["maps", "xsuaa", "country"]


@pytest.mark.parametrize(
    "bound", [{"label": "xsuaa", "name": "uaa-1"}, {"label": "user-provided", "name": "my-uaa"}, {"tags": ["xsuaa"]}]
)
def test_an_xsuaa_that_is_bound_goes_before_that_of_default_services(tmp_path: Path, bound: dict[str, Any]) -> None:
    write(tmp_path / "default-services.json", json.dumps({"uaa": LOCAL_UAA}))
    vcap = {"some": [{"label": "some", "name": "some", "credentials": {}, **bound}]}
    found = bindings(tmp_path, VCAP_SERVICES=json.dumps(vcap), UAA_SERVICE_NAME="my-uaa")
    assert [binding.where for binding in found.all] == ["VCAP_SERVICES"]


def test_the_uaa_of_default_services_has_the_name_that_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "default-services.json", json.dumps({"uaa": LOCAL_UAA}))
    uaa = bindings(tmp_path, UAA_SERVICE_NAME="my-uaa").by_name("my-uaa")
    assert uaa is not None
    assert uaa.credentials["clientid"] == "c"


def test_a_query_finds_what_default_services_have_under_its_key(tmp_path: Path) -> None:
    write(tmp_path / "default-services.json", json.dumps({"ui": {"url": "local"}}))
    vcap = {"maps": [{"label": "maps", "name": "ui", "tags": ["other"], "credentials": {"url": "secret"}}]}
    assert bindings(tmp_path, VCAP_SERVICES=json.dumps(vcap)).queried("ui", {"tag": "ui5"}) == ()
    (local,) = bindings(tmp_path).queried("ui", {"tag": "ui5"})
    assert local.credentials == {"url": "local"}
    assert bindings(tmp_path).queried("other", {"tag": "ui5"}) == ()


def test_nothing_anywhere_is_no_binding(tmp_path: Path) -> None:
    assert bindings(tmp_path).all == ()


@pytest.mark.parametrize("text", ["{", "[]", '{"xsuaa": {}}', '{"xsuaa": [1]}', '{"xsuaa": [{"credentials": []}]}'])
def test_malformed_vcap_services_is_a_problem(tmp_path: Path, text: str) -> None:
    if text == '{"xsuaa": [{"credentials": []}]}':
        text = text.replace("[]", '["x"]')
    _, problems = read_bindings(tmp_path, {"VCAP_SERVICES": text})
    assert [problem.where for problem in problems] == ["VCAP_SERVICES"]


def test_unreadable_sources_are_problems(tmp_path: Path) -> None:
    assert read_bindings(tmp_path, {"VCAP_SERVICES_FILE_PATH": str(tmp_path / "none")})[1]
    assert read_bindings(tmp_path, {"SERVICE_BINDING_ROOT": str(tmp_path / "none")})[1]
    write(tmp_path / "root" / "b" / ".metadata", "{")
    (problem,) = read_bindings(tmp_path, {"SERVICE_BINDING_ROOT": str(tmp_path / "root")})[1]
    assert problem.where == str(tmp_path / "root" / "b")


def test_default_env_completes_the_environment_where_there_is_no_platform(tmp_path: Path) -> None:
    write(tmp_path / "default-env.json", '{"PORT": 1234, "JWT_REFRESH": "9", "destinations": [{"name": "a"}]}')
    environ, problems = with_local_environment(tmp_path, {"JWT_REFRESH": "3"})
    assert problems == []
    assert environ == {"PORT": "1234", "JWT_REFRESH": "3", "destinations": '[{"name": "a"}]'}
    assert with_local_environment(tmp_path, {"VCAP_APPLICATION": "{}"})[0] == {"VCAP_APPLICATION": "{}"}
    assert "PORT" in with_local_environment(tmp_path, {"VCAP_APPLICATION": "{}", "NODE_ENV": "development"})[0]


def test_malformed_default_env_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "default-env.json", "{")
    assert with_local_environment(tmp_path, {})[1][0].where == "default-env.json"


def test_application_names_and_ids() -> None:
    text = json.dumps(
        {"application_id": "id", "application_name": "shop", "uris": ["shop.example"], "space_name": "dev"}
    )
    application, problems = read_application({"VCAP_APPLICATION": text, "CF_INSTANCE_INDEX": "2"})
    assert problems == []
    assert (application.id, application.name, application.uris) == ("id", "shop", ("shop.example",))
    assert (application.space_name, application.instance_index) == ("dev", "2")
    assert read_application({"VCAP_APPLICATION": "{"})[1][0].where == "VCAP_APPLICATION"
