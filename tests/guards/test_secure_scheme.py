"""Plain http, where cookies are only for https."""

from __future__ import annotations

import pytest

from app.errors import Failure, GatewayError
from app.guards.secure_scheme import check_scheme
from app.request_head import RequestHead


def test_only_what_reached_us_by_https_passes() -> None:
    check_scheme(RequestHead("GET", "/", [(b"x-forwarded-proto", b"https")]))
    check_scheme(RequestHead("GET", "/", [], scheme="https"))
    for headers in ([], [(b"x-forwarded-proto", b"http")], [(b"x-forwarded-proto", b"nonsense")]):
        with pytest.raises(GatewayError) as caught:
            check_scheme(RequestHead("GET", "/", headers))
        assert caught.value.failure is Failure.HTTPS_REQUIRED
