"""Our verdict on a token beside that of SAP's own library (`sap-xssec`), over generated tokens, good and bad.

The library has three habits we do not share; where a token meets one of them, the verdicts are expected to differ:
- it knows no tolerance for clocks (SAP's JavaScript and Java libraries allow 60 s, as we do),
- it accepts any asymmetric algorithm and tokens without key id (the Java library and we take RS256 with a key id only),
- it does not look at `zid` of a dedicated application, at the issuer, nor at the type of claims it does not need.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey
from sap import xssec

from app.clients import PlatformClients
from app.errors import GatewayError
from app.tokens.jwks import KeyStore
from app.tokens.verifier import Verifier
from tests.tokens.token_server import (
    CLIENT_ID,
    FOREIGN_KEY,
    KEY,
    KID,
    OTHER_ZONE,
    XSAPPNAME,
    ZONE,
    TokenServer,
    make_token,
    token_server,
)

PUBLIC = KEY.as_pem(private=False).decode()
BROKER = "sb-broker!b7"


class KnownKeys:
    """Stands in for the library's key cache, which would fetch over https only."""

    def load_key(self, address: str, kid: str) -> str:
        if kid != KID:
            raise ValueError("no such key")
        return PUBLIC


class Judges:
    """Both verdicts on a token, for an application with this client id."""

    def __init__(self, server: TokenServer) -> None:
        self.issuer = f"{server.url}/oauth/token"
        self._server = server
        self._runner = asyncio.Runner()
        self._clients = PlatformClients(timeout=5)
        self._verifiers: dict[str, Verifier] = {}

    def ours(self, token: str, client_id: str = CLIENT_ID) -> bool:
        verifier = self._verifiers.get(client_id)
        if verifier is None:
            binding = self._server.binding(clientid=client_id)
            verifier = self._verifiers[client_id] = Verifier(binding, KeyStore(self._clients, binding.verificationkey))
        try:
            self._runner.run(verifier.verify(token))
        except GatewayError:
            return False
        return True

    def theirs(self, token: str, client_id: str = CLIENT_ID) -> bool:
        binding = self._server.binding(clientid=client_id)
        config = {
            "clientid": client_id,
            "clientsecret": "x",
            "url": binding.url,
            "uaadomain": binding.uaadomain,
            "xsappname": binding.xsappname,
            "verificationkey": PUBLIC,
        }
        try:
            xssec.create_security_context_xsuaa(token, config)
        except (RuntimeError, ValueError):
            return False
        return True

    def close(self) -> None:
        self._runner.run(self._clients.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges]:
    logging.getLogger("sap.xssec").setLevel(logging.CRITICAL)
    original = xssec.SecurityContextXSUAA.verificationKeyCache
    xssec.SecurityContextXSUAA.verificationKeyCache = KnownKeys()
    with token_server() as server:
        both = Judges(server)
        yield both
        both.close()
    xssec.SecurityContextXSUAA.verificationKeyCache = original


AUDIENCES = st.sampled_from(
    [None, [], ["openid"], [XSAPPNAME], [f"{XSAPPNAME}.Read"], [CLIENT_ID], ["other!t1"], [f"x|{BROKER}"], ["a.b", "c"]]
)
CLIENTS = st.sampled_from([CLIENT_ID, "sb-other!t1", BROKER, None])
SCOPES = st.sampled_from([None, [], [f"{XSAPPNAME}.Read"], ["other!t1.Read"], ["openid"]])
TIMES = st.sampled_from([3600, 30, -30, -3600, None])
BEGINS = st.sampled_from([None, -10, 30, 3600])


@dataclass(frozen=True)
class Case:
    """What a generated token is made of, and whether a habit of the library decides about it."""

    key: RSAKey
    header: dict[str, Any]
    claims: dict[str, Any]
    explained: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ends, begins = draw(TIMES), draw(BEGINS)
    algorithm = draw(st.sampled_from(["RS256", "RS256", "RS256", "RS512", "PS256"]))
    zone = draw(st.sampled_from([ZONE, ZONE, OTHER_ZONE, None]))
    kid = draw(st.sampled_from([KID, KID, KID, None]))
    now = int(time.time())
    overrides = {
        "aud": draw(AUDIENCES),
        "cid": draw(CLIENTS),
        "scope": draw(SCOPES),
        "exp": None if ends is None else now + ends,
        "nbf": None if begins is None else now + begins,
        "zid": zone,
    }
    key = draw(st.sampled_from([KEY, KEY, KEY, FOREIGN_KEY]))
    habits = (ends in (-30, None), begins == 30, algorithm != "RS256", kid is None, zone == OTHER_ZONE)
    return Case(key, {"alg": algorithm, "kid": kid}, overrides, any(habits))


@settings(max_examples=150, deadline=None)
@given(case=cases(), client_id=st.sampled_from([CLIENT_ID, CLIENT_ID, BROKER]))
def test_our_verdict_is_theirs_or_explained(judges: Judges, case: Case, client_id: str) -> None:
    token = make_token(case.key, case.header, iss=judges.issuer, **case.claims)
    ours, theirs = judges.ours(token, client_id), judges.theirs(token, client_id)
    assert ours == theirs or case.explained


@pytest.mark.parametrize(
    ("overrides", "header", "ours", "theirs"),
    [
        ({}, {}, True, True),
        ({"exp": lambda: int(time.time()) - 3600}, {}, False, False),
        ({"exp": lambda: int(time.time()) - 30}, {}, True, False),
        ({"exp": None}, {}, False, True),
        ({"zid": OTHER_ZONE}, {}, False, True),
        ({"iss": "https://evil.example"}, {}, False, True),
        ({}, {"alg": "RS512"}, False, True),
        ({}, {"kid": None}, False, True),
    ],
    ids=["good", "expired", "clocks", "no expiry", "foreign zone", "foreign issuer", "other algorithm", "no key id"],
)
def test_where_we_differ(
    judges: Judges, overrides: dict[str, Any], header: dict[str, Any], ours: bool, theirs: bool
) -> None:
    claims = {name: value() if callable(value) else value for name, value in overrides.items()}
    token = make_token(header=header, **{"iss": judges.issuer, **claims})
    assert (judges.ours(token), judges.theirs(token)) == (ours, theirs)
