"""Log records as JSON lines."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.observability.json_formatter import MAX_MESSAGE, JsonFormatter

FORMATTER = JsonFormatter({"component_name": "shop", "layer": "[PYTHON]"})
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.frozensets(st.integers()),
    max_leaves=8,
)


def record(message: object = "hello", *args: object, level: int = logging.INFO, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("gangway.test", level, "file.py", 1, message, args, None)
    vars(made).update(more)
    return made


def written(made: logging.LogRecord) -> dict[str, Any]:
    line = FORMATTER.format(made)
    assert len(line.splitlines()) == 1
    parsed = json.loads(line, parse_constant=pytest.fail)
    assert isinstance(parsed, dict)
    return parsed


def test_a_record_has_the_fields_of_the_platform() -> None:
    made = record("hello %s", "world", level=logging.WARNING, created=1769860800.0625)
    assert written(made) == {
        "type": "log",
        "logger": "gangway.test",
        "level": "warn",
        "msg": "hello world",
        "written_at": "2026-01-31T12:00:00.062Z",
        "written_ts": 1769860800062500000,
        "correlation_id": "-",
        "tenant_id": "-",
        "tenant_subdomain": "-",
        "component_name": "shop",
        "layer": "[PYTHON]",
    }


def test_fields_are_added_but_do_not_replace_the_standard_ones() -> None:
    fields = {"correlation_id": "a-1", "tenant_id": "t", "hop": "backend", "msg": "forged", "layer": "forged"}
    line = written(record(fields=fields))
    assert (line["correlation_id"], line["tenant_id"], line["hop"]) == ("a-1", "t", "backend")
    assert (line["msg"], line["layer"]) == ("hello", "[PYTHON]")


def test_credentials_are_masked_everywhere() -> None:
    try:
        raise ValueError(f"token {JWT}")
    except ValueError:
        made = record("got %s", JWT, fields={"token": JWT, "nested": {"list": [JWT]}}, exc_info=sys.exc_info())
    line = written(made)
    assert JWT not in json.dumps(line)
    assert line["nested"] == {"list": ["redacted"]}
    assert line["stacktrace"][0].startswith("Traceback")


@pytest.mark.parametrize(("message", "args"), [("%d", ("x",)), ("%s %s", ("x",)), ("%(name)s", ({},)), ("%q", ("x",))])
def test_arguments_that_do_not_fit_leave_the_text(message: str, args: tuple[object, ...]) -> None:
    assert written(record(message, *args))["msg"] == message


def test_long_messages_are_cut() -> None:
    assert len(written(record("x" * 100_000))["msg"]) == MAX_MESSAGE


def test_other_objects_are_named_by_their_type_and_not_asked_for_text() -> None:
    class Rude:
        def __str__(self) -> str:
            raise AssertionError("not to be called")

    loop: list[object] = []
    loop.append(loop)
    line = written(record(fields={"rude": Rude(), "loop": loop, "nan": float("nan"), "huge": 10**5000}))
    assert line["rude"] == "<Rude>"
    assert line["loop"] == [[[["<list>"]]]]
    assert (line["nan"], line["huge"]) == ("<float>", "<int>")


@given(st.text() | WILD, WILD | st.dictionaries(st.text(), WILD))
def test_whatever_is_logged_is_one_line_of_strict_json(message: object, fields: Mapping[str, object]) -> None:
    assert written(record(message, fields=fields))["type"] == "log"
