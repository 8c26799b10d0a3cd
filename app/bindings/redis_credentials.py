"""Credentials of a Redis or Valkey store, as the service `redis-cache` or a Secret of that shape delivers them
(protocols 8).
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.bindings.binding import Binding
from app.problem import Problem
from app.strict_model import fault, problems_of

DEFAULT_PORT = 6379
DEFAULT_MASTER = "mymaster"


def _json(value: Any) -> Any:
    """Mounted bindings hold lists as JSON text, or none as empty text."""
    if isinstance(value, str):
        return json.loads(value) if value.strip() else ()
    return () if value is None else value


def _certificates(value: str) -> str:
    if value:
        b64decode(value, validate=True).decode("ascii")
    return value


class Node(BaseModel):
    """Where a sentinel listens."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hostname: Annotated[str, Field(min_length=1)]
    port: int = 26379


class RedisCredentials(BaseModel):
    """Single server, cluster (`cluster_mode`), or the master that sentinels know (`sentinel_nodes`).

    `hostname`, `port`, `password` and `tls` go before what `uri` says.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    hostname: str = ""
    port: int = 0
    username: str = ""
    password: str = Field(default="", repr=False)
    tls: bool = False
    ca_base64: Annotated[str, AfterValidator(_certificates)] = ""
    cluster_mode: bool = False
    sentinel_nodes: Annotated[tuple[Node, ...], BeforeValidator(_json)] = ()
    uri: str = Field(default="", repr=False)

    @model_validator(mode="before")
    @classmethod
    def _from_uri(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        uri = _split(data.get("uri"))
        said: dict[str, Any] = {
            "hostname": uri.hostname or "",
            "port": _port(uri),
            "username": unquote(uri.username or ""),
            "password": unquote(uri.password or ""),
            "tls": uri.scheme.startswith("rediss"),
        }
        given = {name: value for name, value in data.items() if value is not None and value != ""}
        return {**said, **given}

    @model_validator(mode="after")
    def _has_address(self) -> RedisCredentials:
        if not self.hostname and not self.sentinel_nodes:
            raise fault("hostname, or sentinel_nodes")
        return self

    @property
    def authorities(self) -> str:
        """The certificates in `ca_base64` as PEM text; empty when there are none."""
        return b64decode(self.ca_base64).decode() if self.ca_base64 else ""

    @property
    def master(self) -> str:
        """The master's name for the sentinels: in the uri as `sentinelMasterId`, as fragment or as path."""
        uri = _split(self.uri)
        named = parse_qs(uri.query).get("sentinelMasterId", [""])[0] or uri.fragment
        path = uri.path.strip("/").rpartition("/")[2]
        return named or (path if path and not path.isdigit() else DEFAULT_MASTER)


def redis_problems(binding: Binding) -> list[Problem]:
    """What is missing or wrong in a binding's credentials."""
    try:
        RedisCredentials.model_validate(dict(binding.credentials))
    except ValidationError as error:
        where = f"{binding.where or 'binding'}, {binding.label} {binding.name}"
        found = problems_of(where, error)
        return [Problem(where, each.path.replace("$", "$.credentials", 1), "", each.message) for each in found]
    return []


def _split(uri: object) -> SplitResult:
    return urlsplit(uri if isinstance(uri, str) else "")


def _port(uri: SplitResult) -> int:
    """Lists of sentinels in one uri have no single port."""
    try:
        return uri.port or DEFAULT_PORT
    except ValueError:
        return DEFAULT_PORT
