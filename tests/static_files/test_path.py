"""Target paths become file paths, or are refused (attack cases 29-31, 36)."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Failure, GatewayError
from app.static_files.path import MAX_PATH, FilePath, file_path


@pytest.mark.parametrize(
    ("target", "segments", "directory"),
    [
        ("app.js", ("app.js",), False),
        ("/app.js", ("app.js",), False),
        ("//webapp//app.js", ("webapp", "app.js"), False),
        ("sub/", ("sub",), True),
        ("", (), True),
        ("/", (), True),
        ("sp%20ace.txt", ("sp ace.txt",), False),
        ("uml%C3%A4ut.txt", ("uml\u00e4ut.txt",), False),
        ("app.js?v=../1", ("app.js",), False),
        ("100%25.txt", ("100%.txt",), False),
        ("a..b/c...d", ("a..b", "c...d"), False),
        ("[slug]-1.js", ("[slug]-1.js",), False),
    ],
)
def test_plain_names_are_taken_as_they_are(target: str, segments: tuple[str, ...], directory: bool) -> None:
    assert file_path(target) == FilePath(segments, directory)


@pytest.mark.parametrize(
    "target",
    [
        "../private/secret.txt",
        "%2e%2e/private/secret.txt",
        "..%2fprivate/secret.txt",
        "..%5cprivate%5csecret.txt",
        "..\\private",
        "sub/../../private/secret.txt",
        "./text.txt",
        "%252e%252e/private/secret.txt",
        "%25252e%25252e/private",
        "..;/private/secret.txt",
        "..;x=y/private",
        "..%00/private",
        "text.txt%00.js",
        "..%c0%afprivate/secret.txt",
        "%c0%ae%c0%ae/private",
        "%ef%bc%8e%ef%bc%8e/private",
        "..%ef%bc%8fprivate",
        "%e2%80%a5/private",
        "a%0d%0ab",
    ],
)
def test_disguised_and_climbing_paths_are_refused(target: str) -> None:
    with pytest.raises(GatewayError) as caught:
        file_path(target)
    assert caught.value.failure is Failure.PATH_REFUSED


@pytest.mark.parametrize(
    "target",
    [".hidden", "sub/.git/config", ".../x", "xs-app.json", "XS-App.JSON", "default-env.json", "C:/x", "a::$DATA"],
)
def test_hidden_and_configuration_files_do_not_exist(target: str) -> None:
    with pytest.raises(GatewayError) as caught:
        file_path(target)
    assert caught.value.failure is Failure.NO_ROUTE


def test_a_path_has_a_longest_length() -> None:
    assert file_path("a" * MAX_PATH).segments == ("a" * MAX_PATH,)
    with pytest.raises(GatewayError) as caught:
        file_path("a" * (MAX_PATH + 1))
    assert caught.value.failure is Failure.URI_TOO_LONG


def accepted(target: str) -> FilePath | None:
    """The path, or None where it is refused in one of the known ways; other errors come through."""
    try:
        return file_path(target)
    except GatewayError:
        return None


@given(st.text(st.characters(max_codepoint=255)) | st.text().map(quote) | st.text(alphabet="./%25ef\\;2cC"))
def test_whatever_is_accepted_stays_below_the_root(target: str) -> None:
    path = accepted(target)
    for segment in path.segments if path else ():
        assert segment not in {"", ".", ".."}
        assert not set(segment) & {"/", "\\", "\0"}
