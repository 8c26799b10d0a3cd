"""The project's files as values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pathspec import GitIgnoreSpec

ROOT = Path(__file__).parents[2]


def load_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def load_json(name: str) -> Any:
    return json.loads((ROOT / name).read_text())


def ignore_patterns() -> list[str]:
    """The lines of .cfignore that are patterns."""
    lines = (ROOT / ".cfignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pushed_files() -> Iterator[Path]:
    """The files .cfignore lets through, relative to the project's folder."""
    spec = GitIgnoreSpec.from_lines(ignore_patterns())
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not spec.match_file(f"{here / name}/")]
        yield from (here / name for name in files if not spec.match_file(here / name))
