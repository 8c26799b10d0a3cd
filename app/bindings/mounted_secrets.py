"""Bindings as mounted directories: Kyma, Kubernetes, and Cloud Foundry's own variant (protocols 1.1, 1.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.bindings.binding import Binding, ids_of
from app.problem import Problem

ROOT_VARIABLE = "SERVICE_BINDING_ROOT"
DEFAULT_ROOT = Path("/etc/secrets/sapcp")
_RESERVED = frozenset(
    {
        *("type", "provider", "label", "plan", "name", "tags", "syslog-drain-url", "volume-mounts"),
        *("instance-guid", "instance-name", "instance_guid", "instance_name", "binding-guid", "binding-name"),
    }
)


def from_directory(root: Path) -> tuple[list[Binding], list[Problem]]:
    """The bindings below a directory.

    Three layouts are told apart: `<binding>/.metadata`, `<binding>/<key>` with a file `type` or `label`, and
    `<service>/<instance>/<key>`.
    """
    bindings: list[Binding] = []
    problems: list[Problem] = []
    for directory in _directories(root):
        try:
            bindings += _bindings_in(directory)
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(Problem(str(directory), "", "", f"a service binding ({_reason(error)})"))
    return bindings, problems


def _bindings_in(directory: Path) -> Iterator[Binding]:
    if (directory / ".metadata").is_file():
        binding = _described(directory)
        if binding:
            yield binding
        return
    files = _texts(directory)
    if files.keys() & {"type", "label"}:
        yield _self_described(directory, files)
        return
    for instance in _directories(directory):
        credentials = {name: _object_or_text(text) for name, text in _texts(instance).items()}
        yield Binding(directory.name, instance.name, (directory.name,), "", _unfolded(credentials), str(instance))


def _described(directory: Path) -> Binding | None:
    """A binding with `.metadata`: it lists the files and their formats; without `type` it is none of ours."""
    metadata = json.loads((directory / ".metadata").read_text(encoding="utf-8"))
    properties = {entry["name"]: _value(directory, entry) for entry in metadata.get("metaDataProperties", ())}
    if "type" not in properties:
        return None
    credentials: dict[str, Any] = {}
    for entry in metadata.get("credentialProperties", ()):
        value = _value(directory, entry)
        credentials |= value if entry.get("container") else {entry["name"]: value}
    return _binding(directory, properties, credentials)


def _value(directory: Path, entry: Mapping[str, Any]) -> Any:
    text = (directory / str(entry.get("sourceName") or entry["name"])).read_text(encoding="utf-8")
    return json.loads(text) if entry.get("format") == "json" else text


def _self_described(directory: Path, files: Mapping[str, str]) -> Binding:
    """A binding whose reserved files describe it, each other file being one credential."""
    properties = {name: _json_or_text(text.strip()) for name, text in files.items() if name in _RESERVED}
    credentials = {name: _json_or_text(text) for name, text in files.items() if name not in _RESERVED}
    return _binding(directory, properties, credentials)


def _binding(directory: Path, properties: Mapping[str, Any], credentials: Mapping[str, Any]) -> Binding:
    tags = properties.get("tags") or ()
    name = properties.get("instance_name") or properties.get("instance-name") or properties.get("name")
    return Binding(
        label=str(properties.get("label") or properties.get("type")),
        name=str(name or directory.name),
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list | tuple) else (str(tags),),
        plan=str(properties.get("plan") or ""),
        credentials=credentials,
        ids=ids_of(properties),
        where=str(directory),
    )


def _directories(root: Path) -> list[Path]:
    """Subdirectories by name, without the hidden ones Kubernetes uses to swap contents."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _texts(directory: Path) -> dict[str, str]:
    files = (path for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(files)}


def _json_or_text(text: str) -> Any:
    """Nested values are JSON text; everything else stays text."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _object_or_text(text: str) -> Any:
    """In the oldest layout objects are JSON, arrays stay text."""
    return _json_or_text(text) if text.startswith("{") else text


def _unfolded(credentials: dict[str, Any]) -> dict[str, Any]:
    """One file that holds everything stands for its content."""
    values = list(credentials.values())
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else credentials


def _reason(error: Exception) -> str:
    return f"{error.msg}, line {error.lineno}" if isinstance(error, json.JSONDecodeError) else type(error).__name__
