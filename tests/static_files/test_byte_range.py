"""Byte ranges (RFC 9110, section 14; attack case 76)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.static_files.byte_range import Part, UnsatisfiableRange, byte_range


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("bytes=10-19", Part(10, 20)),
        ("bytes=0-0", Part(0, 1)),
        ("bytes=90-", Part(90, 100)),
        ("bytes=90-1000", Part(90, 100)),
        ("bytes=-5", Part(95, 100)),
        ("bytes=-500", Part(0, 100)),
        ("Bytes= 1-2 ", Part(1, 3)),
    ],
)
def test_one_range_gives_a_part(value: str, part: Part) -> None:
    assert byte_range(value, 100) == part


@pytest.mark.parametrize(
    "value",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=1-2,4-5",
        "lines=1-2",
        "bytes=1--2",
        "bytes=\u0661-",
    ],
)
def test_several_malformed_and_foreign_ranges_mean_the_whole_file(value: str) -> None:
    assert byte_range(value, 100) is None


@pytest.mark.parametrize(
    ("value", "size"), [("bytes=100-", 100), ("bytes=100-200", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_a_range_outside_the_file_is_unsatisfiable(value: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRange):
        byte_range(value, size)


def test_an_empty_file_is_sent_whole_for_a_suffix() -> None:
    assert byte_range("bytes=-5", 0) is None


def test_ten_thousand_ranges_are_not_looked_at() -> None:
    assert byte_range("bytes=" + ",".join(["0-"] * 10_000), 100) is None
    assert byte_range("bytes=" + "9" * 100_000 + "-", 100) is None


@given(st.text(alphabet="bytes=0123456789-, ") | st.from_regex(r"bytes=\d*-\d*"), st.integers(0, 1000))
def test_a_part_always_lies_within_the_file(value: str, size: int) -> None:
    try:
        part = byte_range(value, size)
    except UnsatisfiableRange:
        return
    assert part is None or 0 <= part.start < part.stop <= size
