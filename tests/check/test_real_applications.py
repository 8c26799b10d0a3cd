"""Files of real applications start: their configuration is accepted, and a gateway comes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.composition.application import compose
from app.configuration import load_configuration
from app.gateway import Gateway
from app.problem import ConfigurationError
from tests.check.suitable import environment_for, make_folders

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "xs-app"
SAMPLES = Path(__file__).parents[1] / "routing" / "xs-app-samples"
FILES = [*sorted(SAMPLES.glob("*.json")), *sorted(CORPUS.glob("*.json"))]


def started(file: Path, workdir: Path) -> Gateway:
    """The gateway that serves this file with suitable bindings."""
    text = file.read_text(encoding="utf-8")
    document = json.loads(text.removeprefix("\ufeff"))
    (workdir / "xs-app.json").write_text(text, encoding="utf-8")
    make_folders(document, workdir)
    configuration = load_configuration(workdir, environment_for(document))

    async def main() -> Gateway:
        running = compose(configuration)
        await running.aclose()
        return running.gateway

    return asyncio.run(main())


def refused_values(file: Path, workdir: Path) -> list[str]:
    """What is refused in the file; nothing where a gateway comes of it."""
    try:
        assert started(file, workdir).apps is not None
    except ConfigurationError as refusal:
        return [problem.value for problem in refusal.problems]
    return []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_file_starts_unless_the_reference_refuses_it_too(file: Path, tmp_path: Path) -> None:
    in_capitals = '"authenticationType": "Basic"' in file.read_text(encoding="utf-8")  # "No enum match for" there
    assert refused_values(file, tmp_path) == (['"Basic"'] if in_capitals else [])


def test_there_are_files_of_both_kinds() -> None:
    assert {"html5-application", "authentication-type-in-capitals"} <= {file.stem for file in FILES}
