"""Ports for servers that are told theirs."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

LISTENING = range(20_000, 32_000)
"""Below those that the system gives to outgoing connections."""


def free_port() -> int:
    """A port on which nobody listens, and which no outgoing connection can have by the time somebody wants to."""
    while True:
        port = secrets.choice(LISTENING)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
