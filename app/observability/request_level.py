"""The least level at which a request is logged: the process's, or, for those who hold a key, the request's own.

`DYN_LOG_LEVEL_KEY` is a public RSA key; a token it has signed, in the header `SAP-LOG-LEVEL` (or `DYN_LOG_HEADER`),
names a `level` and when it ends (protocols 7; the documentation of SAP's cf-nodejs-logging-support). Whatever else
stands in the header is ignored.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from app.observability.logging_setup import LEVELS
from app.request_head import RequestHead

ALGORITHMS = ["RS256", "RS384", "RS512"]
MAX_TOKEN = 4096
MAX_KNOWN = 100
_NAMES = {**LEVELS, "silly": logging.DEBUG}


class RequestLevel:
    """`default` is the process's level; `key` (PEM) is empty where requests have none of their own."""

    def __init__(
        self,
        default: int = logging.INFO,
        key: str = "",
        header: bytes = b"sap-log-level",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._default = default
        self._pem = key
        self._header = header
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def of(self, head: RequestHead) -> int:
        """The level of a request."""
        token = head.first.get(self._header) if self._pem else None
        return self._default if token is None or len(token) > MAX_TOKEN else self._asked(token)

    def _asked(self, token: bytes) -> int:
        digest = hashlib.sha256(token).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = self._read(token)
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        level, ends_at = known
        return level if self._clock() < ends_at else self._default

    def _read(self, token: bytes) -> tuple[int, float]:
        """The level of a token and when it ends (epoch seconds), 0 for a token that is worth nothing."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import RSAKey

        try:
            claims = jwt.decode(token, RSAKey.import_key(self._pem), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            return self._default, 0.0
        level, ends_at = claims.get("level"), claims.get("exp")
        if not isinstance(level, str) or not isinstance(ends_at, int | float):
            return self._default, 0.0
        return _NAMES.get(level.lower(), self._default), float(ends_at)
