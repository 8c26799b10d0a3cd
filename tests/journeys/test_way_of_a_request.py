"""The main job: from the login to data of every kind of system, as the right user."""

from __future__ import annotations

from app.landscape.journal import Station
from tests.journeys.conftest import Site

ANNA, BOB = "anna.arnold@acme.example", "bob.berger@acme.example"
PRODUCTS = "/sap/opu/odata/sap/ZSHOP_SRV/Products?$format=json"
CLOUD_PRODUCTS = "/sap/opu/odata4/sap/api_shop/srvd_a2x/sap/shop/0001/Products"
WHO_AM_I = "/sap/bc/rest/whoami"


def test_the_login_leads_back_to_the_page_that_was_asked_for(site: Site) -> None:
    person = site.person()
    page = person.login("anna", "/index.html?from=mail")
    assert (page.status_code, page.url) == (200, f"{site.gateway.url}/index.html?from=mail")
    assert "One page, two systems" in page.text
    [session] = [cookie for cookie in person.cookies if cookie.name == "JSESSIONID"]
    assert session.has_nonstandard_attr("HttpOnly")
    assert "code=" not in page.url


def test_who_is_not_logged_in_gets_no_data(site: Site) -> None:
    stranger = site.person()
    for path in ("/onpremise" + PRODUCTS, "/cloud" + CLOUD_PRODUCTS, "/service/whoami", "/user-api/currentUser"):
        answer = stranger.get(path, headers={"x-requested-with": "XMLHttpRequest"})
        assert (answer.status_code, answer.headers["x-error-origin"]) == (401, "session")


def test_data_on_premise_are_read_as_the_user(site: Site) -> None:
    anna = site.person("anna")
    answer = anna.get("/onpremise" + PRODUCTS)
    assert [row["ProductID"] for row in answer.json()["d"]["results"]][:1] == ["HT-1000"]
    assert anna.get("/onpremise" + WHO_AM_I).json()["user"] == ANNA


def test_data_in_the_cloud_are_read_as_the_user_or_as_the_technical_user(site: Site) -> None:
    anna = site.person("anna")
    answer = anna.get("/cloud" + CLOUD_PRODUCTS)
    assert answer.json()["value"][0]["ProductID"] == "HT-1000"
    assert anna.get("/cloud" + WHO_AM_I).json()["user"] == ANNA
    assert anna.get("/cloud-basic" + WHO_AM_I).json()["user"] == "COMM_USER"


def test_the_microservice_sees_the_users_own_token(site: Site) -> None:
    assert BOB in site.person("bob").get("/service/whoami").text


def test_users_in_turn_are_each_seen_as_themselves_everywhere(site: Site) -> None:
    people = {ANNA: site.person("anna"), BOB: site.person("bob")}
    for _ in range(5):
        for email, person in people.items():
            assert person.get("/onpremise" + WHO_AM_I).json()["user"] == email
            assert person.get("/cloud" + WHO_AM_I).json()["user"] == email
            assert person.get("/user-api/currentUser").json()["email"] == email
    assert site.landscape.proxy.violations == []


def test_one_correlation_id_marks_the_whole_way(site: Site) -> None:
    anna = site.person("anna")
    answer = anna.get("/onpremise" + WHO_AM_I, headers={"x-correlationid": "journey-1"})
    assert answer.headers["x-correlationid"] == "journey-1"
    [seen] = site.landscape.journal.entries(correlation_id="journey-1", station=Station.S4_ONPREMISE)
    assert (seen.principal, seen.detail["by"], seen.detail["authorization"]) == (ANNA, "certificate", False)


def test_after_the_logout_the_session_is_worth_nothing(site: Site) -> None:
    anna = site.person("anna")
    cookie = anna.cookies["JSESSIONID"]
    page = anna.open("/logout")
    assert page.url == f"{site.gateway.url}/public/logged-out.html"
    assert "JSESSIONID" not in anna.cookies
    stolen = site.person()
    headers = {"cookie": f"JSESSIONID={cookie}", "x-requested-with": "XMLHttpRequest"}
    assert stolen.get("/onpremise" + WHO_AM_I, headers=headers).status_code == 401
    assert "Log in to acme" in anna.open("/index.html").text
