"""Readiness is the sum of reported facts."""

from __future__ import annotations

from app.health.readiness import Check, Readiness


def test_a_process_is_ready_when_every_expected_check_holds() -> None:
    readiness = Readiness(["bindings", "xsuaa-keys"])
    assert not readiness.ready
    readiness.mark("bindings", True)
    assert not readiness.ready
    readiness.mark("xsuaa-keys", True)
    assert readiness.ready


def test_nothing_expected_is_ready() -> None:
    assert Readiness().ready


def test_the_last_report_counts() -> None:
    readiness = Readiness()
    readiness.mark("store", True)
    readiness.mark("store", False, "no connection")
    assert not readiness.healthy
    assert readiness.checks == {"store": Check(False, "no connection")}


def test_what_held_once_and_fails_later_does_not_take_the_process_away() -> None:
    readiness = Readiness(["store"])
    readiness.mark("store", False, "no connection")
    assert not readiness.ready
    readiness.mark("store", True)
    readiness.mark("store", False, "no connection")
    assert readiness.ready


def test_what_is_dispensable_shows_but_does_not_end_readiness() -> None:
    readiness = Readiness(["keys"])
    readiness.mark("keys", False, "none yet", dispensable=True)
    assert readiness.ready
    assert not readiness.healthy


def test_the_result_cannot_be_changed_from_outside() -> None:
    readiness = Readiness(["store"])
    readiness.checks.clear()
    assert not readiness.ready
