"""Compressed forms of files: which client gets which, how long they are kept, and what they may not reveal."""

from __future__ import annotations

import asyncio
import gzip
import os
from pathlib import Path

import brotli
import pytest

from app.compression.coding import Coding
from app.compression.encoders import compress_once
from app.errors import GatewayError
from app.request_head import RequestHead
from app.static_files import compressed_files
from app.static_files.compressed_files import CompressedFiles, FormKey
from app.static_files.file_cache import FileCache
from app.static_files.loading import SMALL
from app.static_files.local_directory import LocalDirectory
from app.static_files.placeholders import Placeholders
from tests.compression.decoding import decoded
from tests.static_files.support import TEXT, Reply, get

GZIP = {"Accept-Encoding": "gzip"}
ALL = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.fixture
def site(root: Path) -> LocalDirectory:
    return LocalDirectory(root, compressed=CompressedFiles(1024))


def is_plain(reply: Reply, body: bytes) -> bool:
    return reply.header("content-encoding") is None and reply.body == body


@pytest.mark.parametrize(
    ("accept", "coding"), [("gzip", Coding.GZIP), ("zstd", Coding.ZSTD), ("gzip, br", Coding.BROTLI)]
)
def test_text_is_compressed_as_the_client_wants(site: LocalDirectory, accept: str, coding: Coding) -> None:
    for _ in range(2):  # made, and kept
        reply = get(site, "text.txt", {"Accept-Encoding": accept})
        assert reply.status == 200
        assert reply.header("content-encoding") == coding.value.decode()
        assert reply.header("content-length") == str(len(reply.body))
        assert decoded(coding, reply.body) == TEXT
        assert reply.header("vary") == "Accept-Encoding"


def test_a_strong_validator_is_made_weak_and_still_recognised(site: LocalDirectory) -> None:
    plain, small = get(site, "text.txt"), get(site, "text.txt", GZIP)
    assert small.header("etag") == f"W/{plain.header('etag')}"
    for tag in (plain.header("etag"), small.header("etag")):
        unchanged = get(site, "text.txt", {**GZIP, "If-None-Match": tag or ""})
        assert (unchanged.status, unchanged.body, unchanged.header("content-encoding")) == (304, b"", None)
        assert unchanged.header("vary") == "Accept-Encoding"


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip;q=0"}])
def test_others_get_the_file_as_it_is_and_caches_are_told(site: LocalDirectory, headers: dict[str, str]) -> None:
    reply = get(site, "text.txt", headers)
    assert is_plain(reply, TEXT)
    assert reply.header("vary") == "Accept-Encoding"


def test_ranges_are_those_of_the_file(site: LocalDirectory) -> None:
    part = get(site, "text.txt", {**GZIP, "Range": "bytes=0-9"})
    assert (part.status, part.body, part.header("content-encoding")) == (206, TEXT[:10], None)


@pytest.mark.parametrize("asked", [{}, GZIP, ALL])
@pytest.mark.parametrize("path", ["text.txt", "sub/deep.txt"])
def test_a_head_is_that_of_the_answer_to_get(site: LocalDirectory, path: str, asked: dict[str, str]) -> None:
    """RFC 9110, 8.6."""
    head, whole = get(site, path, asked, method="HEAD"), get(site, path, asked)
    assert head.body == b""
    for name in ("content-length", "content-encoding", "etag", "vary"):
        assert head.header(name) == whole.header(name)
    assert whole.header("content-length") == str(len(whole.body))


def test_small_and_binary_files_are_not_compressed(root: Path, site: LocalDirectory) -> None:
    (root / "pic.png").write_bytes(TEXT)
    assert is_plain(get(site, "pic.png", GZIP), TEXT)
    assert get(site, "pic.png", GZIP).header("vary") is None
    assert is_plain(get(site, "sub/deep.txt", GZIP), b"deep")


def test_no_transform_is_respected(root: Path) -> None:
    site = LocalDirectory(root, cache_control="no-transform", compressed=CompressedFiles(1024))
    assert is_plain(get(site, "text.txt", GZIP), TEXT)


def test_a_changed_file_gets_a_new_form(root: Path, site: LocalDirectory) -> None:
    get(site, "text.txt", GZIP)
    (root / "text.txt").write_bytes(TEXT * 2)
    assert gzip.decompress(get(site, "text.txt", GZIP).body) == TEXT * 2


def test_files_that_are_streamed_are_compressed_whole(root: Path, site: LocalDirectory) -> None:
    large = b"text of a large file\n" * SMALL
    (root / "large.js").write_bytes(large)
    assert gzip.decompress(get(site, "large.js", GZIP).body) == large


def test_files_beyond_a_limit_are_sent_as_they_are(
    root: Path, site: LocalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compressed_files, "LARGEST", 2000)
    assert is_plain(get(site, "text.txt", GZIP), TEXT)
    (root / "text.txt.gz").write_bytes(gzip.compress(os.urandom(3000)))
    assert len(gzip.decompress(get(site, "text.txt", GZIP).body)) == 3000  # streamed


def test_a_form_is_made_once_however_many_want_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Coding] = []

    def counted(coding: Coding, data: bytes) -> bytes:
        made.append(coding)
        return compress_once(coding, data)

    monkeypatch.setattr(compressed_files, "compress_once", counted)
    forms = CompressedFiles(1024)
    site = LocalDirectory(root, compressed=forms)

    async def many() -> None:
        head = RequestHead("GET", "/text.txt", [(b"accept-encoding", b"gzip")])
        await asyncio.gather(*(site.serve(head, "text.txt", Reply().send) for _ in range(20)))

    asyncio.run(many())
    get(site, "text.txt", GZIP)
    assert made == [Coding.GZIP]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_forms_are_those_of_a_route_not_of_the_file(root: Path, order: tuple[int, ...]) -> None:
    """What one route puts in for a placeholder, or how long it has a file kept, no other route shows."""
    text = "<p>{{SECRET}}</p>" + "more of it " * 200
    (root / "page.html").write_text(text)
    forms = CompressedFiles(1024)
    routes = (
        LocalDirectory(root, placeholders=Placeholders((".html",), {"SECRET": "s3cret"}), compressed=forms),
        LocalDirectory(root, cache_control="max-age=7", compressed=forms),
        LocalDirectory(root, compressed=forms),
    )
    expected = ((text.replace("{{SECRET}}", "s3cret"), None), (text, "max-age=7"), (text, None))
    for _ in range(2):
        for index in order:
            reply = get(routes[index], "page.html", GZIP)
            assert (gzip.decompress(reply.body).decode(), reply.header("cache-control")) == expected[index]


def test_forms_beside_the_file_are_those_of_a_route_too(root: Path) -> None:
    (root / "text.txt.gz").write_bytes(gzip.compress(b"from gz"))
    forms = CompressedFiles(1024)
    kept = LocalDirectory(root, cache_control="max-age=7", compressed=forms)
    plain = LocalDirectory(root, compressed=forms)
    assert [get(site, "text.txt", GZIP).header("cache-control") for site in (kept, plain, kept)] == [
        "max-age=7", None, "max-age=7",
    ]  # fmt: skip


def test_kept_forms_are_bounded(root: Path) -> None:
    cache: FileCache[FormKey] = FileCache(max_bytes=10_000)
    site = LocalDirectory(root, compressed=CompressedFiles(1024, cache))
    for number in range(30):
        (root / f"{number}.txt").write_bytes(TEXT)
        assert gzip.decompress(get(site, f"{number}.txt", GZIP).body) == TEXT
    assert 0 < cache.bytes <= 10_000


class TestFormsBesideTheFile:
    """`name.br` and `name.gz`, as build tools make them."""

    def test_they_are_used_when_the_client_takes_them(self, root: Path, site: LocalDirectory) -> None:
        (root / "text.txt.br").write_bytes(brotli.compress(b"from br"))
        (root / "text.txt.gz").write_bytes(gzip.compress(b"from gz"))
        reply = get(site, "text.txt", ALL)
        assert brotli.decompress(reply.body) == b"from br"
        assert reply.header("content-encoding") == "br"
        assert reply.header("content-type") == "text/plain; charset=utf-8"
        assert gzip.decompress(get(site, "text.txt", GZIP).body) == b"from gz"
        assert is_plain(get(site, "text.txt"), TEXT)

    def test_they_go_before_what_would_have_to_be_made(self, root: Path, site: LocalDirectory) -> None:
        (root / "text.txt.gz").write_bytes(gzip.compress(b"from gz"))
        assert get(site, "text.txt", ALL).header("content-encoding") == "gzip"
        assert get(site, "text.txt", {"Accept-Encoding": "br"}).header("content-encoding") == "br"

    def test_a_changed_one_is_read_again(self, root: Path, site: LocalDirectory) -> None:
        for content in (b"first", b"the second"):
            (root / "text.txt.gz").write_bytes(gzip.compress(content))
            assert gzip.decompress(get(site, "text.txt", GZIP).body) == content

    def test_one_older_than_the_file_is_not_used(self, root: Path, site: LocalDirectory) -> None:
        (root / "text.txt.gz").write_bytes(gzip.compress(b"old"))
        os.utime(root / "text.txt.gz", (1, 1))
        assert gzip.decompress(get(site, "text.txt", GZIP).body) == TEXT

    def test_one_that_leads_out_of_the_directory_is_not_used(self, root: Path, site: LocalDirectory) -> None:
        secret = root.parent / "private" / "secret.txt"
        secret.write_text("TOP-SECRET")
        os.symlink(secret, root / "text.txt.gz")
        assert gzip.decompress(get(site, "text.txt", GZIP).body) == TEXT

    def test_a_directory_of_that_name_is_not_used(self, root: Path, site: LocalDirectory) -> None:
        (root / "text.txt.gz").mkdir()
        assert gzip.decompress(get(site, "text.txt", GZIP).body) == TEXT

    @pytest.mark.parametrize("path", ["index.html", ""])
    def test_they_do_not_serve_where_placeholders_are_replaced(self, root: Path, path: str) -> None:
        placeholders = Placeholders((".html",), {"GREETING": "hello"})
        site = LocalDirectory(root, placeholders=placeholders, compressed=CompressedFiles(10))
        (root / "index.html").write_text("<p>{{GREETING}} and more</p>")
        (root / "index.html.gz").write_bytes(gzip.compress(b"{{GREETING}}"))
        reply = get(site, path, GZIP, address="/")
        assert gzip.decompress(reply.body) == b"<p>hello and more</p>"


def test_vary_of_a_cross_origin_policy_is_kept(site: LocalDirectory) -> None:
    reply = get(site, "text.txt", GZIP, extra=((b"vary", b"Origin"), (b"x-extra", b"1")))
    assert reply.header("vary") == "Origin, Accept-Encoding"
    assert reply.header("x-extra") == "1"


def test_a_file_that_changes_while_it_is_compressed_is_never_sent_half_and_half(
    root: Path, site: LocalDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = b"text of a large file\n" * SMALL
    (root / "large.js").write_bytes(large)
    original = compressed_files._made

    def changed_meanwhile(*arguments: object) -> object:
        (root / "large.js").write_bytes(b"x" * len(large))
        os.utime(root / "large.js", (1, 1))
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(compressed_files, "_made", changed_meanwhile)
    with pytest.raises(GatewayError, match="changed"):
        get(site, "large.js", GZIP)
