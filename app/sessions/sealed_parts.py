"""Parts as they leave the process: sealed, and bound to the row and the part they belong to."""

from __future__ import annotations

from collections.abc import Mapping

from app.sessions.sealed_box import SealedBox
from app.sessions.session_parts import Values, pack, unpack


class SealedParts:
    """Seals with a key of its own for each purpose. Parts cannot be swapped between rows or within one."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._box = SealedBox(secret, purpose)

    def seal(self, key: bytes, values: Values) -> dict[bytes, bytes]:
        """The parts of the row `key`, sealed."""
        return {name: self._box.seal_bytes(pack(value), key + name) for name, value in values.items()}

    def open(self, key: bytes, parts: Mapping[bytes, bytes]) -> dict[bytes, object]:
        """The inverse of `seal`. Raises ValueError when anything was changed, or belongs elsewhere."""
        return {name: unpack(name, self._opened(key, name, sealed)) for name, sealed in parts.items()}

    def _opened(self, key: bytes, name: bytes, sealed: bytes) -> bytes:
        plain = self._box.open_bytes(sealed, key + name)
        if plain is None:
            raise ValueError("not sealed by us")
        return plain
