"""manifest.yml, mta.yaml, xs-security.json, xs-app.json and the files beside them fit each other."""

from __future__ import annotations

import re
import shlex
import sys
from typing import Any

import pytest

from app import __version__
from app.landscape.xsuaa_client import matches_redirect
from app.settings.settings import Settings
from tests.packaging.project import ROOT, ignore_patterns, load_json, load_yaml, pushed_files

SERVICES = {"gangway-xsuaa": "xsuaa", "gangway-destination": "destination", "gangway-connectivity": "connectivity"}
HEALTH = {
    "health-check-type": "http",
    "health-check-http-endpoint": "/.gangway/live",
    "readiness-health-check-type": "http",
    "readiness-health-check-http-endpoint": "/.gangway/ready",
}


def manifest() -> dict[str, Any]:
    [application] = load_yaml("manifest.yml")["applications"]
    return dict(application)


def module() -> dict[str, Any]:
    [found] = load_yaml("mta.yaml")["modules"]
    return dict(found)


def resources() -> dict[str, dict[str, Any]]:
    return {each["name"]: each["parameters"] for each in load_yaml("mta.yaml")["resources"]}


def route() -> str:
    """The manifest's route with the variables of the README's example."""
    [only] = manifest()["routes"]
    return str(only["route"]).replace("((suffix))", "acme").replace("((domain))", "cfapps.eu10-004.hana.ondemand.com")


def own_pages() -> list[str]:
    """The paths XSUAA sends browsers back to."""
    descriptor = load_json("xs-app.json")
    callback = descriptor.get("login", {}).get("callbackEndpoint", "/login/callback")
    return [callback, descriptor["logout"]["logoutPage"]]


def test_both_ways_of_deploying_need_the_same_services_and_the_mta_defines_them() -> None:
    assert manifest()["services"] == list(SERVICES)
    assert [each["name"] for each in module()["requires"]] == list(SERVICES)
    assert {name: each["service"] for name, each in resources().items()} == SERVICES


def test_what_is_required_in_the_mta_is_provided_there() -> None:
    descriptor = load_yaml("mta.yaml")
    provided = {each["name"] for each in module()["provides"]} | set(resources())
    required = {
        each["name"] for part in descriptor["modules"] + descriptor["resources"] for each in part.get("requires", ())
    }
    assert required <= provided
    properties = {each["name"]: each["properties"] for each in module()["provides"]}
    for name, key in re.findall(r"~\{([\w-]+)/([\w-]+)\}", (ROOT / "mta.yaml").read_text()):
        assert key in properties[name]


@pytest.mark.parametrize("parameters", [manifest(), module()["parameters"]], ids=["manifest", "mta"])
def test_the_platform_asks_the_health_addresses(parameters: dict[str, Any]) -> None:
    assert HEALTH.items() <= parameters.items()
    assert Settings.model_validate({}).gateway_prefix == "/.gangway"
    assert parameters["memory"] == "256M"


def test_both_use_the_python_buildpack_which_finds_what_it_needs() -> None:
    assert manifest()["buildpacks"] == ["python_buildpack"]
    assert (module()["type"], module()["parameters"]["buildpack"]) == ("python", "python_buildpack")
    pushed = {str(path) for path in pushed_files()}
    assert {"requirements.txt", "runtime.txt", "Procfile", "xs-app.json", "app/__main__.py"} <= pushed


def test_the_runtime_is_a_python_we_support() -> None:
    version = re.fullmatch(r"python-3\.(\d+)\.x\n", (ROOT / "runtime.txt").read_text())
    assert version is not None
    assert 11 <= int(version[1]) <= 13
    assert sys.version_info >= (3, 11)


def test_the_process_is_started_without_a_shell_between() -> None:
    kind, _, command = (ROOT / "Procfile").read_text().partition(":")
    assert (kind, shlex.split(command)) == ("web", ["python", "-m", "app"])
    assert "command" not in manifest()


def test_the_scopes_routes_ask_for_exist_and_roles_lead_to_them() -> None:
    security = load_json("xs-security.json")
    defined = {each["name"] for each in security["scopes"]}
    used = set(re.findall(r"\$XSAPPNAME\.\w+", (ROOT / "xs-app.json").read_text()))
    granted = {scope for role in security["role-templates"] for scope in role["scope-references"]}
    assert used
    assert used <= defined
    assert granted == defined | set(security["foreign-scope-references"])
    templates = {f"$XSAPPNAME.{each['name']}" for each in security["role-templates"]}
    assert {name for each in security["role-collections"] for name in each["role-template-references"]} == templates


def test_addresses_xsuaa_may_send_browsers_to_fit_the_route_of_the_manifest() -> None:
    patterns = load_json("xs-security.json")["oauth2-configuration"]["redirect-uris"]
    for path in own_pages():
        assert any(matches_redirect(pattern, f"https://{route()}{path}") for pattern in patterns)
        assert not any(matches_redirect(pattern, f"https://evil.example{path}") for pattern in patterns)
    assert not any(matches_redirect(pattern, f"https://{route()}/elsewhere") for pattern in patterns)


def test_addresses_xsuaa_may_send_browsers_to_fit_the_route_of_the_mta() -> None:
    config = resources()["gangway-xsuaa"]["config"]
    addresses = config["oauth2-configuration"]["redirect-uris"]
    assert addresses == [f"https://~{{gangway-api/uri}}{path}" for path in own_pages()]
    assert resources()["gangway-xsuaa"]["path"] == "./xs-security.json"


def test_the_mta_leaves_out_what_cfignore_leaves_out() -> None:
    assert module()["build-parameters"]["ignore"] == ignore_patterns()


def test_nothing_for_development_and_no_secret_is_pushed() -> None:
    top = {path.parts[0] for path in pushed_files()}
    assert top == {"app", "webapp", "Procfile", "requirements.txt", "runtime.txt", "xs-app.json"}
    assert not any(path.parts[:2] == ("app", "landscape") for path in pushed_files())


def test_one_version_everywhere() -> None:
    [latest] = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[:1]
    assert latest == __version__ == load_yaml("mta.yaml")["version"]
