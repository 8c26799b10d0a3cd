"""The cache of small files is bounded and never serves what has changed."""

from __future__ import annotations

from app.static_files.file_cache import ENTRY_OVERHEAD, FileCache
from app.static_files.stored_file import Stamp, StoredFile

STAMP = Stamp(1, 2, 3, 4, 5)


def file(location: str, body: bytes | None = b"", stamp: Stamp = STAMP) -> StoredFile:
    return StoredFile(location, stamp, len(body or b""), b'"e"', b"", (), body)


def test_a_file_is_found_as_long_as_its_stamp_is_the_same() -> None:
    cache = FileCache[str]()
    cache.put("/a", file("/a", b"body"))
    found = cache.get("/a", STAMP)
    assert found is not None
    assert found.body == b"body"
    assert cache.get("/a", Stamp(1, 2, 3, 6, 5)) is None
    assert cache.get("/b", STAMP) is None


def test_the_least_recently_used_leaves_first() -> None:
    cache = FileCache[str](max_bytes=4 * ENTRY_OVERHEAD)
    for name in "abcd":
        cache.put(name, file(name))
    assert cache.get("a", STAMP)
    cache.put("e", file("e"))
    assert [name for name in "abcde" if cache.get(name, STAMP)] == ["a", "c", "d", "e"]
    assert cache.bytes <= 4 * ENTRY_OVERHEAD


def test_replacing_a_file_does_not_count_it_twice() -> None:
    cache = FileCache[str]()
    for size in (10, 500, 20):
        cache.put("/a", file("/a", b"x" * size))
    assert cache.bytes == ENTRY_OVERHEAD + 20


def test_a_file_too_large_for_the_cache_is_not_kept() -> None:
    cache = FileCache[str](max_bytes=8 * ENTRY_OVERHEAD)
    cache.put("/a", file("/a"))
    cache.put("/a", file("/a", b"x" * 4 * ENTRY_OVERHEAD))
    assert cache.get("/a", STAMP) is None
    assert cache.bytes == 0
