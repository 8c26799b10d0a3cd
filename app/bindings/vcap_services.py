"""Bindings of Cloud Foundry: `VCAP_SERVICES`, as a variable or as a file (protocols 1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.bindings.binding import Binding, ids_of
from app.problem import Problem, json_path
from app.strict_model import read_json

VARIABLE = "VCAP_SERVICES"
FILE_VARIABLE = "VCAP_SERVICES_FILE_PATH"


def from_variable(environ: Mapping[str, str]) -> tuple[list[Binding], list[Problem]]:
    """The bindings in `VCAP_SERVICES`."""
    return parse(environ[VARIABLE], VARIABLE)


def from_file(environ: Mapping[str, str]) -> tuple[list[Binding], list[Problem]]:
    """The bindings in the file that `VCAP_SERVICES_FILE_PATH` names."""
    path = environ[FILE_VARIABLE]
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [], [Problem(FILE_VARIABLE, "", path, f"a file that can be read ({type(error).__name__})")]
    return parse(text, path)


def parse(text: str, where: str) -> tuple[list[Binding], list[Problem]]:
    """Read the JSON of VCAP_SERVICES: an object of arrays of bindings, by label."""
    try:
        document = read_json(text)
    except ValueError as error:
        return [], [Problem(where, "", "", str(error))]
    if not isinstance(document, dict):
        return [], [Problem(where, "$", "", "an object of arrays of bindings, by service")]
    bindings: list[Binding] = []
    problems: list[Problem] = []
    for label, entries in document.items():
        if not isinstance(entries, list):
            problems.append(Problem(where, json_path([label]), "", "an array of bindings"))
            continue
        for index, entry in enumerate(entries):
            faults = _faults(entry)
            problems += [Problem(where, json_path([label, index, *path]), "", text) for path, text in faults]
            if not faults:
                bindings.append(_binding(label, entry, where))
    return bindings, problems


def _faults(entry: Any) -> list[tuple[tuple[str, ...], str]]:
    if not isinstance(entry, dict):
        return [((), "an object")]
    faults: list[tuple[tuple[str, ...], str]] = []
    if not isinstance(entry.get("credentials") or {}, dict):
        faults.append((("credentials",), "an object"))
    if not isinstance(entry.get("tags") or [], list):
        faults.append((("tags",), "an array of strings"))
    return faults


def _binding(label: str, entry: Mapping[str, Any], where: str) -> Binding:
    # The library knows what the platform's names mean; it is loaded only where the platform is Cloud Foundry.
    from cfenv import Service

    service = Service(entry)
    return Binding(
        label=str(entry.get("label") or label),
        name=str(service.name or entry.get("instance_name") or label),
        tags=tuple(str(tag) for tag in entry.get("tags") or ()),
        plan=str(entry.get("plan") or ""),
        credentials=service.credentials or {},
        ids=ids_of(entry),
        where=where,
    )
