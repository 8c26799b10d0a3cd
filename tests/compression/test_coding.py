"""Which coding a client gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compression.coding import Coding, preferred

ALL = (Coding.ZSTD, Coding.BROTLI, Coding.GZIP)


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, None),
        (b"", None),
        (b"gzip", Coding.GZIP),
        (b"GZIP", Coding.GZIP),
        (b"x-gzip", Coding.GZIP),
        (b"br", Coding.BROTLI),
        (b"zstd", Coding.ZSTD),
        (b"gzip, br", Coding.BROTLI),
        (b"gzip, deflate, br, zstd", Coding.ZSTD),
        (b"gzip;q=1.0, br;q=0.5", Coding.GZIP),
        (b"br;q=0.5,gzip;q=0.4", Coding.BROTLI),
        (b"gzip ; q=0.9 , br ;q=0.91", Coding.BROTLI),
        (b"*", Coding.ZSTD),
        (b"gzip;q=0, *;q=0.5", Coding.ZSTD),
        (b"zstd;q=0, *", Coding.BROTLI),
        (b"gzip;q=0", None),
        (b"br;q=0.0, gzip;q=0.000", None),
        (b"identity", None),
        (b"identity, gzip;q=0.5", None),
        (b"identity;q=0.5, gzip;q=0.5", Coding.GZIP),
        (b"identity;q=0, deflate", None),
        (b"deflate, compress", None),
        (b", gzip,", Coding.GZIP),
    ],
)
def test_weights_decide_and_then_our_order(accept: bytes | None, coding: Coding | None) -> None:
    assert preferred(accept, ALL) is coding


@pytest.mark.parametrize(
    "accept", [b"gzip;q=2", b"gzip;q=0.1234", b"gzip;q=x", b"gzip;level=9", b"g zip", b"gzip;;q=1"]
)
def test_what_is_not_well_formed_counts_for_nothing(accept: bytes) -> None:
    assert preferred(accept, ALL) is None
    assert preferred(accept + b", br", ALL) is None


def test_nothing_is_chosen_where_nothing_is_offered() -> None:
    assert preferred(b"gzip", ()) is None
    assert preferred(b"gzip", (Coding.BROTLI,)) is None


def test_a_list_without_end_is_not_read() -> None:
    assert preferred(b"gzip" + b",a" * 1000, ALL) is None


WEIGHTS = st.integers(0, 1000)


@given(st.dictionaries(st.sampled_from([*(coding.value for coding in Coding), b"identity", b"*"]), WEIGHTS))
def test_no_other_coding_is_wanted_more(weights: dict[bytes, int]) -> None:
    accept = b", ".join(b"%b;q=%.3f" % (name, weight / 1000) for name, weight in weights.items())
    chosen = preferred(accept, ALL)
    wanted = {coding: weights.get(coding.value, weights.get(b"*", 0)) for coding in ALL}
    if chosen is None:
        assert max(wanted.values()) in range(weights.get(b"identity", 0) + 1)
    else:
        assert wanted[chosen] == max(wanted.values()) > 0
        assert wanted[chosen] >= weights.get(b"identity", 0)


@given(st.binary(max_size=60))
def test_any_bytes_are_survived(accept: bytes) -> None:
    assert preferred(accept, ALL) in {None, *Coding}
