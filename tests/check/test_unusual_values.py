"""Whatever a configuration says, it is refused with problems, or a gateway comes of it: never anything else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.composition.application import compose
from app.configuration import load_configuration
from app.problem import ConfigurationError
from app.routing.descriptor import Descriptor
from app.settings.settings import variable_names
from tests.check.complete import DESCRIPTOR, VARIABLES, environment
from tests.compatibility.test_compatibility import paths, variable_paths

TEXTS = (
    "", "\u00e4", "\u20ac", "\ud800", "a\r\nb", "a\0b", "https://u:p@h/#f", "https://h", "(", "(?=x)(.)", "x" * 9000,
    "99999999999999999999", "9" * 400, "9" * 15, "(" * 500 + ")" * 500, "a{1,65535}",
    "/\u20ac/ b/$1", "/../$1", "/x?\r\n",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *TEXTS,
    10**400,
    10**15 - 1,
    0,
    -1,
    1.5,
    True,
    None,
    [],
    {},
    ["\u00e4"],
    {"\u00e4": "\u00e4"},
)
NO_JSON = ("[" * 100_000, "9" * 5000, '"\\ud800"', "\udcff", "NaN")


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where values are in a document, itself included."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*place, key))


def changed(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """The document with another value at one place."""
    if not place:
        return value
    copy = document.copy()
    copy[place[0]] = changed(document[place[0]], place[1:], value)
    return copy


def descriptors() -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    for place in places(DESCRIPTOR):
        for value in VALUES:
            yield f"{place}: {value!r}"[:200], changed(DESCRIPTOR, place, value), environment()


def variables(name: str) -> Iterator[tuple[str, Any, Mapping[str, str]]]:
    for text in (*TEXTS, *NO_JSON):
        yield f"{name}: {text!r}"[:200], DESCRIPTOR, environment(**{name: text})
    if isinstance(VARIABLES.get(name, ""), str):
        return
    for place in places(VARIABLES[name]):
        for value in VALUES:
            text = json.dumps(changed(VARIABLES[name], place, value))
            yield f"{name} {place}: {value!r}"[:200], DESCRIPTOR, environment(**{name: text})


async def outcome(workdir: Path, descriptor: Any, environ: Mapping[str, str]) -> str:
    """What becomes of a configuration; raises what is neither."""
    try:
        configuration = load_configuration(workdir, environ, descriptor)
    except ConfigurationError as error:
        said = all(problem.where and problem.message for problem in error.problems)
        return "refused" if said else "refused without a place or a reason"
    running = compose(configuration)
    await running.aclose()
    return "composed"


def outcomes(workdir: Path, cases: Iterator[tuple[str, Any, Mapping[str, str]]]) -> tuple[set[str], list[str]]:
    """The kinds of outcome, and what ended otherwise."""

    async def main() -> tuple[set[str], list[str]]:
        kinds, failures = set(), []
        for case, descriptor, environ in cases:
            try:
                kinds.add(await outcome(workdir, descriptor, environ))
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                failures.append(f"{case}: {error!r}")
        return kinds, failures

    (workdir / "resources").mkdir()
    (workdir / "xs-app.json").write_text("{}")
    return asyncio.run(main())


def test_the_complete_configuration_says_everything_and_is_served(tmp_path: Path) -> None:
    said = {str(key) for document in (DESCRIPTOR, VARIABLES) for place in places(document) for key in place}
    known = {path.rpartition(".")[2].removesuffix("[]") for path in (*variable_paths(), *paths(Descriptor))}
    assert known - said == {"externalStoreFilePath"}
    assert outcomes(tmp_path, iter([("", DESCRIPTOR, environment())])) == ({"composed"}, [])


def test_an_unusual_value_in_the_file_is_refused_or_composed(tmp_path: Path) -> None:
    assert outcomes(tmp_path, descriptors()) == ({"refused", "composed"}, [])


@pytest.mark.parametrize("name", sorted({*VARIABLES, *variable_names(), "NODE_EXTRA_CA_CERTS"}))
def test_an_unusual_value_of_a_variable_is_refused_or_composed(tmp_path: Path, name: str) -> None:
    kinds, failures = outcomes(tmp_path, variables(name))
    assert failures == []
    assert kinds <= {"refused", "composed"}
