"""Answers of the connectivity proxy and the Cloud Connector, told from those of the backend."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backends.proxy_errors import BODY_LIMIT, SUSPECT, proxy_failure
from app.errors import Failure

LOCATION_MIX = (
    b"One of the headers [SAP-Connectivity-ConsumerAccount, SAP-Connectivity-SCC-Location_ID] was set with a different"
)
ALLOW = ((b"allow", b"GET, POST"),)


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (407, b"Missing or empty header: proxy-authorization", Failure.PROXY_TOKEN_REFUSED),
        (407, b"", Failure.PROXY_TOKEN_REFUSED),
        (405, b"Method not allowed: CONNECT is not supported", Failure.PROXY_METHOD_REFUSED),
        (400, LOCATION_MIX, Failure.PROXY_REFUSED),
        (400, b"Invalid Proxy Header: X", Failure.PROXY_REFUSED),
        (403, b"Access denied to resource /sap/x on system erp:8080.", Failure.RESOURCE_DENIED),
        (403, b"<html>Access denied to system erp:8080. In case", Failure.RESOURCE_DENIED),
        (502, b"Principal propagation forbidden for user A because", Failure.PROPAGATION_FORBIDDEN),
        (503, b"There is no SAP Cloud Connector (SCC) connected to your subaccount", Failure.NO_CLOUD_CONNECTOR),
        (503, b"There is no SAP Cloud Connector for this virtual host", Failure.NO_CLOUD_CONNECTOR),
    ],
)
def test_documented_answers_are_recognised(status: int, body: bytes, failure: Failure) -> None:
    assert proxy_failure(status, (), body) is failure
    assert status in SUSPECT


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"There is no SAP Cloud Connector"),
        (403, b"CSRF token validation failed"),
        (404, b"Access denied to resource"),
        (500, b"Access denied to resource"),
        (503, b"Backend is down for maintenance"),
        (405, b"Method PATCH not allowed here"),
        (403, b" " * BODY_LIMIT + b"Access denied to resource"),
    ],
)
def test_anything_else_is_the_backends_own(status: int, body: bytes) -> None:
    assert proxy_failure(status, (), body) is None


def test_a_405_with_allow_is_the_backends_own() -> None:
    assert proxy_failure(405, ALLOW, b"see http://help") is None


def test_a_missing_cloud_connector_stays_a_503_and_a_407_never_reaches_a_browser() -> None:
    assert Failure.NO_CLOUD_CONNECTOR.value.status == 503
    assert Failure.PROXY_TOKEN_REFUSED.value.status == 502


@given(st.integers(100, 599), st.binary(max_size=300))
def test_wild_answers_give_a_failure_only_for_suspect_statuses(status: int, body: bytes) -> None:
    assert proxy_failure(status, (), body) is None or status in SUSPECT
