"""Files of a directory are served, and nothing else is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from app.errors import Failure, GatewayError
from app.request_head import RequestHead
from app.static_files.file_cache import FileCache
from app.static_files.loading import SMALL
from app.static_files.local_directory import LocalDirectory
from app.static_files.placeholders import Placeholders
from tests.static_files.support import LARGE, TEXT, Reply, get


def refusal(directory: LocalDirectory, path: str, method: str = "GET") -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        get(directory, path, method=method)
    return caught.value


def test_a_file_is_served_with_its_type_and_length(directory: LocalDirectory) -> None:
    for _ in ("from disk", "from memory"):
        reply = get(directory, "text.txt")
        assert (reply.status, reply.body) == (200, TEXT)
        assert reply.header("content-type") == "text/plain; charset=utf-8"
        assert reply.header("content-length") == "3000"
        assert reply.header("cache-control") is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/sub/deep.txt", "deep"),
        ("sp%20ace.txt", "space"),
        ("uml%c3%a4ut.txt", "umlaut"),
        ("[slug]-1.js", "brackets"),
        ("none.txt", ""),
        ("", "welcome"),
        ("sub/", "sub index"),
    ],
)
def test_names_and_directories_are_found(directory: LocalDirectory, path: str, text: str) -> None:
    assert get(directory, path).body == text.encode()


def test_a_large_file_comes_in_pieces_of_bounded_size(directory: LocalDirectory) -> None:
    reply = get(directory, "large.bin")
    assert reply.body == LARGE
    pieces = reply.messages[1:]
    assert max(len(piece["body"]) for piece in pieces) <= SMALL
    assert [piece["more_body"] for piece in pieces] == [True, True, True, False]


def test_a_part_of_a_large_file_is_read_from_its_place(directory: LocalDirectory) -> None:
    reply = get(directory, "large.bin", {"Range": f"bytes={SMALL + 1}-{2 * SMALL + 5}"})
    assert reply.status == 206
    assert reply.body == LARGE[SMALL + 1 : 2 * SMALL + 6]
    assert get(directory, "large.bin", {"Range": "bytes=-3"}).body == LARGE[-3:]


@pytest.mark.parametrize("path", ["text.txt", "large.bin"])
def test_head_has_no_body(directory: LocalDirectory, path: str) -> None:
    reply = get(directory, path, method="HEAD")
    assert reply.body == b""
    assert reply.header("content-length") == str(len(get(directory, path).body))


@pytest.mark.parametrize("path", ["text.txt", "large.bin"])
def test_validators_are_honoured(directory: LocalDirectory, path: str) -> None:
    first = get(directory, path)
    assert get(directory, path, {"If-None-Match": first.header("etag") or ""}).status == 304
    assert get(directory, path, {"If-Modified-Since": first.header("last-modified") or ""}).status == 304


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_told_what_is_allowed(directory: LocalDirectory, method: str) -> None:
    error = refusal(directory, "text.txt", method)
    assert error.failure is Failure.METHOD_NOT_ALLOWED
    assert dict(error.headers) == {b"allow": b"GET, HEAD"}


@pytest.mark.parametrize(
    "path",
    [
        "nope.txt",
        "nope/",
        "empty/",
        "text.txt/",
        "text.txt/x",
        "*.txt",
        "[t]ext.txt",
        "{text,x}.txt",
        "a" * 300,
        ".hidden",
    ],
)
def test_what_does_not_exist_is_not_found(directory: LocalDirectory, path: str) -> None:
    error = refusal(directory, path)
    assert error.failure is Failure.NO_ROUTE
    assert str(directory) not in error.detail


@pytest.mark.parametrize(
    "path",
    [
        "../private/secret.txt",
        "%2e%2e/private/secret.txt",
        "..%2fprivate/secret.txt",
        "..%5cprivate%5csecret.txt",
        "sub/../../private/secret.txt",
        "%252e%252e/private/secret.txt",
        "....//private/secret.txt",
        "..;/private/secret.txt",
        "..%00/private/secret.txt",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "..%c0%afprivate/secret.txt",
        "../resources-evil/secret.txt",
        "xs-app.json",
    ],
)
def test_no_path_escapes(directory: LocalDirectory, path: str) -> None:
    assert refusal(directory, path).row.status in {400, 404}


def test_symbolic_links_are_followed_inside_the_root_only(root: Path, directory: LocalDirectory) -> None:
    (root / "inside.txt").symlink_to(root / "sub" / "deep.txt")
    (root / "outside.txt").symlink_to(root.parent / "private" / "secret.txt")
    (root / "sibling").symlink_to(root.parent / "resources-evil")
    assert get(directory, "inside.txt").body == b"deep"
    assert refusal(directory, "outside.txt").failure is Failure.NO_ROUTE
    assert refusal(directory, "sibling/secret.txt").failure is Failure.NO_ROUTE


def test_a_link_that_turns_outside_later_is_noticed(root: Path, directory: LocalDirectory) -> None:
    link = root / "link.txt"
    link.symlink_to(root / "sub" / "deep.txt")
    assert get(directory, "link.txt").body == b"deep"
    link.unlink()
    link.symlink_to(root.parent / "private" / "secret.txt")
    assert refusal(directory, "link.txt").failure is Failure.NO_ROUTE


def test_a_named_pipe_is_no_file(root: Path, directory: LocalDirectory) -> None:
    os.mkfifo(root / "pipe")
    assert refusal(directory, "pipe").failure is Failure.NO_ROUTE


def test_a_root_that_is_itself_a_link_works(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    assert get(LocalDirectory(link), "sub/deep.txt").body == b"deep"


@pytest.mark.parametrize("path", ["text.txt", "large.bin"])
def test_a_changed_file_is_served_as_it_is_now(root: Path, directory: LocalDirectory, path: str) -> None:
    before = get(directory, path)
    (root / path).write_bytes(b"new content")
    after = get(directory, path)
    assert after.body == b"new content"
    assert after.header("etag") != before.header("etag")


def test_the_tag_of_a_small_file_depends_on_content_alone(root: Path) -> None:
    def tag(content: bytes, modified: int) -> str | None:
        (root / "page.txt").write_bytes(content)
        os.utime(root / "page.txt", (modified, modified))
        return get(LocalDirectory(root), "page.txt").header("etag")

    assert tag(b"one", 1) == tag(b"one", 2)
    assert tag(b"one", 1) != tag(b"two", 1)


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("/files/sub", "./sub/"),
        ("/files/sub?a=1&b=%20", "./sub/?a=1&b=%20"),
        ("//evil.example/sub", "./sub/"),
        ("/files/javascript:sub", "./javascript:sub/"),
        ("/files/s\u00fcb?\u00e9", "./s%FCb/?%E9"),
    ],
)
def test_a_directory_redirects_to_its_slash_on_the_same_host(
    directory: LocalDirectory, address: str, location: str
) -> None:
    reply = get(directory, "sub", address=address)
    assert (reply.status, reply.header("location")) == (302, location)


def test_a_directory_reached_by_an_address_with_a_slash_does_not_redirect_in_circles(directory: LocalDirectory) -> None:
    assert get(directory, "sub", address="/files/").body == b"sub index"


def test_cache_control_of_the_route_is_sent(root: Path) -> None:
    directory = LocalDirectory(root, cache_control="public, max-age=1000,must-revalidate")
    assert get(directory, "text.txt").header("cache-control") == "public, max-age=1000,must-revalidate"
    etag = get(directory, "text.txt").header("etag") or ""
    assert get(directory, "text.txt", {"If-None-Match": etag}).header("cache-control") is not None


@pytest.mark.parametrize("path", ["text.txt", "large.bin"])
def test_extra_headers_are_added_where_there_is_none_of_the_name(root: Path, path: str) -> None:
    extra = (
        (b"x-frame-options", b"DENY"),
        (b"cache-control", b"no-store"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
    )
    reply = get(LocalDirectory(root, cache_control="max-age=1"), path, extra=extra)
    assert reply.header("x-frame-options") == "DENY"
    assert reply.header("cache-control") == "max-age=1"
    assert [value for name, value in reply.messages[0]["headers"] if name == b"set-cookie"] == [b"a", b"b"]


def test_placeholders_are_filled_once_and_kept(root: Path) -> None:
    (root / "page.view").write_text("<p>{{NAME}}</p>" + " " * 2 * SMALL)
    directory = LocalDirectory(root, placeholders=Placeholders((".view",), {"NAME": "a<b"}))
    for _ in ("from disk", "from memory"):
        reply = get(directory, "page.view")
        assert reply.body.strip() == b"<p>a&lt;b</p>"
        assert reply.header("content-type") == "text/html; charset=utf-8"
        assert reply.header("content-length") == str(len(reply.body))
    assert get(directory, "page.view", {"Range": "bytes=3-8"}).body == b"a&lt;b"


def test_memory_is_bounded_however_many_files_there_are(root: Path) -> None:
    cache: FileCache[str] = FileCache(max_bytes=100_000)
    directory = LocalDirectory(root, cache=cache)
    for number in range(30):
        (root / f"{number}.txt").write_bytes(b"x" * 20_000)
        assert len(get(directory, f"{number}.txt").body) == 20_000
    assert 0 < cache.bytes <= 100_000


def test_a_file_cut_while_it_is_sent_breaks_off(root: Path, directory: LocalDirectory) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        os.truncate(root / "large.bin", SMALL)

    with pytest.raises(GatewayError) as caught:
        asyncio.run(directory.serve(RequestHead("GET", "/large.bin", ()), "large.bin", send))
    assert caught.value.failure is Failure.INTERNAL
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_nothing_more_is_read_for_a_client_that_has_left(directory: LocalDirectory) -> None:
    reply = Reply()
    serving = directory.serve(
        RequestHead("GET", "/large.bin", ()), "large.bin", reply.send, is_gone=lambda: len(reply.messages) > 1
    )
    asyncio.run(serving)
    assert len(reply.body) == SMALL
