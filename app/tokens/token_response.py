"""What a token endpoint answers, typed (RFC 6749, 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from app.errors import GatewayError
from app.tokens.authority import XSUAA, Authority

_UNSAFE = re.compile(r"[^\w .,:;'()/=@+-]", re.ASCII)
_TOKEN_LIKE = re.compile(r"\S{48,}")
INVALID = "invalid_response"
_UNAUTHORIZED = "unauthorized"
_ABOUT_US = frozenset(("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", INVALID))
_NO_SERVER = "See what answers at the token service's address: it does not speak OAuth 2."


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A successful answer; `expires_in` in seconds, 0 when the server did not say. Tokens never show in a `repr`."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)


class TokenRefused(GatewayError):
    """The authorization server refused a token request; `error` is its OAuth error code, `status` the HTTP status, 0
    where there was none.
    """

    def __init__(
        self, error: str, description: str = "", authority: Authority = XSUAA, status: int = 0, binding: str = ""
    ) -> None:
        self.status = status
        self.error = sanitized(error) or "unknown_error"
        text = sanitized(description)
        whose = f"the client of the {binding} binding: " if binding else ""
        detail = f"{whose}{self.error}: {text}" if text else f"{whose}{self.error}"
        super().__init__(authority.refused, detail, advice=_advice(self.error, status, binding))
        self._origin = (error, description, authority, status)

    def of_binding(self, binding: str) -> TokenRefused:
        """The same, which says whose credentials were shown: those of this service's binding."""
        return TokenRefused(*self._origin, binding=binding)

    @property
    def is_about_us(self) -> bool:
        """Whether the application's credentials or the server itself are at fault, not the user or the session."""
        return self.error in _ABOUT_US

    @property
    def is_about_our_client(self) -> bool:
        """The same, for grants in which a user shows no password: XSUAA says `unauthorized` of either."""
        return self.is_about_us or (self.status == 401 and self.error == _UNAUTHORIZED)


def _advice(error: str, status: int, binding: str) -> str:
    """What to do where the row of the error table would send to the wrong place."""
    if error == INVALID:
        return _NO_SERVER
    if not binding or not (error in _ABOUT_US or status == 401):
        return ""
    return (
        f"Check the {binding} binding: its client, secret or certificate, and grant types; for "
        "a subscriber, whether the subscription names the service as a dependency."
    )


def sanitized(text: object) -> str:
    """A text from outside, fit for logs and answers: short, plain, nothing that looks like a token."""
    if not isinstance(text, str):
        return ""
    return _TOKEN_LIKE.sub("...", _UNSAFE.sub("?", text[:300])).strip()


def parse_success(body: object, authority: Authority = XSUAA) -> TokenResponse:
    """Read a 200 answer; anything unexpected raises `TokenRefused`."""
    if not isinstance(body, dict):
        raise TokenRefused(INVALID, "the answer is no JSON object", authority)
    access_token = body.get("access_token")
    if not isinstance(access_token, str) or not access_token or not access_token.isascii():
        raise TokenRefused(INVALID, "the answer has no access_token", authority)
    return TokenResponse(
        access_token,
        _seconds(body.get("expires_in")),
        _text(body.get("refresh_token")),
        _text(body.get("id_token")),
    )


def parse_refusal(status: int, body: object, authority: Authority = XSUAA) -> TokenRefused:
    """Read a 4xx answer: only `error` and `error_description` are taken over."""
    if isinstance(body, dict):
        error = str(body.get("error") or f"http_{status}")
        return TokenRefused(error, _text(body.get("error_description")), authority, status)
    return TokenRefused(f"http_{status}", authority=authority, status=status)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
