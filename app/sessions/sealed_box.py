"""Values we give away and want back unread and unchanged: AES-256-GCM, keys derived per purpose (RFC 5869)."""

from __future__ import annotations

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
TAG_BYTES = 16


class SealedBox:
    """Seals bytes into cookie- and URL-safe text. Boxes of one secret but different purposes do not open each other's.

    Without a secret a random one is used: then only this process can open what it sealed.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        material = secret.encode() or os.urandom(32)
        key = HKDF(SHA256(), 32, salt=None, info=f"gangway {purpose}".encode()).derive(material)
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, bound_to: bytes = b"") -> str:
        """Sealed text; it opens only together with the same `bound_to`."""
        return urlsafe_b64encode(self.seal_bytes(plain, bound_to)).rstrip(b"=").decode()

    def seal_bytes(self, plain: bytes, bound_to: bytes = b"") -> bytes:
        """Like `seal`, for where bytes are kept: a nonce, then the sealed bytes with their tag."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to)

    def open(self, sealed: str, bound_to: bytes = b"") -> bytes | None:
        """The plain bytes, or None when the text is not ours, was changed, or was bound to something else."""
        try:
            raw = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        except (ValueError, binascii.Error):
            return None
        return self.open_bytes(raw, bound_to)

    def open_bytes(self, raw: bytes, bound_to: bytes = b"") -> bytes | None:
        """Like `open`, for what `seal_bytes` made."""
        if len(raw) < NONCE_BYTES + TAG_BYTES:
            return None
        try:
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to)
        except InvalidTag:
            return None
