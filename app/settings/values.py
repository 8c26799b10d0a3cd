"""How the text of an environment variable becomes a value: switches, whole numbers, choices, JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from app.strict_model import fault

Value = TypeVar("Value")


def _switch(text: object) -> bool:
    words = {"true": True, "false": False}
    if not isinstance(text, str) or text.strip().lower() not in words:
        raise fault("true or false")
    return words[text.strip().lower()]


def _whole(text: object) -> int:
    if not isinstance(text, str) or not text.strip().isdecimal() or not text.isascii():
        raise fault("a whole number")
    return int(text)


def _json(text: object) -> Any:
    try:
        return json.loads(str(text))
    except json.JSONDecodeError as error:
        message = f"valid JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        raise fault(message, show_value=False) from None


Switch = Annotated[bool, BeforeValidator(_switch)]
"""`true` or `false`, in any case of letters."""

Whole = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
"""A whole number, 0 included."""

Positive = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
"""A whole number from 1."""

Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""

Json = Annotated[Value, BeforeValidator(_json)]
"""A JSON text, validated as the given type."""
