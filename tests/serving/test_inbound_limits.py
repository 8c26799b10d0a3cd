"""What the variables about time mean for clients."""

from __future__ import annotations

import math

import pytest

from app.serving import inbound_limits
from app.settings.settings import read_settings


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({}, 120.0),
        ({"INCOMING_CONNECTION_TIMEOUT": "1500"}, 1.5),
        ({"INCOMING_CONNECTION_TIMEOUT": "0"}, math.inf),
        ({"INCOMING_CONNECTION_TIMEOUT": "0", "SERVER_KEEP_ALIVE": "3000"}, 3.0),
        ({"SERVER_KEEP_ALIVE": "0"}, 120.0),
    ],
)
def test_idle_connections_are_kept_as_long_as_is_said(variables: dict[str, str], seconds: float) -> None:
    assert inbound_limits(read_settings(variables)[0]).keep_alive == seconds


def test_zero_is_without_limit() -> None:
    limits = inbound_limits(read_settings({"INCOMING_CONNECTION_TIMEOUT": "0", "INCOMING_REQUEST_TIMEOUT": "0"})[0])
    assert (limits.keep_alive, limits.stalled, limits.request) == (math.inf, math.inf, math.inf)


@pytest.mark.parametrize(("milliseconds", "seconds"), [("1500", 1.5), ("300000", 30.0), ("0", 30.0)])
def test_a_head_has_no_more_time_than_its_request(milliseconds: str, seconds: float) -> None:
    assert inbound_limits(read_settings({"INCOMING_REQUEST_TIMEOUT": milliseconds})[0]).head == seconds
