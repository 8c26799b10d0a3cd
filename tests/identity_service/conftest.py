from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity_service.identity_server import IdentityServer, identity_server


@pytest.fixture
def server() -> Iterator[IdentityServer]:
    with identity_server() as running:
        yield running
