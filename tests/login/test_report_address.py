"""Where a logout is to be reported, and with which cookies."""

from __future__ import annotations

import pytest

from app.login.report_address import ReportOptions, report_address
from app.request_head import RequestHead

SESSION_ID = "s" * 43
CLOUD_FOUNDRY = ReportOptions("/bye", "__VCAP_ID__", "JSESSIONID")


def cookies(line: str, options: ReportOptions = CLOUD_FOUNDRY) -> str:
    head = RequestHead("GET", "/login/callback", [(b"cookie", line.encode())])
    told = report_address(head, "app.example", options)
    assert told.uri == "https://app.example/bye"
    assert SESSION_ID not in told.cookie
    return told.cookie


@pytest.mark.parametrize("session", ["login", SESSION_ID])
def test_the_platforms_cookie_is_told_beside_a_session_cookie_that_opens_nothing(session: str) -> None:
    assert cookies(f"a=b; JSESSIONID={session}; __VCAP_ID__=inst-7") == "__VCAP_ID__=inst-7;JSESSIONID=login"


def test_another_platforms_cookie_has_another_name() -> None:
    kyma = ReportOptions("/bye", "sticky", "JSESSIONID")
    assert cookies('__VCAP_ID__=inst-7; sticky="a1b2"', kyma) == 'sticky="a1b2";JSESSIONID=login'


@pytest.mark.parametrize("line", ["a=b", "__VCAP_ID__=", "__VCAP_ID__=" + "x" * 513])
def test_without_a_cookie_of_the_platform_none_is_told(line: str) -> None:
    assert cookies(line) == "JSESSIONID=login"


def test_a_session_cookie_that_is_not_the_platforms_is_not_told() -> None:
    options = ReportOptions("/bye", "__VCAP_ID__", "SID")
    assert cookies(f"SID={SESSION_ID}; __VCAP_ID__=inst-7", options) == "__VCAP_ID__=inst-7"
    assert cookies(f"SID={SESSION_ID}", options) == ""


@pytest.mark.parametrize("name", ["JSESSIONID", "SID"])
def test_our_own_cookie_is_no_cookie_of_the_platform(name: str) -> None:
    told = cookies(f"{name}={SESSION_ID}", ReportOptions("/bye", name, name))
    assert told == ("JSESSIONID=login" if name == "JSESSIONID" else "")
