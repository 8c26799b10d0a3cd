from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from app.answer import Answer
from app.errors import Failure, GatewayError
from app.landscape.certificates import CertificateAuthority
from app.login.tenant import TenantOptions, TenantResolver
from app.observability.redaction import redact
from app.request_head import RequestHead
from app.subscriptions.callback_path import parse_callback
from app.subscriptions.callbacks import SubscriptionCallbacks
from app.subscriptions.callers import CertificateGuard, ScopeGuard
from app.subscriptions.distinguished_name import parse_name
from app.subscriptions.services import Kind, SubscriptionService
from app.tokens.verifier import Verifier
from tests.tokens.token_server import credentials

PATTERN = r"^(.*)\.shop\.(cert\.)?cloud\.example"
CERTIFICATE = CertificateAuthority().client_pair("manager").certificate
SHOWN = b64encode(CERTIFICATE.public_bytes(Encoding.DER)).decode()
NAME = parse_name({"CN": "*", "O": "Landscape", "C": "DE"})
REGISTRY_BODY = {"subscribedTenantId": "t-1", "subscribedSubdomain": "globex", "more": {}}
MANAGER_BODY = {"rootApplication": {}, "subscriber": {"app_tid": "t-1", "subaccountSubdomain": "globex"}}


class Anybody:
    async def check(self, head: RequestHead) -> None:
        """Everybody may call."""


class Nobody:
    async def check(self, head: RequestHead) -> None:
        raise GatewayError(Failure.SCOPE_MISSING)


def callbacks(guard: Any = None, kind: Kind = Kind.REGISTRY) -> SubscriptionCallbacks:
    host = "https://acme.shop.cert.cloud.example"
    service = SubscriptionService(kind, parse_callback(f"{host}/deps"), parse_callback(f"{host}/tenants/{{id}}"))
    options = TenantOptions(host_pattern=PATTERN)
    tenants = TenantResolver(options, credentials("https://acme.auth.example", tenantmode="shared"))
    told = {kind: [{"xsappname": f"{kind.value}!b1"}]}
    return SubscriptionCallbacks({kind: (service, guard or Anybody())}, told, tenants)


def body_of(document: object) -> Callable[[], Awaitable[dict[str, Any]]]:
    pieces = [document if isinstance(document, bytes) else json.dumps(document).encode(), b""]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return receive


def call(
    method: str,
    target: str,
    document: object = None,
    host: str = "acme.shop.cloud.example",
    used: SubscriptionCallbacks | None = None,
    **headers: str,
) -> Answer | None:
    pairs = [(b"host", host.encode()), (b"x-forwarded-proto", b"https")]
    pairs += [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    head = RequestHead(method, target, pairs)
    return asyncio.run((used or callbacks()).answer(head, body_of(document)))


def test_other_addresses_are_none_of_its_business() -> None:
    for target in ("/", "/dep", "/deps/x", "/tenants/", "/tenants/a/b"):
        assert call("GET", target) is None


def test_dependencies_are_told() -> None:
    for kind in Kind:
        answer = call("GET", "/deps?tenantId=t-1", used=callbacks(kind=kind))
        assert answer is not None
        assert json.loads(answer.body) == [{"xsappname": f"{kind.value}!b1"}]


@pytest.mark.parametrize(
    ("host", "query", "url"),
    [
        ("acme.shop.cloud.example", "", "https://globex.shop.cloud.example"),
        ("acme.shop.cert.cloud.example", "", "https://globex.shop.cloud.example"),
        (
            "acme.shop.cert.cloud.example",
            "?application.url=https://acme.shop.cloud.example:8443/start?a=b",
            "https://globex.shop.cloud.example:8443/start?a=b",
        ),
    ],
)
def test_the_registry_is_told_the_subscribers_address_as_plain_text(host: str, query: str, url: str) -> None:
    answer = call("PUT", "/tenants/t-1" + query, REGISTRY_BODY, host)
    assert answer is not None
    assert (answer.status, answer.body.decode()) == (200, url)
    assert dict(answer.headers)[b"content-type"].startswith(b"text/plain")


def test_the_manager_is_told_the_subscribers_address_as_json() -> None:
    answer = call("PUT", "/tenants/t-1", MANAGER_BODY, used=callbacks(kind=Kind.MANAGER))
    assert answer is not None
    assert json.loads(answer.body) == {"applicationUrl": "https://globex.shop.cloud.example"}


def test_a_subscriber_may_leave() -> None:
    answer = call("DELETE", "/tenants/t-1?subscriptionGUID=g")
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize(
    ("target", "document"),
    [
        ("/tenants/t-1", b""),
        ("/tenants/t-1", b"{"),
        ("/tenants/t-1", []),
        ("/tenants/t-1", {"subscribedTenantId": "t-1"}),
        ("/tenants/t-1", {**REGISTRY_BODY, "subscribedSubdomain": 7}),
        ("/tenants/t-2", REGISTRY_BODY),
        ("/tenants/t-1", {**REGISTRY_BODY, "subscribedSubdomain": "evil.example/"}),
        ("/tenants/t-1", {**REGISTRY_BODY, "subscribedSubdomain": ""}),
        ("/tenants/t-1?application.url=ftp://acme.shop.cloud.example", REGISTRY_BODY),
        ("/tenants/t-1?application.url=https://elsewhere.example", REGISTRY_BODY),
        ("/tenants/t-1?application.url=https://user@acme.shop.cloud.example", REGISTRY_BODY),
        ("/tenants/t-1?application.url=https://[acme", REGISTRY_BODY),
        ("/tenants/t-1?" + "a=b&" * 50, REGISTRY_BODY),
        ("/tenants/t-1", b" " * 70_000),
    ],
)
def test_what_cannot_be_made_out_is_refused(target: str, document: object) -> None:
    with pytest.raises(GatewayError) as caught:
        call("PUT", target, document)
    assert caught.value.failure is Failure.BAD_REQUEST


@pytest.mark.parametrize(("method", "target"), [("POST", "/deps"), ("GET", "/tenants/t-1")])
def test_other_methods_are_refused(method: str, target: str) -> None:
    with pytest.raises(GatewayError) as caught:
        call(method, target)
    assert caught.value.failure is Failure.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(("method", "target"), [("GET", "/deps"), ("PUT", "/tenants/t-1"), ("DELETE", "/tenants/t-1")])
def test_nothing_is_answered_or_read_before_the_guard(method: str, target: str) -> None:
    with pytest.raises(GatewayError) as caught:
        call(method, target, b"{", used=callbacks(Nobody()))
    assert caught.value.failure is Failure.SCOPE_MISSING


def test_the_registry_is_told_what_it_lacks_and_redaction_leaves_it_readable() -> None:
    guard = ScopeGuard(cast(Verifier, None), "shop!t1", "provider")
    with pytest.raises(GatewayError) as caught:
        call("GET", "/deps", used=callbacks(guard))
    assert caught.value.failure is Failure.TOKEN_REFUSED
    assert redact(caught.value.detail) == caught.value.detail == "the callback needs a token in Authorization"


def certified(**headers: str) -> None:
    """A call to the manager's callback on Cloud Foundry."""
    guard = CertificateGuard(
        "X-Forwarded-Client-Cert", NAME, NAME, ("acme.shop.cert.cloud.example", "acme.shop.example")
    )
    host = headers.pop("host", "acme.shop.cert.cloud.example")
    call("DELETE", "/tenants/t-1", host=host, used=callbacks(guard, Kind.MANAGER), **headers)


@pytest.mark.parametrize("host", ["acme.shop.cert.cloud.example", "Acme.Shop.cert.cloud.example:443"])
def test_the_manager_shows_its_certificate(host: str) -> None:
    certified(x_forwarded_client_cert=SHOWN, host=host)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_forwarded_client_cert": "junk"},
        {"x_other_cert": SHOWN},
        {"x_forwarded_client_cert": SHOWN, "host": "acme.shop.cloud.example"},
        {"x_forwarded_client_cert": SHOWN, "host": "acme.shop.example"},
        {"x_forwarded_client_cert": SHOWN, "host": "made-up.cert.custom.example"},
        {"x_forwarded_client_cert": SHOWN, "host": "other.shop.cert.cloud.example"},
    ],
    ids=[
        "none",
        "junk",
        "another header",
        "a host the platform checks no certificates for",
        "such a host in the binding",
        "a host of a domain of our own, named alike",
        "another tenant's host",
    ],
)
def test_attack_43_without_it_nobody_passes(headers: dict[str, str]) -> None:
    """Attack 43: a certificate header that the platform's router did not write proves nothing."""
    with pytest.raises(GatewayError) as caught:
        certified(**headers)
    assert caught.value.failure is Failure.CERTIFICATE_REFUSED


def test_without_names_in_the_binding_no_certificate_will_do() -> None:
    guard = CertificateGuard("x-forwarded-client-cert", None, NAME, None)
    with pytest.raises(GatewayError) as caught:
        call("GET", "/deps", used=callbacks(guard, Kind.MANAGER), x_forwarded_client_cert=SHOWN)
    assert caught.value.failure is Failure.CERTIFICATE_REFUSED


def test_elsewhere_the_header_and_the_host_are_what_the_cluster_says() -> None:
    guard = CertificateGuard("ssl-client-cert", NAME, NAME, None)
    assert call("GET", "/deps", used=callbacks(guard, Kind.MANAGER), ssl_client_cert=SHOWN) is not None
