"""How one caller reaches one destination: ready bytes, with nothing left to decide on the proxied path."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from app.answer import Headers
from app.transport.pool_key import DirectKey, OnPremiseKey, PoolKey


@dataclass(frozen=True, slots=True)
class Lane:
    """Requests that share a fate: one destination at one address, whoever calls (for limits and circuit breaking)."""

    destination: str
    tenant_id: str
    address: str

    @classmethod
    def of(cls, destination: str, key: PoolKey) -> Lane:
        """The lane of a pool key: the principal leaves it, the tenant (whose Cloud Connector it is) stays."""
        match key:
            case DirectKey():
                return cls(destination, "", f"{key.host}:{key.port}")
            case OnPremiseKey():
                address = f"{key.virtual_host}:{key.virtual_port} {key.location_id}"
                return cls(destination, (key.account or key.principal.tenant).id, address)


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a request goes and as whom.

    `base` stands before the rewritten target: a path prefix (`b""` or `b"/root"`, no trailing slash) or, for requests
    in absolute form, `http://host:port` and the prefix. `query` (`URL.queries.*`, encoded, no `?`) is appended.
    `credentials` (and `sap-client`) are set last and replace whatever the client sent under those names; `defaults`
    (`URL.headers.*`) are added only where nothing else of that name is sent. `timeout` in seconds until the first byte
    of the answer. `expires_at` in `time.monotonic()` seconds: afterwards the backend has to be resolved again.
    `dropped` are headers of the client that never pass, `answer_headers` take the place of a good answer's own.
    `strict_connections` asks for short-lived sockets, `ias_dependency` is what the credentials were exchanged for.
    `replaced` (names of the credentials, and what is dropped) and `lane` follow from the rest.
    """

    destination: str
    key: PoolKey
    authority: bytes
    base: bytes = b""
    query: bytes = b""
    credentials: Headers = field(default=(), repr=False)
    defaults: Headers = field(default=(), repr=False)
    preserve_host: bool = False
    forwarded_headers: bool = True
    timeout: float = 30.0
    expires_at: float = math.inf
    dropped: frozenset[bytes] = frozenset()
    answer_headers: Headers = ()
    strict_connections: bool = False
    ias_dependency: str = ""
    replaced: frozenset[bytes] = field(init=False, repr=False)
    lane: Lane = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "replaced", self.dropped.union(name for name, _ in self.credentials))
        object.__setattr__(self, "lane", Lane.of(self.destination, self.key))
