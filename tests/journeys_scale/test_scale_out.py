"""Two instances share sessions: any of them serves any user, and what ends on one has ended on the other."""

from __future__ import annotations

import threading
import time

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.landscape.users import DEMO_PASSWORD
from app.sessions.service_sessions import signature
from tests.journeys.gateway import Gateway
from tests.journeys.person import Person
from tests.journeys_scale.conftest import Cloud, at, logged_in

Pair = tuple[Gateway, Gateway]
WHO_AM_I = "/cloud/sap/bc/rest/whoami"
BOUND = 15.0


def replayed(gateway: Gateway, session_id: str) -> int:
    """The status a script gets that shows this session id and nothing else."""
    headers = {"cookie": f"JSESSIONID={session_id}", "x-requested-with": "XMLHttpRequest"}
    return requests.get(gateway.url + WHO_AM_I, headers=headers, timeout=30).status_code


def test_a_session_goes_on_at_another_instance(pair: Pair) -> None:
    one, two = pair
    anna = logged_in(one)
    seen = anna.get(WHO_AM_I).json()
    assert at(anna, two).get(WHO_AM_I).json()["user"] == seen["user"]


def test_a_csrf_token_of_one_instance_is_good_at_another(pair: Pair) -> None:
    one, two = pair
    anna = logged_in(one)
    token = anna.get("/service/whoami", headers={"x-csrf-token": "fetch"}).headers["x-csrf-token"]
    at(anna, two)
    assert anna.post("/service/echo", data=b"1", headers={"x-csrf-token": token}).status_code != 403
    assert anna.post("/service/echo", data=b"1").status_code == 403


def test_a_login_may_come_back_to_another_instance(pair: Pair) -> None:
    one, two = pair
    anna = Person(one.url)
    asked = anna.get("/index.html", headers={"accept": "text/html"}, allow_redirects=False)
    there = requests.get(asked.headers["location"], timeout=30)
    form = {"request": there.text.split('name="request" value="')[1].split('"')[0], "user": "anna"}
    back = requests.post(requests.compat.urljoin(there.url, "/login.do"), data=form, timeout=30, allow_redirects=False)
    callback = back.headers["location"].removeprefix(one.url)
    same_host = {"host": f"localhost:{one.port}"}  # the router in front keeps it
    assert at(anna, two).get(callback, headers=same_host, allow_redirects=False).status_code == 302
    assert anna.get(WHO_AM_I).status_code == 200


def test_attack_53_an_id_known_before_the_login_is_worth_nothing_after_it(pair: Pair) -> None:
    """Case 53: the login gives a new id, whatever the browser had before."""
    planted = "f" * 43
    bob = Person(pair[1].url)
    bob.cookies.set("JSESSIONID", planted, domain="localhost.local", path="/")
    assert bob.login("bob").status_code == 200
    assert bob.cookies["JSESSIONID"] != planted
    assert [replayed(gateway, planted) for gateway in pair] == [401, 401]


def test_attack_61_a_logout_ends_the_session_everywhere(pair: Pair) -> None:
    """Case 61: the replayed cookie is worth nothing on any instance."""
    anna = logged_in(pair[0])
    session_id = anna.cookies["JSESSIONID"]
    assert [replayed(gateway, session_id) for gateway in pair] == [200, 200]
    anna.get("/logout")
    assert [replayed(gateway, session_id) for gateway in pair] == [401, 401]


def test_attack_61_web_sockets_on_other_instances_close_with_the_session(pair: Pair) -> None:
    """Case 61."""
    one, two = pair
    anna = logged_in(one)
    with _socket(two, anna) as socket:
        socket.recv()
        socket.send("still there")
        assert socket.recv() == "still there"
        anna.get("/logout")
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=BOUND)
        assert socket.close_code == 1008


def _socket(gateway: Gateway, person: Person) -> ClientConnection:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in person.cookies)
    headers = {"cookie": cookies, "origin": gateway.url}
    return connect(f"ws://localhost:{gateway.port}/service/ws", additional_headers=headers, proxy=None)


def test_attack_79_callers_without_a_session_leave_nothing_in_the_store(pair: Pair, cloud: Cloud) -> None:
    """Case 79: nothing is kept for those who are not logged in, whatever they send."""
    before = cloud.rows()
    with requests.Session() as nobody:
        for number in range(500):
            headers = {"cookie": f"JSESSIONID={number:043d}", "accept": "text/html" if number % 2 else "*/*"}
            answer = nobody.get(pair[0].url + WHO_AM_I, headers=headers, allow_redirects=False, timeout=30)
            assert answer.status_code in (302, 401)
    assert cloud.rows() == before


def test_an_instance_dies_under_load_and_nobody_notices(pair: Pair, cloud: Cloud) -> None:
    _, two = pair
    with cloud.instance() as dying:
        people = [logged_in(dying, user) for user in ("anna", "bob", "anna")]
        answers: list[int] = []
        threads = [threading.Thread(target=_work, args=(person, dying, two, answers)) for person in people]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        dying.kill()
        for thread in threads:
            thread.join()
    assert len(answers) == 3 * 40
    assert set(answers) == {200}


def _work(person: Person, first: Gateway, then: Gateway, answers: list[int]) -> None:
    """Forty requests; as the router in front does, those an instance does not answer go to another."""
    for _ in range(40):
        try:
            answers.append(at(person, first).get("/service/whoami").status_code)
        except requests.RequestException:  # also an answer that broke off
            first = then
            answers.append(at(person, then).get("/service/whoami").status_code)


def test_a_calling_service_has_one_csrf_token_on_all_instances(cloud: Cloud) -> None:
    variables = {
        "SVC2AR_STORE_CSRF_IN_EXTERNAL_SESSION": "true",
        "SVC2AR_EXTERNAL_SESSION_ID_SECRET": "signing",
        "SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED": "true",
    }
    password = requests.auth._basic_auth_str("anna.arnold@acme.example", DEMO_PASSWORD)
    headers = {
        "x-approuter-authorization": password,
        "x-approuter-ext-session-id": "jobs-1",
        "x-approuter-ext-session-id-sig": signature("jobs-1", "signing"),
        "x-approuter-ext-session-expiry": str(int(time.time()) + 600),
    }
    with cloud.instance(**variables) as one, cloud.instance(**variables) as two:
        fetch = headers | {"x-csrf-token": "fetch"}
        first = requests.get(one.url + "/service/whoami", headers=fetch, timeout=30)
        assert first.status_code == 200
        assert "JSESSIONID" in first.cookies
        token = first.headers["x-csrf-token"]
        again = requests.get(two.url + "/service/whoami", headers=fetch, timeout=30)
        assert (again.headers["x-csrf-token"], "JSESSIONID" in again.cookies) == (token, False)
        assert requests.post(two.url + "/service/echo", headers=headers, timeout=30).status_code == 403
        shown = requests.post(two.url + "/service/echo", headers=headers | {"x-csrf-token": token}, timeout=30)
        assert shown.status_code != 403
        assert replayed(one, first.cookies["JSESSIONID"]) == 401
