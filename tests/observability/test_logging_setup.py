"""Logging of the process."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from app.observability.logging_setup import LEVELS, parse_level, set_up_logging


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", "gangway", "uvicorn.access")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize("name", LEVELS)
def test_known_level_names_are_taken_in_any_case(name: str) -> None:
    assert parse_level(name) == parse_level(f" {name.upper()} ") == LEVELS[name]


def test_an_unknown_level_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"'loud' is not a log level; allowed are debug, .*error"):
        parse_level("loud")


def test_records_become_lines_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(logging.INFO, {"layer": "[PYTHON]"})
    logging.getLogger("gangway.test").info("shown", extra={"fields": {"correlation_id": "a-1"}})
    logging.getLogger("gangway.test").debug("hidden")
    logging.getLogger("httpx").info("hidden, too")
    logging.getLogger("httpx").warning("shown")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["logger"], line["msg"], line["correlation_id"]) for line in lines] == [
        ("gangway.test", "shown", "a-1"),
        ("httpx", "shown", "-"),
    ]


def test_off_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(parse_level("off"), {})
    logging.getLogger("gangway.test").critical("hidden")
    assert capsys.readouterr().out == ""


def test_a_record_that_cannot_be_written_leaves_a_trace_and_raises_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Rude:
        def __str__(self) -> str:
            raise RuntimeError("secret")

    set_up_logging(logging.INFO, {})
    logging.getLogger("gangway.test").info("%s", Rude())
    captured = capsys.readouterr()
    assert json.loads(captured.out)["msg"] == "lost a record of gangway.test"
    assert "secret" not in captured.out + captured.err
