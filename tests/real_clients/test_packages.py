"""The packages these tests install."""

from __future__ import annotations

import json
import re

from tests.real_clients.packages import SOURCES


def test_versions_are_exact_and_verified_wherever_they_come_from() -> None:
    wanted = json.loads((SOURCES / "package.json").read_text())
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in wanted["dependencies"].values())
    assert locked.pop("")["dependencies"] == wanted["dependencies"]
    assert all("integrity" in package and "resolved" not in package for package in locked.values())
