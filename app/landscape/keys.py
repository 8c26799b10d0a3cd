"""Token signing keys that rotate."""

from __future__ import annotations

from collections import deque
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

KEYS_KEPT = 3
ALGORITHM = "RS256"

REGISTRY = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
"""RS256 alone; header members joserfc does not know, such as `jid`, pass; tokens may be as long as headers are."""
REGISTRY.max_header_length = 2048
REGISTRY.max_payload_length = 65536


class SigningKey:
    """An RSA key with its key id."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._jose = RSAKey.import_key(pem)

    @property
    def public_pem(self) -> str:
        """The public key, SubjectPublicKeyInfo in PEM."""
        return (
            self.private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def sign(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        """A compact JWS over the claims; `alg`, `typ` and `kid` are added to the header."""
        return jwt.encode(
            {"alg": ALGORITHM, "typ": "JWT", "kid": self.kid, **header}, claims, self._jose, registry=REGISTRY
        )

    def jwk(self) -> dict[str, Any]:
        """The public key as `/token_keys` shows it (protocols, section 2.4)."""
        numbers = self._jose.as_dict(private=False)
        return {
            "kty": "RSA",
            "kid": self.kid,
            "alg": ALGORITHM,
            "use": "sig",
            "n": numbers["n"],
            "e": numbers["e"],
            "value": self.public_pem,
        }


class SigningKeys:
    """The current key signs; the `KEYS_KEPT` newest are published, so that tokens outlive a rotation."""

    def __init__(self) -> None:
        self._made = 0
        self._keys: deque[SigningKey] = deque(maxlen=KEYS_KEPT)
        self.rotate()

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self._keys[0]

    def rotate(self) -> str:
        """Sign with a new key from now on; returns its key id."""
        self._made += 1
        self._keys.appendleft(SigningKey(f"default-jwt-key-{self._made}"))
        return self.current.kid

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """A token signed with the current key."""
        return self.current.sign(claims, header or {})

    def jwks(self) -> dict[str, Any]:
        """The answer of `/token_keys`."""
        return {"keys": [key.jwk() for key in self._keys]}
