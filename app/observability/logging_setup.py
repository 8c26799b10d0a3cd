"""Sets up logging for the process: JSON lines on standard output, at the level of `XS_APP_LOG_LEVEL`."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from app.observability.json_formatter import JsonFormatter

LEVELS = {
    "debug": logging.DEBUG,
    "verbose": logging.DEBUG,
    "path": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
    "off": logging.CRITICAL + 10,
}
"""Names that `XS_APP_LOG_LEVEL` takes, in any case."""


def parse_level(name: str) -> int:
    """The level of `XS_APP_LOG_LEVEL`. Raises ValueError naming what is allowed."""
    level = LEVELS.get(name.strip().lower())
    if level is None:
        raise ValueError(f"{name!r} is not a log level; allowed are {', '.join(LEVELS)}")
    return level


class StdoutHandler(logging.StreamHandler[TextIO]):
    """Writes lines to standard output. A record that cannot be formatted leaves a trace and fails nobody's request."""

    def handleError(self, record: logging.LogRecord) -> None:
        line = {"type": "log", "logger": "gangway.logging", "level": "error", "msg": f"lost a record of {record.name}"}
        with suppress(OSError, ValueError):  # standard output is closed: nobody is left to tell
            self.stream.write(json.dumps(line) + self.terminator)
            self.flush()


def set_up_logging(level: int, platform: Mapping[str, str]) -> None:
    """Route all records of the process to standard output; libraries speak up from warnings on."""
    handler = StdoutHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(platform))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("gangway").setLevel(level)
    logging.getLogger("uvicorn.access").setLevel(max(level, logging.WARNING))
