from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.guards.derived_csrf import DerivedCsrfTokens


@given(st.binary(), st.binary())
def test_each_caller_has_one_token_and_no_other_has_it(first: bytes, second: bytes) -> None:
    tokens = DerivedCsrfTokens("secret")
    assert (tokens.token(first) == tokens.token(second)) is (first == second)
    assert len(tokens.token(first)) == 43


def test_instances_with_one_secret_know_each_others_tokens() -> None:
    one, same, other = (DerivedCsrfTokens(secret).token(b"alice") for secret in ("a", "a", "b"))
    assert one == same
    assert one != other


def test_without_a_secret_the_tokens_are_this_process_own() -> None:
    assert DerivedCsrfTokens().token(b"alice") != DerivedCsrfTokens().token(b"alice")
