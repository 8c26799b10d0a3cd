"""Writes log records as JSON, one line each, in the platform's format (protocols 7)."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping, Sequence

from app.observability.platform_fields import UNKNOWN
from app.observability.redaction import redact
from app.observability.timestamps import iso, nanoseconds

MAX_MESSAGE = 8192
"""Characters of a message, a field and a stack trace that are written."""

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

_LARGEST = 2**63

LEVEL_NAMES = {
    logging.CRITICAL: "fatal",
    logging.ERROR: "error",
    logging.WARNING: "warn",
    logging.INFO: "info",
    logging.DEBUG: "debug",
}


class JsonFormatter(logging.Formatter):
    """Formats records of type `log`; `platform` is what `platform_fields` found.

    Structured fields come as `extra={"fields": {...}}`: they stand beside the standard ones and cannot replace them,
    except for `correlation_id`, `tenant_id` and `tenant_subdomain`. Whatever looks like a credential is masked.
    """

    def __init__(self, platform: Mapping[str, str]) -> None:
        super().__init__()
        self._platform = dict(platform)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON; wild values are written as text."""
        first: dict[str, JsonValue] = {
            "level": LEVEL_NAMES.get(record.levelno, record.levelname.lower()),
            "written_at": iso(record.created),
            "msg": redact(_message(record)[:MAX_MESSAGE]),
        }
        last: dict[str, JsonValue] = {
            "logger": record.name,
            "written_ts": nanoseconds(record.created),
            "type": "log",
            **self._platform,
        }
        if stack := _stack(record):
            last["stacktrace"] = stack
        known: dict[str, JsonValue] = {"correlation_id": UNKNOWN, "tenant_id": UNKNOWN, "tenant_subdomain": UNKNOWN}
        return json.dumps({**first, **known, **_fields(record), **first, **last})


def plain(value: object, depth: int = 4) -> JsonValue:
    """A value that JSON has: text masked and bounded, containers to a depth, anything else by its type's name."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return redact(value[:MAX_MESSAGE])
    if isinstance(value, int | float):
        return value if abs(value) < _LARGEST else f"<{type(value).__name__}>"
    if depth and isinstance(value, Mapping):
        return {name: plain(item, depth - 1) for name, item in value.items() if isinstance(name, str)}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth - 1) for item in value]
    return f"<{type(value).__name__}>"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError, IndexError):  # arguments that do not fit: the text alone tells more
        return str(record.msg)


def _fields(record: logging.LogRecord) -> dict[str, JsonValue]:
    fields = getattr(record, "fields", None)
    if not isinstance(fields, Mapping):
        return {}
    return {name: plain(value) for name, value in fields.items() if isinstance(name, str)}


def _stack(record: logging.LogRecord) -> Sequence[str]:
    if not record.exc_info:
        return []
    text = redact("".join(traceback.format_exception(*record.exc_info)))
    return text[-MAX_MESSAGE:].splitlines()
