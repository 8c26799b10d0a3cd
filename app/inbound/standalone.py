"""Our client protocol under a uvicorn that somebody else starts:

uvicorn app.main:app --http app.inbound.standalone:StandaloneProtocol --ws none --no-server-header --no-date-header
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from app.inbound.protocol import InboundProtocol
from app.transport.deadlines import Deadlines

ACCESS_LOG = "gangway.access_log"
"""Where the application leaves its access log for this protocol, in the state of its lifespan."""


class StandaloneProtocol(InboundProtocol):
    """With the default limits, and a timer of its own for each process."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = app_state.get(ACCESS_LOG)
        if not hasattr(StandaloneProtocol, "deadlines"):
            StandaloneProtocol.deadlines = Deadlines(self._loop, interval=1.0)
