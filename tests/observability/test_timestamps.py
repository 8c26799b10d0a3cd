"""Points in time."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.observability.timestamps import iso


def test_milliseconds_in_utc() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00.000Z"
    assert iso(1769860800.0625) == "2026-01-31T12:00:00.062Z"


@given(st.integers(0, 4_000_000_000_000))
def test_it_reads_back(milliseconds: int) -> None:
    read = datetime.fromisoformat(iso(milliseconds / 1000 + 0.0002))
    assert read.tzinfo == UTC
    assert round(read.timestamp() * 1000) == milliseconds
