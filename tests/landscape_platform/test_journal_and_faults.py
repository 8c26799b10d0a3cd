"""The journal keeps order and no tokens; faults are on for what they were switched on for."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.landscape.faults import Fault, Faults, parse_fault
from app.landscape.journal import KEPT_ENTRIES, Journal, Station, correlation_id
from app.landscape.keys import SigningKey


def test_entries_come_in_order_and_can_be_asked_for_from_a_point_or_by_correlation() -> None:
    journal = Journal()
    journal.record(Station.XSUAA, "token", correlation_id="a")
    second = journal.record(Station.S4_CLOUD, "request", correlation_id="b", principal="anna", path="/x")
    third = journal.record(Station.XSUAA, "token", correlation_id="a")
    assert journal.entries(since=1) == [second, third]
    assert [entry.sequence for entry in journal.entries(correlation_id="a")] == [1, 3]
    assert journal.entries(station=Station.S4_CLOUD) == [second]
    assert second.as_json()["detail"] == {"path": "/x"}


def test_an_entry_cannot_be_changed() -> None:
    entry = Journal().record(Station.XSUAA, "token")
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.kind = "other"  # type: ignore[misc]


def test_the_journal_forgets_its_oldest_entries() -> None:
    journal = Journal()
    for _ in range(KEPT_ENTRIES + 5):
        journal.record(Station.XSUAA, "token")
    assert len(journal.entries()) == KEPT_ENTRIES
    assert journal.entries()[0].sequence == 6
    journal.clear()
    assert journal.record(Station.XSUAA, "token").sequence == KEPT_ENTRIES + 6


def test_a_token_in_a_detail_is_masked() -> None:
    token = SigningKey("k").sign({"sub": "x"}, {})
    entry = Journal().record(Station.XSUAA, "token", header=f"Bearer {token}", status=200)
    assert entry.detail == {"header": "Bearer <token>", "status": 200}


@pytest.mark.parametrize("name", ["X-CorrelationID", "x-correlation-id", "X-Request-Id", "x-vcap-request-id"])
def test_the_correlation_id_is_known_by_all_its_names(name: str) -> None:
    assert correlation_id({name: "c"}) == correlation_id([(name, "c"), ("other", "d")]) == "c"
    assert correlation_id({}) == ""


@given(st.sampled_from(Fault), st.text(min_size=1), st.text(min_size=1))
def test_a_fault_is_on_for_its_value_alone_or_for_all(fault: Fault, value: str, other: str) -> None:
    faults = Faults()
    faults.switch_on(fault, value)
    assert faults.is_on(fault, value)
    assert faults.is_on(fault, other) is (other == value or value == "*")
    faults.switch_off(fault, value)
    assert not faults.is_on(fault, value)
    faults.switch_on(fault)
    assert faults.is_on(fault, other)
    faults.clear()
    assert faults.active() == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slow=s4-onpremise", (Fault.SLOW, "s4-onpremise")),
        ("no-cloud-connector", (Fault.NO_CLOUD_CONNECTOR, "*")),
        ("no-cloud-connector=", (Fault.NO_CLOUD_CONNECTOR, "")),
        (" revoked-user = bob ", (Fault.REVOKED_USER, "bob")),
    ],
)
def test_faults_are_read_from_the_command_line(text: str, expected: tuple[Fault, str]) -> None:
    assert parse_fault(text) == expected


def test_an_unknown_fault_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="revoked-user"):
        parse_fault("gremlins=1")
