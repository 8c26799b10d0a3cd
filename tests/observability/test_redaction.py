"""What looks like a credential is masked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.observability.redaction import redact, redact_target

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"token {JWT} refused", "token redacted refused"),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer redacted"),
        ("authorization: basic dTpw", "authorization: basic redacted"),
        ("cookie: JSESSIONID=s%3Aabc; theme=dark", "cookie: redacted"),
        ("Set-Cookie: a=b; Path=/\nnext line", "Set-Cookie: redacted\nnext line"),
        ("sent JSESSIONID=abc123; theme=dark", "sent JSESSIONID=redacted; theme=dark"),
        ("clientsecret=s3cr3t&grant_type=x", "clientsecret=redacted&grant_type=x"),
        ("{'client_secret': 'hunter2'}", "{'client_secret': redacted'}"),
        ("password=hunter2", "password=redacted"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "redacted"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "redacted"),
        ("the bearer of good news", "the bearer redacted good news"),
        ("destination erp: no answer in 30 s", "destination erp: no answer in 30 s"),
    ],
)
def test_credentials_are_masked_and_the_rest_stays(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    ("target", "masked"),
    [
        ("/a/b", "/a/b"),
        ("/a?$top=5&$filter=Code%20eq%201", "/a?$top=5&$filter=Code%20eq%201"),
        ("/login/callback?code=abc&state=xyz", "/login/callback?code=redacted&state=redacted"),
        ("/a?access_token=x&x=1", "/a?access_token=redacted&x=1"),
        ("/a?%63ode=abc", "/a?%63ode=redacted"),
        ("/a?CODE=abc", "/a?CODE=redacted"),
        ("/a?SAMLResponse=abc", "/a?SAMLResponse=redacted"),
        ("/a?code", "/a?code"),
        (f"/a/{JWT}/b?x={JWT}", "/a/redacted/b?x=redacted"),
        ("/a?authorization=x", "/a?authorization=redacted"),
        ("/a?X-Amz-Signature=x&X-Amz-Date=1", "/a?X-Amz-Signature=redacted&X-Amz-Date=1"),
        ("/a?api-key=x&api_key=x&apikey=x", "/a?api-key=redacted&api_key=redacted&apikey=redacted"),
        ("/a?Ocp-Apim-Subscription-Key=x", "/a?Ocp-Apim-Subscription-Key=redacted"),
        ("/a?pin=1234&otp=567890&spin=1", "/a?pin=redacted&otp=redacted&spin=1"),
        ("/a;jsessionid=x", "/a;jsessionid=redacted"),
        ("/a;v=1;JSESSIONID=x.y/b;v=2?c=d", "/a;v=1;JSESSIONID=redacted/b;v=2?c=d"),
        ("/a?b=c;token=x", "/a?b=c;token=redacted"),
        ("/a?code=x;y/z?", "/a?code=redacted"),
        ("/Books(ID=1;$top=2)", "/Books(ID=1;$top=2)"),
        (
            "https://app.example/login/callback?code=abc&state=xyz",
            "https://app.example/login/callback?code=redacted&state=redacted",
        ),
    ],
)
def test_secret_parameters_of_an_address_are_masked(target: str, masked: str) -> None:
    assert redact_target(target) == masked


@given(st.text(), st.text())
def test_a_token_never_survives(before: str, after: str) -> None:
    assert JWT not in redact(f"{before}{JWT}{after}")
    assert JWT not in redact_target(f"/{before}{JWT}{after}")
