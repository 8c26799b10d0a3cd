"""Whether requests share connections to a backend, as the surroundings and DISABLE_CONNECTION_REUSE say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.answers.support import ask, gateway
from tests.support.raw_backend import Link, friendly
from tests.support.running import run

KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}


@pytest.mark.parametrize(
    ("variables", "connections"),
    [
        ({}, 1),
        ({"VCAP_APPLICATION": "{}"}, 1),
        (KUBERNETES, 3),
        ({**KUBERNETES, "VCAP_APPLICATION": "{}"}, 1),
        ({**KUBERNETES, "DISABLE_CONNECTION_REUSE": "false"}, 1),
        ({"DISABLE_CONNECTION_REUSE": "true"}, 3),
    ],
)
def test_on_kubernetes_each_request_has_a_connection_of_its_own(
    tmp_path: Path, variables: dict[str, str], connections: int
) -> None:
    opened: list[Link] = []

    async def counting(link: Link) -> None:
        opened.append(link)
        await friendly(link)

    async def test() -> None:
        async with gateway(tmp_path, counting, {}, **variables) as client:
            for _ in range(3):
                assert (await ask(client, "/x")).status == 200
        assert len(opened) == connections

    run(test())
