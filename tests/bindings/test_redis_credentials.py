from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from pydantic import ValidationError

from app.bindings.redis_credentials import RedisCredentials


def read(**fields: Any) -> RedisCredentials:
    return RedisCredentials.model_validate(fields)


def test_the_fields_of_the_service() -> None:
    found = read(hostname="redis.example", port="6380", password="p", tls=True, cluster_mode=True, uri="ignored")
    assert (found.hostname, found.port, found.password, found.tls, found.cluster_mode) == (
        "redis.example", 6380, "p", True, True,
    )  # fmt: skip


def test_a_mounted_binding_is_all_text() -> None:
    found = read(
        hostname="redis.example", port="6379", password="p", tls="true", cluster_mode="false", sentinel_nodes="", uri=""
    )
    assert (found.tls, found.cluster_mode, found.sentinel_nodes) == (True, False, ())


def test_an_uri_fills_what_is_not_said() -> None:
    found = read(uri="rediss://user:p%40ss@redis.example:6390/0")
    assert (found.hostname, found.port, found.username, found.password, found.tls) == (
        "redis.example", 6390, "user", "p@ss", True,
    )  # fmt: skip
    assert read(uri="redis://redis.example", hostname="other.example", tls=True).hostname == "other.example"


@pytest.mark.parametrize(
    ("uri", "master"),
    [
        ("redis://:p@one.example:26379/sessions", "sessions"),
        ("redis-sentinel://:p@one.example:26379,two.example:26379?sentinelMasterId=sessions", "sessions"),
        ("redis-sentinel://:p@one.example:26379,two.example:26379/0#sessions", "sessions"),
        ("redis://:p@one.example:26379/0", "mymaster"),
        ("redis://:p@one.example", "mymaster"),
    ],
)
def test_sentinels_and_the_masters_name(uri: str, master: str) -> None:
    found = read(sentinel_nodes='[{"hostname": "one.example", "port": 26379}]', uri=uri, password="p")
    assert [(node.hostname, node.port) for node in found.sentinel_nodes] == [("one.example", 26379)]
    assert found.master == master


def test_authorities_are_decoded() -> None:
    assert read(hostname="h", ca_base64=b64encode(b"PEM").decode()).authorities == "PEM"
    assert read(hostname="h").authorities == ""


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"password": "p"},
        {"hostname": "h", "port": "many"},
        {"hostname": "h", "ca_base64": "?"},
        {"hostname": "h", "tls": "perhaps"},
        {"hostname": "h", "sentinel_nodes": "["},
        {"hostname": "h", "sentinel_nodes": [{"port": 1}]},
    ],
)
def test_what_leads_nowhere_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RedisCredentials.model_validate(fields)


def test_secrets_do_not_show() -> None:
    found = read(hostname="h", password="very-secret", uri="redis://:very-secret@h")
    assert "very-secret" not in repr(found)
