"""The locks: complete, hashed, free of addresses, and in keeping with pyproject.toml."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from tests.packaging.project import ROOT

LOCKS = ["requirements.txt", "requirements-dev.txt"]
ENTRY = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)(?: ; (.+?))?(?: \\)?$")
PLATFORMS = [
    {"sys_platform": system, "python_version": version, "platform_python_implementation": "CPython"}
    for system in ("linux", "darwin")
    for version in ("3.11", "3.12", "3.13")
]


def lines(lock: str) -> list[str]:
    return [line for line in (ROOT / lock).read_text().splitlines() if line and not line.lstrip().startswith("#")]


def pinned(lock: str) -> dict[str, tuple[str, str]]:
    """Name -> (version, marker)."""
    found = [match for line in lines(lock) if (match := ENTRY.match(line))]
    return {match[1]: (match[2], match[3] or "") for match in found}


def wanted(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = (line for extra in extras for line in project["optional-dependencies"][extra])
    return [Requirement(line) for line in (*project["dependencies"], *optional)]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_is_one_version_with_hashes_and_nothing_else_is_there(lock: str) -> None:
    entries = " ".join(line.removesuffix("\\").strip() for line in lines(lock))
    for entry in re.split(r" (?=[a-z0-9][a-z0-9.-]*==)", entries):
        requirement, *hashes = re.split(r" (?=--hash=)", entry)
        assert ENTRY.match(requirement), entry
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_is_named(lock: str) -> None:
    assert not re.search(r"://|index-url|find-links|trusted-host", (ROOT / lock).read_text())


@pytest.mark.parametrize(("lock", "extras"), [(LOCKS[0], ()), (LOCKS[1], ("dev",))])
def test_the_lock_has_what_the_project_wants(lock: str, extras: tuple[str, ...]) -> None:
    versions = pinned(lock)
    for requirement in wanted(*extras):
        assert requirement.specifier.contains(versions[requirement.name][0]), requirement
    assert "uv" not in versions


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda each: f"{each['sys_platform']}-{each['python_version']}")
def test_servers_get_the_fast_parts(platform: dict[str, str]) -> None:
    for name in ("uvloop", "httptools", "google-re2"):
        marker = pinned(LOCKS[0])[name][1]
        assert not marker or Marker(marker).evaluate(platform)


def test_windows_gets_no_uvloop() -> None:
    assert not Marker(pinned(LOCKS[0])["uvloop"][1]).evaluate({"sys_platform": "win32"})


def test_tests_run_with_the_versions_that_are_deployed() -> None:
    deployed, tested = pinned(LOCKS[0]), pinned(LOCKS[1])
    assert {name: tested[name][0] for name in deployed} == {name: version for name, (version, _) in deployed.items()}
