"""docs/compatibility.md and the code say the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from app.bindings.business_service import BusinessService
from app.check import VARIABLES_WITHOUT_EFFECT
from app.login.user_api import Endpoint
from app.routing.descriptor import Descriptor
from app.settings.settings import OWN_PREFIX, Settings, variable_names
from app.subscriptions.services import Kind

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text()
STATUSES = {"works", "works differently", "not applicable"}

OURS = {"WEB_CONCURRENCY"}
"""Variables of our own without our prefix: a custom of Python servers."""

NO_SETTINGS = {"VCAP_SERVICES", "VCAP_APPLICATION", "NODE_EXTRA_CA_CERTS", "DEBUG", "NODE_DEBUG"}
"""Variables of the reference that are no settings: read elsewhere, or without a meaning here."""

READ_BY_NAME = {"NODE_ENV"}
"""Settings that are read from the environment before there are settings."""


def tables() -> dict[str, dict[str, tuple[str, str]]]:
    """By heading: status and remark of each row."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    heading = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        row = re.fullmatch(r"\| (.*`.*?) \| ([a-z ]+) \|(.*)\|", line)
        if row:
            name = row[1].strip("`") if row[1].count("`") == 2 else row[1]
            assert name not in found.setdefault(heading, {}), f"{name} has two rows"
            found[heading][name] = (row[2], row[3].strip())
    return found


TABLES = tables()
PROPERTIES = TABLES["xs-app.json"]
VARIABLES = TABLES["Environment variables"]
NESTED = TABLES["Properties of variables"]
HEADERS = TABLES["Headers"]
DESTINATION = TABLES["Destination properties"]
SERVICE = TABLES["Business service credentials"]
BOUND = TABLES["Bound services"]

CREDENTIALS = {"headers": "URL.headers.*", "html5-apps-repo": "html5-apps-repo.app_host_id"}
"""Credentials of business services by their name in our model, where that is another."""
BY_NAME = {"redis-cache"}
"""Services that are found by the name of their instance."""


def members(annotation: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """The models in an annotation, each with how one gets there: `[]` through arrays, `.*` through maps."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
        return
    step = {tuple: "[]", dict: ".*"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        yield from members(argument, suffix + step)


def paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The JSON paths of all properties of a model."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        yield path
        for member, suffix in members(field.annotation):
            yield from paths(member, f"{path}{suffix}.")


def variable_paths() -> set[str]:
    """The JSON paths of all properties of variables that have no property of xs-app.json as their twin."""
    twins = {"CORS", "COMPRESSION", "OUTGOING_REQUEST_OPTIONS"}
    found: set[str] = set()
    for name, field in Settings.model_fields.items():
        variable = field.alias or name
        if variable not in twins:
            for member, suffix in members(field.annotation):
                found |= set(paths(member, f"{variable}{suffix}."))
    return found


def destination_code() -> Iterator[ast.AST]:
    """The syntax of everything that deals with destinations."""
    for file in (ROOT / "app" / "destinations").glob("*.py"):
        yield from ast.walk(ast.parse(file.read_text()))


def read_property(node: ast.AST) -> str | None:
    """The property that a call reads: `properties.text("URL")`, `reader(properties, "URL")`."""
    if not isinstance(node, ast.Call):
        return None
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    names = [*([owner] if owner is not None else []), *node.args]
    for value, name in pairwise(names):
        if isinstance(value, ast.Name) and value.id == "properties" and isinstance(name, ast.Constant):
            return str(name.value)
    return None


def of_status(table: dict[str, tuple[str, str]], status: str) -> set[str]:
    return {name for name, (given, _) in table.items() if given == status}


def source(folder: str = "app") -> str:
    """All code of ours but the landscape's and the settings' own."""
    files = sorted((ROOT / folder).rglob("*.py"))
    skipped = ("landscape", "settings")
    return "\n".join(file.read_text() for file in files if file.relative_to(ROOT / folder).parts[0] not in skipped)


def test_the_page_has_all_properties_of_the_descriptor_and_no_other() -> None:
    assert set(PROPERTIES) == set(paths(Descriptor))


def test_the_page_has_all_variables_of_the_reference_and_no_other() -> None:
    ours = {name for name in variable_names() if name.startswith(OWN_PREFIX)} | OURS
    assert set(VARIABLES) == set(variable_names()) - ours | NO_SETTINGS


def test_the_page_has_all_properties_of_variables_and_no_other() -> None:
    assert set(NESTED) == variable_paths()


def test_the_page_has_all_properties_of_destinations_that_are_read() -> None:
    read = {name for node in destination_code() if (name := read_property(node)) is not None}
    assert len(read) > 15
    assert {name for name in read if not {name, f"HTML5.{name}"} & set(DESTINATION)} == set()


def test_the_page_has_no_other_properties_of_destinations() -> None:
    texts = {node.value for node in destination_code() if isinstance(node, ast.Constant)}
    for row in DESTINATION:
        assert {row.removesuffix("*"), row.removeprefix("HTML5.")} & texts, f"nobody reads {row}"


def test_the_page_has_all_credentials_of_business_services_and_no_other() -> None:
    model = {CREDENTIALS.get(path, path) for path in paths(BusinessService) if not path.startswith("uaa.")}
    assert set(SERVICE) == model | {"saasregistryenabled"}
    assert 'credentials.get("saasregistryenabled")' in source()


def test_the_page_has_all_services_that_are_looked_for_and_no_other() -> None:
    code = source()
    asked = set(re.findall(r'(?:of_service|by_label|find)\((?:label=)?"([\w-]+)"', code))
    assert set(BOUND) == asked | {kind.value for kind in Kind} | BY_NAME


def test_the_page_has_both_endpoints_of_the_user_api() -> None:
    assert set(TABLES["User API"]) == {endpoint.removeprefix("/") for endpoint in Endpoint}


@pytest.mark.parametrize("heading", TABLES)
def test_every_row_has_a_status_and_explains_what_differs(heading: str) -> None:
    for name, (status, remark) in TABLES[heading].items():
        assert status in STATUSES, name
        if status in ("works differently", "not applicable"):
            assert remark, f"{name}: {status}, but neither how nor why"


def test_variables_without_an_effect_are_what_check_tells() -> None:
    not_ours = {"DEBUG"}  # a name that any program may read
    assert of_status(VARIABLES, "not applicable") - not_ours == set(VARIABLES_WITHOUT_EFFECT)


def test_variables_that_work_are_used() -> None:
    code = source()
    names = {field.alias or name: name for name, field in Settings.model_fields.items()}
    for variable in of_status(VARIABLES, "works") - NO_SETTINGS - READ_BY_NAME:
        assert re.search(rf"\.{names[variable]}\b", code), f"{variable} works, but nobody reads it"


@pytest.mark.parametrize("header", sorted(name for name in HEADERS if HEADERS[name][0] == "works"))
def test_headers_that_work_are_named_in_the_code(header: str) -> None:
    prefixes = ("sap-connectivity-", "proxy-")
    named = [header, *(prefix for prefix in prefixes if header.startswith(prefix))]
    code = source().lower()
    assert any(name in code for name in named)
