"""Who holds the key sets the level of single requests; nobody else does."""

from __future__ import annotations

import base64
import hmac
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey

from app.observability.request_level import MAX_KNOWN, MAX_TOKEN, RequestLevel
from app.request_head import RequestHead
from app.settings.settings import read_settings

KEY, FOREIGN = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
PEM = KEY.as_pem(private=False).decode()
NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def token(key: Any = KEY, algorithm: str = "RS256", **overrides: Any) -> str:
    claims = {"issuer": "ops@example.com", "level": "debug", "iat": int(NOW), "exp": int(NOW) + 60, **overrides}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm}, present, key, algorithms=[algorithm])


def confused_token() -> str:
    """Signed with the public key, as if it were a shared secret (attack 55)."""
    payload = token(FOREIGN).split(".")[1]
    protected = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    mac = hmac.digest(PEM.encode(), f"{protected}.{payload}".encode(), "sha256")
    return f"{protected}.{payload}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def level(value: str | bytes, clock: Clock | None = None) -> int:
    levels = RequestLevel(logging.INFO, PEM, clock=clock or Clock())
    return levels.of(head(value))


def head(value: str | bytes) -> RequestHead:
    return RequestHead("GET", "/", ((b"sap-log-level", value if isinstance(value, bytes) else value.encode()),))


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_a_signed_level_holds_for_the_request(algorithm: str) -> None:
    assert level(token(algorithm=algorithm)) == logging.DEBUG


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("off", logging.CRITICAL + 10), ("error", logging.ERROR), ("WARN", logging.WARNING), ("info", logging.INFO),
        ("verbose", logging.DEBUG), ("silly", logging.DEBUG),
    ],
)  # fmt: skip
def test_all_levels_of_the_library_are_known(name: str, expected: int) -> None:
    assert level(token(level=name)) == expected


@pytest.mark.parametrize(
    "worthless",
    [
        token(FOREIGN),
        token(exp=int(NOW) - 1),
        token(exp=None),
        token(exp="never"),
        token(level="loud"),
        token(level=None),
        token(level=7),
        confused_token(),
        f"{base64.urlsafe_b64encode(b'{}').decode()}.{token().split('.')[1]}.",
        token()[:-4],
        token() + "x" * MAX_TOKEN,
        "debug",
        "",
        "\xe9",
    ],
)
def test_anything_else_is_ignored(worthless: str) -> None:
    assert level(worthless) == logging.INFO


def test_a_token_ends_also_when_it_is_known() -> None:
    clock, given_token = Clock(), token()
    levels = RequestLevel(logging.INFO, PEM, clock=clock)
    assert levels.of(head(given_token)) == logging.DEBUG
    clock.now += 60
    assert levels.of(head(given_token)) == logging.INFO


def test_without_a_key_and_without_the_header_the_process_decides() -> None:
    assert RequestLevel(logging.ERROR).of(head(token())) == logging.ERROR
    levels = RequestLevel(logging.ERROR, PEM, b"x-my-level", Clock())
    assert levels.of(head(token())) == logging.ERROR
    assert levels.of(RequestHead("GET", "/", ((b"x-my-level", token().encode()),))) == logging.DEBUG


def test_what_is_remembered_is_bounded() -> None:
    levels = RequestLevel(logging.INFO, PEM, clock=Clock())
    for number in range(MAX_KNOWN + 10):
        levels.of(head(f"junk-{number}"))
    assert len(levels._known) == MAX_KNOWN
    assert levels.of(head(token())) == logging.DEBUG


@given(st.binary(max_size=300))
def test_wild_headers_change_nothing(value: bytes) -> None:
    assert level(value) == logging.INFO


def test_the_key_is_taken_in_every_form_in_which_it_is_written_down() -> None:
    lines = PEM.strip().splitlines()
    for text in (PEM, "".join(lines[1:-1]), "\\n".join(lines), "\n".join(lines[1:-1])):
        settings, problems = read_settings({"DYN_LOG_LEVEL_KEY": text})
        assert problems == ()
        levels = RequestLevel(logging.INFO, settings.dyn_log_level_key or "", clock=Clock())
        assert levels.of(head(token())) == logging.DEBUG


@pytest.mark.parametrize("text", ["", "secret", "-----BEGIN PUBLIC KEY-----", "AAAA", PEM[:-60]])
def test_a_key_that_is_none_stops_the_start_and_is_not_shown(text: str) -> None:
    _, [problem] = read_settings({"DYN_LOG_LEVEL_KEY": text})
    assert (problem.where, problem.value) == ("DYN_LOG_LEVEL_KEY", "")
    assert "public RSA key" in problem.message
