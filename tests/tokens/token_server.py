"""A small authorization server on a real socket: it records what it was asked and can be told what to answer."""

from __future__ import annotations

import json
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

from app.bindings.credentials import XsuaaCredentials

ZONE = "11111111-2222-3333-4444-555555555555"
OTHER_ZONE = "99999999-2222-3333-4444-555555555555"
CLIENT_ID = "sb-shop!t9"
XSAPPNAME = "shop!t9"
KID = "default-jwt-key-1"
KEY = RSAKey.generate_key(2048)
FOREIGN_KEY = RSAKey.generate_key(2048)


def claims(**overrides: Any) -> dict[str, Any]:
    """Claims of a user token; an override of None removes a claim."""
    now = int(time.time())
    found = {
        "iss": "https://acme.auth.example/oauth/token",
        "zid": ZONE,
        "aud": [XSAPPNAME, "openid"],
        "cid": CLIENT_ID,
        "grant_type": "authorization_code",
        "scope": [f"{XSAPPNAME}.Read", "openid"],
        "user_id": "alice-id",
        "user_name": "alice@example.com",
        "email": "alice@example.com",
        "given_name": "Alice",
        "family_name": "Liddell",
        "origin": "sap.default",
        "iat": now,
        "exp": now + 3600,
        "jti": uuid.uuid4().hex,
        "ext_attr": {"enhancer": "XSUAA", "zdn": "acme"},
        "xs.user.attributes": {"country": ["DE"]},
        **overrides,
    }
    return {name: value for name, value in found.items() if value is not None}


def make_token(key: RSAKey = KEY, header: dict[str, Any] | None = None, **overrides: Any) -> str:
    """A signed token; `header` replaces members of the protected header (None removes one)."""
    protected = {"alg": "RS256", "typ": "JWT", "kid": KID, **(header or {})}
    members = {name: value for name, value in protected.items() if value is not None}
    return jwt.encode(members, claims(**overrides), key, algorithms=[members["alg"]])


def key_set(*keys: tuple[str, RSAKey]) -> dict[str, Any]:
    """A key set document of public keys."""
    members = [
        {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256", "value": key.as_pem(False).decode()}
        for kid, key in keys
    ]
    return {"keys": members}


def credentials(server_url: str, /, **more: Any) -> XsuaaCredentials:
    """A binding whose authorization server is at `server_url`."""
    found = {
        "clientid": CLIENT_ID,
        "clientsecret": "client+secret&",
        "url": server_url,
        "uaadomain": server_url.partition("//")[2],
        "identityzone": "acme",
        "identityzoneid": ZONE,
        "xsappname": XSAPPNAME,
        "tenantmode": "dedicated",
        **more,
    }
    return XsuaaCredentials.model_validate(found)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, str]
    peer_certificate: bool


@dataclass
class TokenServer:
    """`script` holds (status, body, headers) to be answered first, whatever is asked; then it behaves."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    script: deque[tuple[int, Any, dict[str, str]]] = field(default_factory=deque)
    keys: dict[str, Any] = field(default_factory=lambda: key_set((KID, KEY)))
    overrides: dict[str, Any] = field(default_factory=dict)
    delay: float = 0.0

    def binding(self, **more: Any) -> XsuaaCredentials:
        """A binding that leads here."""
        return credentials(self.url, **more)

    def forms(self, grant: str) -> list[dict[str, str]]:
        """The token requests of a grant type."""
        return [asked.form for asked in self.asked if asked.form.get("grant_type") == grant]

    def key_requests(self) -> list[Asked]:
        """The requests for keys."""
        return [asked for asked in self.asked if asked.path.startswith("/token_keys")]

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        """What to say."""
        if self.script:
            return self.script.popleft()
        if asked.path.startswith("/token_keys"):
            return 200, self.keys, {}
        issuer = f"{self.url}/oauth/token"
        if asked.form.get("grant_type") == "client_credentials":
            token = make_token(iss=issuer, grant_type="client_credentials", user_id=None, **self.overrides)
        else:
            token = make_token(iss=issuer, **self.overrides)
        reply = {"access_token": token, "token_type": "bearer", "expires_in": 3599, "refresh_token": "refresh-2"}
        return 200, reply, {}


Server = TypeVar("Server", bound=TokenServer)


@contextmanager
def token_server(context: ssl.SSLContext | None = None) -> Iterator[TokenServer]:
    """A running server; with TLS when a context is given."""
    with serving(TokenServer(), context) as server:
        yield server


@contextmanager
def serving(server: Server, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    """This server, running."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            peer = isinstance(self.connection, ssl.SSLSocket) and bool(self.connection.getpeercert())
            asked = Asked(self.command, self.path, headers, form, peer)
            server.asked.append(asked)
            time.sleep(server.delay)
            status, reply, extra = server.answer(asked)
            data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    class Listener(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off is part of the tests."""

    listener = Listener(("127.0.0.1", 0), Handler)
    if context is not None:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
    scheme, name = ("https", "acme.localhost") if context is not None else ("http", "127.0.0.1")
    server.url = f"{scheme}://{name}:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
