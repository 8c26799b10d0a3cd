"""The landscape's environment written down: for a shell, or as the file local tools read."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def as_shell(environment: Mapping[str, str]) -> str:
    """Lines a POSIX shell can `eval`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def as_json(environment: Mapping[str, str]) -> str:
    """The form of `default-env.json`: variables that hold JSON are objects in it."""
    plain = {name: json.loads(value) if value.startswith("{") else value for name, value in environment.items()}
    return json.dumps(plain, indent=2) + "\n"


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Write the file, readable by its owner alone: JSON when its name ends so, else shell lines."""
    text = as_json(environment) if path.suffix == ".json" else as_shell(environment)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
