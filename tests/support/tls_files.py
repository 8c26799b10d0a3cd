"""The certificate of a server of tests as PEM files, with the authority that issued it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.tokens.certificates import Authority


@dataclass(frozen=True)
class TlsFiles:
    """`server` holds certificate and key."""

    authority: Path
    server: Path


@contextmanager
def tls_files(host: str) -> Iterator[TlsFiles]:
    """The files of a server that is called by this name."""
    authority = Authority()
    with tempfile.TemporaryDirectory(prefix="tls-") as name:
        folder = Path(name)
        file = folder / "authority.pem"
        file.write_text(authority.pem)
        yield TlsFiles(file, authority.issue(host).write(folder, "server"))
