"""Encoders: nothing is lost, nothing is held back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.compression.coding import Coding
from app.compression.encoders import ENCODERS, compress_once
from tests.compression.decoding import decoded, decoder

CODINGS = pytest.mark.parametrize("coding", list(Coding))


@CODINGS
@given(pieces=st.lists(st.binary(max_size=5000), max_size=6))
def test_each_piece_can_be_read_as_soon_as_it_is_sent(coding: Coding, pieces: list[bytes]) -> None:
    encoder, read = ENCODERS[coding](), decoder(coding)
    for piece in pieces:
        assert read(encoder.encode(piece, last=False)) == piece
    assert read(encoder.encode(b"end", last=True)) == b"end"


@CODINGS
def test_an_empty_piece_takes_no_bytes(coding: Coding) -> None:
    encoder = ENCODERS[coding]()
    assert encoder.encode(b"", last=False) == b""
    assert decoded(coding, encoder.encode(b"", last=True)) == b""


@CODINGS
@pytest.mark.parametrize("size", [0, 1, 100_000, 1_000_000])
def test_what_is_kept_is_the_same_and_smaller(coding: Coding, size: int) -> None:
    text = (b"function example(name) { return this.items[name] }\n" * (size // 40 + 1))[:size]
    form = compress_once(coding, text)
    assert decoded(coding, form) == text
    assert size < 100 or len(form) < size / 20
