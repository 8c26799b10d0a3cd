"""A request as ASGI describes it."""

from __future__ import annotations

from urllib.parse import unquote

from app.inbound.exchange import Scope


def http_scope(method: str, target: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> Scope:
    """The scope of a request but for what its connection knows: `scheme`, `client` and `server`."""
    raw_path, _, query = target.partition(b"?")
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version,
        "method": method,
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
    }
