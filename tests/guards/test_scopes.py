from __future__ import annotations

import pytest

from app.errors import Failure, GatewayError
from app.guards.scopes import ScopeSetting, check_scopes, compile_scopes, is_permitted

APP = "bookshop!t42"
VIEWER, EDITOR = frozenset({f"{APP}.viewer"}), frozenset({f"{APP}.editor"})
MAP: ScopeSetting = {"GET": "$XSAPPNAME.viewer", "POST": ["$XSAPPNAME.editor", "$XSAPPNAME.admin"]}


@pytest.mark.parametrize(
    ("setting", "method", "scopes", "expected"),
    [
        ("$XSAPPNAME.viewer", "GET", VIEWER, True),
        ("$XSAPPNAME.viewer", "GET", EDITOR, False),
        ("bookshop!t42.viewer", "DELETE", VIEWER, True),
        ("$xsappname.viewer", "GET", VIEWER, False),
        (["$XSAPPNAME.editor", "$XSAPPNAME.viewer"], "GET", VIEWER, True),
        ([], "GET", VIEWER, False),
        (MAP, "GET", VIEWER, True),
        (MAP, "POST", VIEWER, False),
        (MAP, "POST", EDITOR, True),
        (MAP, "PUT", VIEWER | EDITOR, False),
        ({"GET": "a", "default": "$XSAPPNAME.editor"}, "PUT", EDITOR, True),
        ({"GET": "a", "default": "$XSAPPNAME.editor"}, "PUT", VIEWER, False),
        ({"GET": "a", "default": "$XSAPPNAME.editor"}, "GET", EDITOR, False),
        ({"GET": "a", "default": "b"}, "default", frozenset({"b"}), True),
        ("$XSAPPNAME.viewer", "GET", frozenset(), False),
    ],
)
def test_who_may(setting: ScopeSetting, method: str, scopes: frozenset[str], expected: bool) -> None:
    required = compile_scopes(setting, APP)
    assert is_permitted(required, method, scopes) is expected
    if expected:
        check_scopes(required, method, scopes)
    else:
        with pytest.raises(GatewayError) as caught:
            check_scopes(required, method, scopes)
        assert caught.value.failure is Failure.SCOPE_MISSING


def test_a_route_without_scopes_is_open_to_every_user() -> None:
    check_scopes(None, "GET", frozenset())
