"""Own answers on the wire."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from app.answer import Answer
from app.send_answer import send_answer


def sent(answer: Answer, method: str) -> tuple[dict[bytes, bytes], bytes]:
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(send_answer(answer, method, send))
    assert [message["type"] for message in messages] == ["http.response.start", "http.response.body"]
    assert messages[0]["status"] == answer.status
    return dict(messages[0]["headers"]), messages[1]["body"]


def test_length_and_date_are_added() -> None:
    headers, body = sent(Answer(200, ((b"x-own", b"1"),), b"text"), "GET")
    assert body == b"text"
    assert headers.keys() == {b"x-own", b"date", b"content-length"}
    assert headers[b"content-length"] == b"4"
    assert parsedate_to_datetime(headers[b"date"].decode()).tzinfo is not None


def test_head_has_the_length_without_the_body() -> None:
    headers, body = sent(Answer(404, (), b"text"), "HEAD")
    assert (headers[b"content-length"], body) == (b"4", b"")


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_content_have_no_length(status: int) -> None:
    headers, body = sent(Answer(status, (), b"text"), "GET")
    assert b"content-length" not in headers
    assert body == b""
