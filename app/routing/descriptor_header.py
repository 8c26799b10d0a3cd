"""Headers of answers that may be configured: in `responseHeaders`, in the variable `httpHeaders`, and as parts of
other properties. What is accepted here can be sent as it is.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from app.strict_model import StrictModel, fault

CREDENTIALS = frozenset({"authorization", "cookie", "set-cookie"})
"""Headers that may not be configured, for security."""
FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "date"}
)
"""Headers that the gateway sets itself."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_TEXT = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110, 5.5, without what is left of other character sets


def name_fault(name: str) -> str | None:
    """What is allowed in place of this name; None for one that may be configured."""
    if not _TOKEN.fullmatch(name):
        return "a header name (RFC 9110, 5.1)"
    if name.lower() in CREDENTIALS:
        return f"a header other than {', '.join(sorted(CREDENTIALS))}, for security reasons"
    if name.lower() in FRAMING:
        return f"a header other than {', '.join(sorted(FRAMING))}, which the gateway sets itself"
    return None


def value_fault(value: str) -> str | None:
    """What is allowed in place of this value; None for one that can be sent."""
    return None if _TEXT.fullmatch(value) else "a header value in ASCII without control characters (RFC 9110, 5.5)"


def _name(value: str) -> str:
    if message := name_fault(value):
        raise fault(message)
    return value


def _value(value: str) -> str:
    if message := value_fault(value):
        raise fault(message)
    return value


HeaderName = Annotated[str, AfterValidator(_name)]
HeaderValue = Annotated[str, AfterValidator(_value)]


class ResponseHeader(StrictModel):
    """An entry of `responseHeaders`."""

    name: HeaderName
    """Name of the header."""
    value: HeaderValue
    """Its value."""
