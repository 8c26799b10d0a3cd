"""Where verification keys come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeySource:
    """The whole request for a key set: what a server answers may depend on its headers too, so they are part of the
    name under which the keys are kept.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
