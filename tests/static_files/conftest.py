"""A fresh site for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.static_files.local_directory import LocalDirectory
from tests.static_files.support import make_site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_site(tmp_path)


@pytest.fixture
def directory(root: Path) -> LocalDirectory:
    return LocalDirectory(root)
