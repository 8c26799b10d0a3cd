"""A directory to serve, and a recorder that stands where the server's `send` does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.answer import Headers
from app.request_head import RequestHead
from app.static_files.local_directory import LocalDirectory

TEXT = b"0123456789" * 300
LARGE = bytes(range(256)) * 1024  # four times what is kept in memory


@dataclass
class Reply:
    """What was sent for one request."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.messages[0]["headers"] if key == name.encode()]
        assert len(values) <= 1
        return values[0].decode() if values else None


def make_site(folder: Path) -> Path:
    """A root with files, beside secrets that nobody may reach."""
    root = folder / "resources"
    (root / "sub").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "text.txt").write_bytes(TEXT)
    (root / "large.bin").write_bytes(LARGE)
    (root / "none.txt").write_bytes(b"")
    (root / "index.html").write_text("welcome")
    (root / "sub" / "index.html").write_text("sub index")
    (root / "sub" / "deep.txt").write_text("deep")
    (root / "sp ace.txt").write_text("space")
    (root / "uml\u00e4ut.txt").write_text("umlaut")
    (root / "[slug]-1.js").write_text("brackets")
    (root / ".hidden").write_text("TOP-SECRET")
    (root / "xs-app.json").write_text("TOP-SECRET")
    for outside in ("private", "resources-evil"):
        (folder / outside).mkdir()
        (folder / outside / "secret.txt").write_text("TOP-SECRET")
    return root


def get(
    directory: LocalDirectory,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    address: str | None = None,
    extra: Headers = (),
) -> Reply:
    """Serve `path` for a request to `address` (the path itself unless given)."""
    pairs = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items())
    head = RequestHead(method, address or f"/{path}", pairs)
    reply = Reply()
    asyncio.run(directory.serve(head, path, reply.send, extra))
    return reply
