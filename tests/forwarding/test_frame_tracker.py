"""Frame boundaries, whatever way the bytes are cut (RFC 6455, 5.2); close frames as another library reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode
from websockets.streams import StreamReader

from app.forwarding.tunnel import MAX_FRAMES, FrameTracker, close_frame
from tests.support.readings import cut, cuts

SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65535, 65536])


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    payload = b"\x81" * draw(SIZES)  # looks like the beginning of a frame wherever one looks
    opcode = draw(st.sampled_from([Opcode.CONT, Opcode.TEXT, Opcode.BINARY]))
    return Frame(opcode, payload, fin=draw(st.booleans())).serialize(mask=draw(st.booleans()))


@given(st.lists(frames(), max_size=5), cuts, st.lists(st.integers(0, 40), max_size=6))
def test_boundaries_are_known_after_every_piece(sent: list[bytes], places: list[int], early: list[int]) -> None:
    boundaries, end = {0}, 0
    for frame in sent:
        end += len(frame)
        boundaries.add(end)
    tracker, position = FrameTracker(), 0
    for piece in cut(b"".join(sent), [*places, *early, *(boundary + 1 for boundary in boundaries)]):
        tracker.feed(piece)
        position += len(piece)
        assert tracker.at_boundary is (position in boundaries)


def test_a_flood_of_tiny_frames_is_not_followed() -> None:
    """Case 77: it would cost all others their time."""
    ping = b"\x89\x80\0\0\0\0"
    tracker = FrameTracker()
    for _ in range(3):
        tracker.feed(ping * (MAX_FRAMES - 1))
        assert tracker.at_boundary
    tracker.feed(ping * (MAX_FRAMES + 1))
    assert not tracker.at_boundary
    tracker.feed(ping)
    assert not tracker.at_boundary


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_wild_bytes_do_no_harm_and_cuts_change_nothing(pieces: list[bytes]) -> None:
    tracker, whole = FrameTracker(), FrameTracker()
    for piece in pieces:
        tracker.feed(piece)
    whole.feed(b"".join(pieces))
    assert tracker.at_boundary is whole.at_boundary


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("code", [1000, 1001, 1008])
def test_close_frames_are_valid(code: int, masked: bool) -> None:
    reader = StreamReader()
    reader.feed_data(close_frame(code, masked=masked))
    parsing = Frame.parse(reader.read_exact, mask=masked)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    frame: Frame = parsed.value.value
    assert (frame.opcode, frame.fin) == (Opcode.CLOSE, True)
    assert Close.parse(bytes(frame.data)) == Close(code, "")
