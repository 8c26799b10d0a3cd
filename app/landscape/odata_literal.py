"""Literals in OData addresses: quoted text, `12.5M`, `true`, `null`, `datetime'…'` (V2), ISO timestamps (V4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from app.landscape.odata_schema import Edm, EntityType, Key, Value, bad_request

LITERAL = (
    r"(?:datetimeoffset|datetime|guid|time)?'(?:[^']|'')*'"
    r"|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?"
    r"|-?\d+(?:\.\d+)?[mMlLdDfF]?"
    r"|(?:true|false|null)\b"
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MOST_DIGITS = 40
_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None}
_PAIR = re.compile(rf"\s*(?:(\w+)\s*=\s*)?({LITERAL})\s*")


def read_literal(text: str) -> Value:
    """The value of one literal; raises ODataError."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return text[1:-1].replace("''", "'")
    prefix, quote, rest = text.partition("'")
    if quote and prefix in ("datetime", "datetimeoffset"):
        return read_timestamp(rest[:-1])
    if quote:
        return rest[:-1]
    if re.match(r"\d{4}-\d\d-\d\d", text):
        return read_timestamp(text)
    return _number(text)


def _number(text: str) -> Value:
    digits = text.rstrip("mMlLdDfF")
    if not _NUMBER.fullmatch(digits) or len(digits) > _MOST_DIGITS:
        raise bad_request(f"Malformed literal {text}")
    return int(digits) if digits.lstrip("-").isdigit() and digits == text else Decimal(digits)


def read_timestamp(text: str) -> datetime:
    """A point in time from ISO 8601, UTC when it names no zone; raises ODataError."""
    try:
        value = datetime.fromisoformat(text)
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_request(f"Malformed timestamp {text}") from None


def read_key(entity_type: EntityType, text: str) -> Key:
    """The key of an entity from the text between the parentheses; raises ODataError."""
    given: dict[str, Value] = {}
    position = 0
    while True:
        match = _PAIR.match(text, position)
        if match is None:
            raise bad_request(f"Malformed key predicate ({text})")
        name = match[1] or (entity_type.keys[0] if len(entity_type.keys) == 1 else "")
        given[name] = _as_key_value(entity_type, name, read_literal(match[2]))
        position = match.end()
        if position == len(text):
            break
        if text[position] != ",":
            raise bad_request(f"Malformed key predicate ({text})")
        position += 1
    if set(given) != set(entity_type.keys):
        raise bad_request(f"The key of {entity_type.name} is {', '.join(entity_type.keys)}")
    return entity_type.key_of(given)


def _as_key_value(entity_type: EntityType, name: str, value: Value) -> Value:
    if name in entity_type.keys and entity_type.property(name).type is Edm.STRING and not isinstance(value, str):
        raise bad_request(f"The key {name} is a string")
    return value


def key_text(entity_type: EntityType, row: dict[str, Value]) -> str:
    """A key as it stands in an address, parentheses included."""
    if len(entity_type.keys) == 1:
        return f"({_literal(row[entity_type.keys[0]])})"
    return "(" + ",".join(f"{name}={_literal(row[name])}" for name in entity_type.keys) + ")"


def _literal(value: Value) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def read_decimal(text: str, scale: int) -> Decimal:
    """A finite decimal with `scale` digits behind the point; raises ODataError."""
    try:
        value = Decimal(text).quantize(Decimal(1).scaleb(-scale))
    except InvalidOperation:
        raise bad_request(f"Malformed decimal {text}") from None
    if not value.is_finite():
        raise bad_request(f"Malformed decimal {text}")
    return value
