"""The `replace` property of a route."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.static_files.placeholders import Placeholders

PLACEHOLDERS = Placeholders(
    (".html", "/conf.json"),
    {"GREETING": 'a<b>"c"', "dotted.name": "dot", "ALL": "<&>\"'/`="},
    {"ui": {"url": "http://ui", "port": 8080, "tls": True, "nested": {"key": "deep"}, "list": ["x"], "nothing": None}},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{GREETING}}", "a&lt;b&gt;&quot;c&quot;"),
        ("{{{GREETING}}}", 'a<b>"c"'),
        ("{{&GREETING}}", 'a<b>"c"'),
        ("{{ GREETING }}", "a&lt;b&gt;&quot;c&quot;"),
        ("{{dotted.name}}", "dot"),
        ("{{ALL}}", "&lt;&amp;&gt;&quot;&#39;&#x2F;&#x60;&#x3D;"),
        ("{{{ALL}}}", "<&>\"'/`="),
        ("{{{ui.url}}}/x", "http://ui/x"),
        ("{{ui.port}} {{ui.tls}} {{ui.nested.key}}", "8080 true deep"),
        ("[{{NOT_LISTED}}{{{ui.absent}}}{{ui}}{{ui.nested}}{{ui.list}}{{ui.nothing}}{{ui.url.x}}{{.}}{{}}]", "[]"),
        ("{GREETING} {{ GREETING", "{GREETING} {{ GREETING"),
    ],
)
def test_listed_names_are_replaced_and_others_vanish(text: str, expected: str) -> None:
    assert PLACEHOLDERS.fill(text.encode()) == expected.encode()


def test_values_are_not_searched_for_placeholders() -> None:
    nested = Placeholders((".html",), {"A": "{{B}}", "B": "secret"})
    assert nested.fill(b"{{{A}}}") == b"{{B}}"


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        ("/index.html", True),
        ("/sub/index.html", True),
        ("/conf.json", True),
        ("/sub/conf.json", True),
        ("/myconf.json", False),
        ("/plain.txt", False),
    ],
)
def test_suffixes_choose_the_files(path: str, concerned: bool) -> None:
    assert PLACEHOLDERS.concern(path) is concerned


def test_a_name_cannot_be_a_variable_and_a_service() -> None:
    with pytest.raises(ValueError, match="both"):
        Placeholders((), {"both": "x"}, {"both": {}})


def test_values_do_not_show_in_a_repr() -> None:
    assert "http://ui" not in repr(PLACEHOLDERS)
    assert "a<b>" not in repr(PLACEHOLDERS)


def test_bytes_that_are_not_utf_8_stay() -> None:
    assert PLACEHOLDERS.fill(b"\xff{{GREETING}}") == b"\xff{{GREETING}}"


@given(st.text(alphabet=st.sampled_from("{}A &.x\n")))
def test_text_without_listed_names_reveals_nothing(text: str) -> None:
    filled = Placeholders((), {"SECRET": "value"}).fill(text.encode()).decode()
    assert "value" not in filled
    assert len(filled) <= len(text)
