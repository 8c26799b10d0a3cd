"""How one caller reaches one destination: ready bytes, with nothing left to decide on the proxied path."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from app.answer import Headers
from app.transport.pool_key import PoolKey


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a request goes and as whom.

    `base` stands before the rewritten target: a path prefix (`b""` or `b"/root"`, no trailing slash) or, for requests
    in absolute form, `http://host:port` and the prefix. `query` (`URL.queries.*`, encoded, no `?`) is appended.
    `credentials` are set last and replace whatever the client sent under those names; `defaults` (`URL.headers.*`,
    `sap-client`) are added only where the request has no such header. `timeout` in seconds until the first byte of
    the answer. `expires_at` in `time.monotonic()` seconds: afterwards the backend has to be resolved again.
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
