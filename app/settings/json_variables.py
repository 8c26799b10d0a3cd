"""Models of variables whose value is JSON."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator

from app.routing.descriptor_cors import PatternText, port_text
from app.routing.descriptor_header import name_fault, value_fault
from app.strict_model import StrictModel, fault, refuse

LEAST_SECRET = 32
ADVISED_SECRET = 64
"""Characters of a session secret; the reference's documentation asks for these."""

_HOST = re.compile(
    r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise fault("a host name, or a domain written *.domain")
    return value


def _header(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise fault("an object of header names and values, all strings")
    named = [(name, name, name_fault(name)) for name in value]
    told = [(name, text, value_fault(text)) for name, text in value.items()]
    refuse([(name, found, message) for name, found, message in (*named, *told) if message is not None])
    return tuple(value.items())


def _secret(value: str) -> str:
    if len(value) < LEAST_SECRET:
        raise fault(f"at least {LEAST_SECRET} random characters: whoever guesses them can read what the store holds")
    return value


HeaderEntry = Annotated[tuple[tuple[str, str], ...], PlainValidator(_header)]
"""An entry of `httpHeaders`: an object of header names and values."""


class PartitionedCookies(StrictModel):
    """For which browsers cookies get the attribute Partitioned; the second pattern goes before."""

    supported_partition_agents: PatternText
    """User agents that get it."""
    unsupported_partition_agents: PatternText
    """User agents that do not."""


class CookieAttributes(StrictModel):
    """The variable `COOKIES`."""

    same_site: Literal["None", "Lax"] | None = Field(default=None, alias="SameSite")
    """SameSite of our cookies; Strict is not supported."""
    partitioned: PartitionedCookies | None = Field(default=None, alias="Partitioned")
    """Partitioned cookies."""


class AllowedHost(StrictModel):
    """An entry of `CJ_PROTECT_WHITELIST` or `WS_ALLOWED_ORIGINS`; what is absent may be anything."""

    host: Annotated[str, AfterValidator(_host)]
    """Host name, or a domain written `*.domain`."""
    protocol: Annotated[str, Field(min_length=1)] | None = None
    """Scheme, such as `https`."""
    port: Annotated[str, PlainValidator(port_text)] | None = None
    """Port, number or digits."""


class ExternalSessions(StrictModel):
    """The variable `EXT_SESSION_MGT`: sessions kept in a store outside of the process."""

    instance_name: Annotated[str, Field(min_length=1)]
    """Service instance of the store."""
    storage_type: Annotated[str, Field(min_length=1)]
    """Kind of store: `redis`; with `externalStoreFilePath` any name."""
    session_secret: Annotated[str, AfterValidator(_secret)] = Field(repr=False)
    """Secret from which the key of stored sessions is derived: 64 characters or more, 32 at the least."""
    default_retry_timeout: Annotated[int, Field(ge=0)] = 2000
    """Milliseconds an operation may take with its retries; afterwards the store counts as unavailable."""
    back_off_multiplier: Annotated[int, Field(ge=0)] = 50
    """Milliseconds by which the pause before each further retry grows."""
    connect_timeout: Annotated[int, Field(ge=1)] = 10_000
    """Milliseconds a connection to the store may take."""
    command_timeout: Annotated[int, Field(ge=1)] = 5_000
    """Milliseconds the store may take to answer one command."""
    keep_alive: Annotated[int, Field(ge=1)] | Literal[False] = 30_000
    """Milliseconds between TCP keep-alive probes; false is without."""
    skip_cert_hostname_validation: bool = False
    """Whether the store's certificate may name another host."""
    reject_unauthorized: bool = True
    """Whether an untrusted certificate of the store is refused."""
    external_store_file_path: str | None = None
    """Storage driver of one's own: `module:factory`, a function from the store's credentials to a `SessionTable`."""
