"""Conditional and partial answers (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.request_head import RequestHead
from app.static_files.file_answer import FileAnswer, file_answer
from app.static_files.stored_file import Stamp, StoredFile

MODIFIED = "Sat, 31 Jan 2026 12:00:00 GMT"
EARLIER = "Sat, 31 Jan 2026 11:59:59 GMT"
LATER = "Sun, 01 Feb 2026 12:00:00 GMT"
HEADERS = (
    (b"content-type", b"text/plain"),
    (b"content-length", b"100"),
    (b"etag", b'"tag"'),
    (b"last-modified", MODIFIED.encode()),
    (b"cache-control", b"max-age=5"),
)
FILE = StoredFile("/a", Stamp(1, 2, 3, 4, 100), 100, b'"tag"', MODIFIED.encode(), HEADERS, b"x" * 100)


def ask(method: str = "GET", **headers: str) -> FileAnswer:
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return file_answer(RequestHead(method, "/a", pairs), FILE)


def test_a_plain_request_gets_everything() -> None:
    assert ask() == FileAnswer(200, HEADERS, 0, 100)


@pytest.mark.parametrize("tags", ['"tag"', 'W/"tag"', '"other", "tag"', ' "other" ,W/"tag" ', "*"])
def test_a_matching_tag_gives_304_without_content(tags: str) -> None:
    answer = ask(if_none_match=tags)
    assert (answer.status, answer.start, answer.stop) == (304, 0, 0)
    assert dict(answer.headers) == {
        b"etag": b'"tag"',
        b"last-modified": MODIFIED.encode(),
        b"cache-control": b"max-age=5",
    }


@pytest.mark.parametrize("lines", [('"tag"', '"other"'), ('"other"', '"tag"')])
def test_several_lines_of_tags_are_one_list(lines: tuple[str, ...]) -> None:
    """RFC 9110, 5.3."""
    for name, status in ((b"if-none-match", 304), (b"if-match", 200)):
        head = RequestHead("GET", "/a", tuple((name, line.encode()) for line in lines))
        assert file_answer(head, FILE).status == status


@pytest.mark.parametrize("tags", ['"other"', "tag", "", '"tag', "\x00"])
def test_another_tag_gives_the_file(tags: str) -> None:
    assert ask(if_none_match=tags).status == 200


@pytest.mark.parametrize(
    ("since", "status"), [(MODIFIED, 304), (LATER, 304), (EARLIER, 200), ("yesterday", 200), ("", 200)]
)
def test_a_date_decides_where_it_can_be_read(since: str, status: int) -> None:
    assert ask(if_modified_since=since).status == status


def test_a_tag_counts_more_than_a_date() -> None:
    assert ask(if_none_match='"other"', if_modified_since=LATER).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("tags", ['"other"', 'W/"tag"', "tag", "", '"other", W/"tag"'])
def test_a_file_that_is_not_the_wanted_one_is_refused(method: str, tags: str) -> None:
    """RFC 9110, 13.1.1: a weak tag never fits."""
    refusal = FileAnswer(412, ((b"content-length", b"0"),), 0, 0)
    assert ask(method, if_match=tags) == refusal
    assert ask(method, if_match=tags, if_none_match='"tag"', range="bytes=0-1", if_unmodified_since=LATER) == refusal


@pytest.mark.parametrize("tags", ['"tag"', '"other" , "tag"', "*"])
def test_the_wanted_file_is_served(tags: str) -> None:
    assert ask(if_match=tags).status == 200
    assert ask(if_match=tags, if_unmodified_since=EARLIER).status == 200
    assert ask(if_match=tags, if_none_match='"tag"').status == 304
    assert ask(if_match=tags, range="bytes=0-1").status == 206


@pytest.mark.parametrize(
    ("until", "status"), [(MODIFIED, 200), (LATER, 200), (EARLIER, 412), ("yesterday", 200), ("", 200), ("\xff", 200)]
)
def test_a_file_that_has_changed_since_is_refused_where_the_date_can_be_read(until: str, status: int) -> None:
    assert ask(if_unmodified_since=until).status == status


def test_a_range_gives_a_part() -> None:
    answer = ask(range="bytes=10-19")
    assert (answer.status, answer.start, answer.stop) == (206, 10, 20)
    assert dict(answer.headers)[b"content-range"] == b"bytes 10-19/100"
    assert dict(answer.headers)[b"content-length"] == b"10"
    assert len(answer.headers) == len(dict(answer.headers))


def test_a_range_outside_gives_416_with_the_size() -> None:
    answer = ask(range="bytes=100-")
    assert answer == FileAnswer(416, ((b"content-range", b"bytes */100"), (b"content-length", b"0")), 0, 0)


@pytest.mark.parametrize(
    ("condition", "status"), [('"tag"', 206), (MODIFIED, 206), ('"other"', 200), ('W/"tag"', 200), (LATER, 200)]
)
def test_if_range_needs_the_very_same_file(condition: str, status: int) -> None:
    assert ask(range="bytes=0-1", if_range=condition).status == status


def test_a_date_is_not_enough_where_there_are_compressed_forms() -> None:
    file = replace(FILE, compressible=True)
    headers = [(b"range", b"bytes=0-1"), (b"if-range", MODIFIED.encode())]
    assert file_answer(RequestHead("GET", "/a", headers), file).status == 200
    headers[1] = (b"if-range", file.etag)
    assert file_answer(RequestHead("GET", "/a", headers), file).status == 206


def test_a_condition_is_looked_at_before_a_range() -> None:
    assert ask(range="bytes=500-", if_none_match='"tag"').status == 304


def test_head_gets_the_head_of_the_whole_file() -> None:
    assert ask("HEAD") == FileAnswer(200, HEADERS, 0, 0)
    assert ask("HEAD", range="bytes=1-2") == FileAnswer(200, HEADERS, 0, 0)
    assert ask("HEAD", if_none_match="*").status == 304
