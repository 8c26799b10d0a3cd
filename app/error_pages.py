"""The `errorPage` property: reads what an administrator shows in place of our own page for a status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from app.error_answer import CustomPage
from app.routing.descriptor_options import ErrorPage
from app.static_files.content_types import content_type

_URL_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_~"


def read_error_pages(entries: Iterable[ErrorPage], workdir: Path) -> Mapping[int, CustomPage]:
    """The pages by status; the last entry for a status counts. Raises OSError when a file cannot be read."""
    pages: dict[int, CustomPage] = {}
    for entry in entries:
        pages |= dict.fromkeys(entry.status, _page(entry, workdir))
    return pages


def _page(entry: ErrorPage, workdir: Path) -> CustomPage:
    if entry.file is None:
        return CustomPage(redirect="/" + quote((entry.path or "").lstrip("/"), safe=_URL_CHARACTERS))
    return CustomPage(content_type(entry.file), (workdir / entry.file.lstrip("/")).read_bytes())
