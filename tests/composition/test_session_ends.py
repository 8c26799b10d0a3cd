"""Ending sessions goes on in the background, whatever a store does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.composition import application
from app.composition.application import compose
from app.configuration import Configuration, load_configuration
from tests.check.suitable import UAA
from tests.sessions.failing_driver import TABLE
from tests.support.running import eventually, run

STORE = {
    "instanceName": "mine",
    "storageType": "own",
    "sessionSecret": "s" * 64,
    "externalStoreFilePath": "tests.sessions.failing_driver:make_table",
}


def configuration(workdir: Path) -> Configuration:
    (workdir / "xs-app.json").write_text("{}")
    (workdir / "resources").mkdir()
    bound = {
        "xsuaa": [{"name": "uaa", "label": "xsuaa", "tags": ["xsuaa"], "credentials": UAA}],
        "user-provided": [{"name": "mine", "label": "user-provided", "tags": [], "credentials": {}}],
    }
    return load_configuration(workdir, {"VCAP_SERVICES": json.dumps(bound), "EXT_SESSION_MGT": json.dumps(STORE)})


@pytest.fixture(autouse=True)
def quick_and_whole_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(application, "EXPIRE_SECONDS", 0.01)
    yield
    TABLE.error = TABLE.nonsense = None
    TABLE.rows.clear()


@pytest.mark.parametrize(
    ("error", "nonsense"), [(KeyError(), None), (None, 7)], ids=["raises what it likes", "answers nonsense"]
)
def test_sessions_end_again_after_a_driver_has_failed(
    tmp_path: Path, error: Exception | None, nonsense: object, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        running = compose(configuration(tmp_path))
        await TABLE.create(b"k", {}, 0.0, 0.0)
        TABLE.error, TABLE.nonsense = error, nonsense
        await eventually(lambda: any(record.exc_info for record in caplog.records))
        TABLE.error = TABLE.nonsense = None
        await eventually(lambda: not TABLE.rows)
        TABLE.error = error
        await running.aclose()

    run(test())
