from __future__ import annotations

from app.backends.backend import Backend
from app.principal import UserCaller
from app.routing.reference import DestinationReference
from app.sessions.session import Session
from app.transport.pool_key import DirectKey
from tests.sessions.store_contract import TOKEN, Clock, new_session


def test_a_renewed_token_forgets_what_was_prepared_with_the_old_one() -> None:
    session = new_session(Clock())
    session.prepared[DestinationReference("erp")] = Backend("erp", DirectKey("erp.example", 443), b"erp.example")
    session.renew(UserCaller(TOKEN), "refresh-2", 7.0)
    assert session.prepared == {}
    assert (session.refresh_token, session.attention_at) == ("refresh-2", 7.0)


def test_a_csrf_token_is_made_once_and_differs_between_sessions() -> None:
    first, second = new_session(Clock()), new_session(Clock())
    assert first.csrf_token == ""
    assert first.make_csrf_token() == first.make_csrf_token() == first.csrf_token
    assert first.csrf_token != second.make_csrf_token()


def test_attack_61_watchers_learn_of_the_end_once() -> None:
    session: Session = new_session(Clock())
    heard: list[str] = []

    def kept() -> None:
        heard.append("kept")

    def forgotten() -> None:
        heard.append("forgotten")

    session.watch(kept)
    session.watch(forgotten)
    session.unwatch(forgotten)
    session.end()
    session.end()
    assert heard == ["kept"]
    session.watch(forgotten)
    assert heard == ["kept", "forgotten"]
