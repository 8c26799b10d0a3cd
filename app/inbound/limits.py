"""How much of a client's connection is taken at once, and how long it may last."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PIPELINED = 16
"""Requests that may wait for their turn before no more is read."""

MAX_AT_ONCE = 1000
"""Requests that may wait because they were read in one piece, which is parsed as a whole; refused beyond."""

MAX_CHUNKS = 2000
CHUNK_SECONDS = 10e-6
"""A body in more chunks at once is read on after as many times these seconds: each takes time that others wait."""


@dataclass(frozen=True, slots=True)
class InboundLimits:
    """Seconds; `math.inf` for no limit. `keep_alive` exceeds the 90 s for which the platform's router keeps sockets.

    `stalled`: how long a client may take nothing of an answer that waits for it. `linger`: how long what a refused
    client still sends is thrown away before its connection is closed.
    """

    head: float = 30.0
    request: float = 300.0
    keep_alive: float = 120.0
    stalled: float = 120.0
    linger: float = 2.0
