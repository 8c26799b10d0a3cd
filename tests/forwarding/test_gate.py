"""Bulkhead and circuit: how many requests may be under way, and when a backend is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backends.backend import Lane
from app.errors import Failure, GatewayError
from app.forwarding.gate import COUNTED, MAX_LANES, TELL_NOTHING, Admission, Gate, GateLimits

ERP = Lane("erp", "", "erp:443")
CRM = Lane("crm", "", "crm:443")
DOWN = Failure.BACKEND_UNREACHABLE


def refusal(gate: Gate, lane: Lane, now: float = 0.0) -> tuple[Failure, int]:
    """Failure and Retry-After with which the lane is refused."""
    with pytest.raises(GatewayError) as caught:
        gate.enter(lane, now)
    ((name, seconds),) = caught.value.headers
    assert name == b"retry-after"
    return caught.value.failure, int(seconds)


def suspended(failures: int = 3, rest: float = 5.0) -> Gate:
    """A gate whose ERP lane was suspended at 0.0."""
    gate = Gate(GateLimits(failures=failures, rest_seconds=rest))
    for _ in range(failures):
        gate.leave(gate.enter(ERP, 0.0), DOWN, 0.0)
    return gate


def test_a_full_lane_refuses_while_others_go_on() -> None:
    gate = Gate(GateLimits(per_lane=2))
    admissions = [gate.enter(ERP, 0.0) for _ in range(2)]
    assert refusal(gate, ERP) == (Failure.BACKEND_BUSY, 1)
    gate.leave(gate.enter(CRM, 0.0), None, 0.0)
    gate.leave(admissions[0], None, 0.0)
    gate.enter(ERP, 0.0)


def test_the_total_bounds_all_lanes() -> None:
    gate = Gate(GateLimits(total=2))
    gate.enter(ERP, 0.0)
    gate.enter(CRM, 0.0)
    assert refusal(gate, Lane("other", "", "other:443")) == (Failure.OVERLOADED, 1)
    assert gate.in_flight == 2


def test_failures_in_a_row_suspend_a_lane_and_tell_for_how_long() -> None:
    gate = suspended(rest=5.0)
    assert refusal(gate, ERP, 0.0) == (Failure.BACKEND_BROKEN, 5)
    assert refusal(gate, ERP, 3.0) == (Failure.BACKEND_BROKEN, 2)
    gate.enter(CRM, 0.0)


def test_the_message_about_a_suspended_lane_names_it(caplog: pytest.LogCaptureFixture) -> None:
    gate = suspended(rest=5.0)
    gate.leave(gate.enter(ERP, 6.0), None, 6.0)
    assert caplog.messages == [
        "destination 'erp' suspended for 5 s after 3 failures in a row", "destination 'erp' is back"
    ]  # fmt: skip


@pytest.mark.parametrize("between", [None, Failure.BACKEND_CLOSED, Failure.BACKEND_INVALID, Failure.RESOURCE_DENIED])
def test_an_answer_of_any_kind_ends_the_row(between: Failure | None) -> None:
    gate = Gate(GateLimits(failures=3))
    for failure in (DOWN, DOWN, between, DOWN, DOWN):
        gate.leave(gate.enter(ERP, 0.0), failure, 0.0)
    gate.enter(ERP, 0.0)


@pytest.mark.parametrize("between", sorted(TELL_NOTHING, key=str))
def test_who_has_learnt_nothing_does_not_end_the_row(between: Failure) -> None:
    gate = Gate(GateLimits(failures=3))
    for failure in (DOWN, DOWN, between, DOWN):
        gate.leave(gate.enter(ERP, 0.0), failure, 0.0)
    assert refusal(gate, ERP)[0] is Failure.BACKEND_BROKEN


def test_after_its_rest_one_probe_goes_through_and_reopens_the_lane() -> None:
    """Case 78."""
    gate = suspended()
    probe = gate.enter(ERP, 6.0)
    for _ in range(100):
        assert refusal(gate, ERP, 6.0) == (Failure.BACKEND_BROKEN, 1)
    gate.leave(probe, None, 6.1)
    assert [gate.enter(ERP, 6.1).probe for _ in range(3)] == [False, False, False]


def test_a_probe_that_fails_begins_another_rest() -> None:
    gate = suspended(rest=5.0)
    gate.leave(gate.enter(ERP, 6.0), DOWN, 7.0)
    assert refusal(gate, ERP, 7.0) == (Failure.BACKEND_BROKEN, 5)
    assert gate.enter(ERP, 12.0).probe


@pytest.mark.parametrize("failure", sorted(TELL_NOTHING, key=str))
def test_a_probe_that_learns_nothing_leaves_its_place_to_the_next(failure: Failure) -> None:
    gate = suspended()
    gate.leave(gate.enter(ERP, 6.0), failure, 6.0)
    assert gate.enter(ERP, 6.0).probe
    assert refusal(gate, ERP, 6.0)[0] is Failure.BACKEND_BROKEN


def test_one_who_was_under_way_before_does_not_let_a_second_probe_through() -> None:
    """Case 78."""
    gate = Gate(GateLimits(failures=1))
    early = [gate.enter(ERP, 0.0) for _ in range(3)]
    gate.leave(early[0], DOWN, 0.0)
    gate.enter(ERP, 6.0)
    gate.leave(early[1], Failure.CLIENT_GONE, 6.0)
    assert refusal(gate, ERP, 6.0)[0] is Failure.BACKEND_BROKEN
    gate.leave(early[2], DOWN, 6.0)
    assert refusal(gate, ERP, 12.0)[0] is Failure.BACKEND_BROKEN  # the first one is still under way


def test_lanes_come_and_go_without_end() -> None:
    gate = Gate(GateLimits())
    for number in range(MAX_LANES * 2):
        gate.leave(gate.enter(Lane(f"d{number}", "", "a:1"), 0.0), None, 0.0)
    assert gate.in_flight == 0


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([None, *sorted(COUNTED | TELL_NOTHING, key=str)]), st.floats(0, 4))
    )
)
def test_gauges_and_probes_over_any_course(steps: list[tuple[bool, Failure | None, float]]) -> None:
    """However requests come and end: never two probes, never more than allowed, and back to zero."""
    gate = Gate(GateLimits(per_lane=4, failures=2, rest_seconds=2.0))
    under_way: list[Admission] = []
    now = 0.0
    for enters, failure, seconds in steps:
        now += seconds
        if enters:
            try:
                under_way.append(gate.enter(ERP, now))
            except GatewayError as error:
                assert error.failure in (Failure.BACKEND_BUSY, Failure.BACKEND_BROKEN)  # noqa: PT017
        elif under_way:
            gate.leave(under_way.pop(0), failure, now)
        assert sum(admission.probe for admission in under_way) <= 1
        assert gate.in_flight == len(under_way) <= 4
    for admission in under_way:
        gate.leave(admission, None, now)
    assert gate.in_flight == 0
