"""`EXT_SESSION_MGT` and `WEB_CONCURRENCY` as a whole configuration sees them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from app.problem import Problem
from app.sessions.driver import load_driver
from tests.check.test_configuration import environment, loaded, places, public, refused

REDIS: dict[str, Any] = {
    "label": "redis-cache", "name": "sessions", "tags": ["redis"],
    "credentials": {"hostname": "redis.example", "port": "6379", "password": "very-secret", "tls": True},
}  # fmt: skip
STORE = {"instanceName": "sessions", "storageType": "redis", "sessionSecret": "x" * 64}


def problems(tmp_path: Path, *services: dict[str, Any], **variables: object) -> tuple[Problem, ...]:
    return refused(tmp_path, public(), environment(*services, **variables))


def test_a_store_that_is_bound_is_taken_with_all_options_of_the_reference(tmp_path: Path) -> None:
    options = {
        "defaultRetryTimeout": 10000, "backOffMultiplier": 10, "skipCertHostnameValidation": True,
        "rejectUnauthorized": False, "connectTimeout": 15000, "commandTimeout": 8000, "keepAlive": False,
    }  # fmt: skip
    configuration = loaded(tmp_path, public(), environment(REDIS, EXT_SESSION_MGT={**STORE, **options}))
    assert configuration.notes == ()


@pytest.mark.parametrize(("length", "notes"), [(64, 0), (63, 1), (32, 1)])
def test_a_secret_of_half_the_length_is_taken_and_noted(tmp_path: Path, length: int, notes: int) -> None:
    store = {**STORE, "sessionSecret": "x" * length}
    found = loaded(tmp_path, public(), environment(REDIS, EXT_SESSION_MGT=store)).notes
    assert [note.variable for note in found] == ["EXT_SESSION_MGT"] * notes


def test_a_secret_that_could_be_guessed_is_refused_and_not_shown(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, REDIS, EXT_SESSION_MGT={**STORE, "sessionSecret": "someuniquesessionsecret"})
    assert (problem.path, problem.value) == ("$.sessionSecret", "(hidden)")
    assert "32" in problem.message


def test_only_redis_is_known_without_a_driver(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, REDIS, EXT_SESSION_MGT={**STORE, "storageType": "postgres"})
    assert (problem.path, problem.value) == ("$.storageType", '"postgres"')
    assert "externalStoreFilePath" in problem.message


def test_a_driver_of_ones_own_is_named_by_its_import_path(tmp_path: Path) -> None:
    own = {**STORE, "storageType": "postgres", "externalStoreFilePath": "tests.sessions.own_driver:make_table"}
    loaded(tmp_path, public(), environment(REDIS, EXT_SESSION_MGT=own))
    own["externalStoreFilePath"] = "./src/storage/my-store"
    (problem,) = problems(tmp_path, REDIS, EXT_SESSION_MGT=own)
    assert (problem.path, problem.value) == ("$.externalStoreFilePath", '"./src/storage/my-store"')


def test_a_driver_beside_the_descriptor_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "driver_beside.py").write_text("def make_table(credentials):\n    import helper_beside\n")
    (tmp_path / "helper_beside.py").touch()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise ImportError('not ours')")
    own = {**STORE, "storageType": "postgres", "externalStoreFilePath": "driver_beside:make_table"}
    loaded(tmp_path, public(), environment(REDIS, EXT_SESSION_MGT=own))
    load_driver("driver_beside:make_table", tmp_path)({})
    assert sys.path.count(str(tmp_path)) == 1
    assert sys.path[-1] == str(tmp_path)  # nothing there takes the place of what is installed


def test_credentials_that_lead_nowhere_are_told_without_a_secret(tmp_path: Path) -> None:
    broken = {**REDIS, "credentials": {"password": "very-secret", "port": "many"}}
    found = problems(tmp_path, broken, EXT_SESSION_MGT=STORE)
    assert {problem.path for problem in found} == {"$.credentials.port"}
    assert "very-secret" not in "".join(str(problem) for problem in found)


def test_several_workers_need_a_store(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, WEB_CONCURRENCY="2")
    assert (problem.where, problem.value) == ("WEB_CONCURRENCY", "2")
    assert "EXT_SESSION_MGT" in problem.message
    configuration = loaded(tmp_path, public(), environment(REDIS, EXT_SESSION_MGT=STORE, WEB_CONCURRENCY="2"))
    assert configuration.settings.web_concurrency == 2


def test_a_broken_store_does_not_make_workers_look_wrong(tmp_path: Path) -> None:
    assert places(problems(tmp_path, EXT_SESSION_MGT="{", WEB_CONCURRENCY="2")) == [("EXT_SESSION_MGT", "")]
