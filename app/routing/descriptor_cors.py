"""The `cors` property of xs-app.json, which is also the form of the variable `CORS`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator

from app.routing import js_regex
from app.routing.descriptor_header import HeaderValue
from app.routing.descriptor_route import HttpMethod
from app.strict_model import Many, StrictModel, fault

DEFAULT_HEADERS = (
    "Origin",
    "Accept",
    "X-Requested-With",
    "Content-Type",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
)


def _pattern(value: str) -> str:
    try:
        js_regex.compile_pattern(value)
    except js_regex.PatternError as error:
        raise fault(f"a JavaScript regular expression: {error}") from None
    return value


PatternText = Annotated[str, Field(min_length=1), AfterValidator(_pattern)]
"""A JavaScript regular expression as text."""


def port_text(value: object) -> str:
    """Validate a port given as number, digits or `*`; the result is text."""
    text = str(value) if type(value) in (int, str) else ""
    if text != "*" and not (text.isdecimal() and int(text) <= 65535):
        raise fault("a port number (0 to 65535), or *")
    return text


class AllowedOrigin(StrictModel):
    """An origin that may call; what is absent may be anything."""

    host: Annotated[str, Field(min_length=1)]
    """Host name, or `*.domain`."""
    protocol: str | None = None
    """Scheme, such as `https`."""
    port: Annotated[str, PlainValidator(port_text)] | None = None
    """Port number, or `*`."""


class CorsPolicy(StrictModel):
    """Which origins may call which addresses how."""

    uri_pattern: PatternText
    """Paths the policy is for."""
    allowed_origin: Many[AllowedOrigin]
    """Origins that may call."""
    host_pattern: PatternText | None = None
    """Hosts the policy is for; all when absent."""
    allowed_methods: Many[HttpMethod] = ("GET", "POST", "HEAD", "OPTIONS")
    """Methods that may be used."""
    max_age: int = 1800
    """Seconds a preflight answer may be cached; a negative value leaves the header out."""
    allowed_headers: Many[HeaderValue] = DEFAULT_HEADERS
    """Request headers that may be sent."""
    expose_headers: Many[HeaderValue] = ()
    """Answer headers that scripts may read."""
    allowed_credentials: bool = True
    """Whether cookies and credentials may be sent."""
