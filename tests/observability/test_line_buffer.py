"""Lines are written in order, in few pieces, and never lost at the end."""

import asyncio
import io

import pytest

from app.observability.line_buffer import FLUSH_CHARACTERS, LineBuffer


class Recorder(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str, /) -> int:
        self.pieces.append(text)
        return len(text)


def test_outside_of_an_event_loop_a_line_is_written_at_once() -> None:
    stream = Recorder()
    LineBuffer(stream).write("a\n")
    assert stream.pieces == ["a\n"]


def test_lines_of_one_moment_are_one_piece_in_order() -> None:
    stream = Recorder()

    async def scenario() -> None:
        buffer = LineBuffer(stream)
        for number in range(3):
            buffer.write(f"{number}\n")
        assert stream.pieces == []
        buffer.flush()

    asyncio.run(scenario())
    assert stream.pieces == ["0\n1\n2\n"]


def test_lines_are_written_without_anybody_asking() -> None:
    stream = Recorder()

    async def scenario() -> None:
        LineBuffer(stream).write("a\n")
        async with asyncio.timeout(10):
            while not stream.pieces:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert stream.pieces == ["a\n"]


def test_memory_is_bounded_by_an_early_write() -> None:
    stream = Recorder()

    async def scenario() -> None:
        buffer = LineBuffer(stream)
        buffer.write("a\n")
        buffer.write("b" * FLUSH_CHARACTERS + "\n")
        assert len(stream.pieces) == 1

    asyncio.run(scenario())


def test_a_closed_standard_output_fails_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(Recorder):
        def write(self, text: str, /) -> int:
            self.pieces.append(text)
            raise BrokenPipeError

    closed = Closed()
    monkeypatch.setattr("sys.stdout", closed)
    LineBuffer().write("a\n")
    assert closed.pieces == ["a\n"]
