"""Fuzz target: answers of backends. However the bytes are cut, the reading is the same, and nothing but InvalidAnswer
is ever raised.

The first byte chooses the request's method, the second where the bytes are cut.
"""

import sys

import atheris

with atheris.instrument_imports():
    from app.transport.response_parser import InvalidAnswer, ResponseParser

METHODS = ("GET", "HEAD", "POST", "CONNECT")

Reading = tuple[int, tuple[tuple[bytes, bytes], ...], bytes, bool, bool]


def read(method: str, pieces: list[bytes]) -> Reading | str:
    """What the parser makes of the pieces, and of the end of the connection."""
    parser = ResponseParser()
    parser.expect(method, upgrade=True)
    try:
        for piece in pieces:
            if parser.complete:
                break
            parser.feed(piece)
        parser.finish()
    except InvalidAnswer:
        return "invalid"
    return parser.status, tuple(parser.headers), b"".join(parser.chunks), parser.complete, parser.upgraded_rest is None


def one_input(data: bytes) -> None:
    """Called by the fuzzer."""
    if len(data) < 3:
        return
    method, size, answer = METHODS[data[0] % len(METHODS)], data[1] % 7 + 1, data[2:]
    cut = [answer[i : i + size] for i in range(0, len(answer), size)]
    whole, pieces = read(method, [answer]), read(method, cut)
    # An answer that is complete before a fault stays valid; with small pieces the fault may not even be read.
    if "invalid" not in (whole, pieces) and whole != pieces:
        raise AssertionError(f"{whole} in one piece, {pieces} in pieces of {size}")


atheris.Setup(sys.argv, one_input)
atheris.Fuzz()
