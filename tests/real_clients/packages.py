"""The packages of npm, which `make test-tools` installs as the lock file beside this one wants them."""

from __future__ import annotations

import shutil
from pathlib import Path

SOURCES = Path(__file__).parent
FOLDER = SOURCES.parents[1] / "build" / "npm"


def installed() -> Path:
    """The folder that holds their `node_modules`; fails when they are missing or old."""
    wanted, present = SOURCES / "package-lock.json", FOLDER / ".installed"
    has_them = present.exists() and present.read_bytes() == wanted.read_bytes()
    assert has_them, "The packages of npm the tests need are missing or old: make test-tools"
    return FOLDER


def node() -> str:
    """The path of Node.js; fails when there is none."""
    path = shutil.which("node")
    assert path is not None, "The tests need Node.js: make test-tools"
    return path
