"""A configuration is served whole or refused with all that is wrong with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.composition.answers import compose_own_endpoints
from app.composition.platform import compose_platform
from app.configuration import Configuration, load_configuration
from app.destination_url import DestinationUrl
from app.problem import ConfigurationError, Problem, json_path, shown
from app.routing.route import AuthenticationType
from app.settings.settings import Settings, variable_names
from app.transport.pool_key import TlsIdentity
from app.transport.tls import TlsContexts
from tests.tokens.certificates import Authority

ONE = {"source": "^/x", "destination": "one"}
UAA = {
    "name": "uaa",
    "label": "xsuaa",
    "tags": ["xsuaa"],
    "credentials": {
        "clientid": "sb-x",
        "clientsecret": "hidden-secret",
        "url": "https://acme.authentication.example",
        "uaadomain": "authentication.example",
        "xsappname": "shop!t1",
    },
}
DESTINATION = {
    "name": "dest",
    "label": "destination",
    "tags": ["destination"],
    "credentials": {"clientid": "c", "clientsecret": "s", "url": "https://a.example", "uri": "https://d.example"},
}
CONNECTIVITY = {
    "name": "conn",
    "label": "connectivity",
    "tags": ["connectivity"],
    "credentials": {"clientid": "c", "clientsecret": "s", "url": "https://a.example", "onpremise_proxy_host": "proxy"},
}


def environment(*services: dict[str, Any], **variables: object) -> dict[str, str]:
    """An environment with these services bound and the destination `one`."""
    vcap: dict[str, list[object]] = {}
    for service in services:
        vcap.setdefault(service["label"], []).append(service)
    values: dict[str, object] = {"VCAP_SERVICES": vcap, "destinations": [{"name": "one", "url": "http://localhost:1"}]}
    values.update(variables)
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def loaded(workdir: Path, document: object, environ: dict[str, str] | None = None) -> Configuration:
    (workdir / "resources").mkdir(exist_ok=True)
    (workdir / "xs-app.json").write_text(json.dumps(document), encoding="utf-8")
    return load_configuration(workdir, environment(UAA) if environ is None else environ)


def refused(workdir: Path, document: object, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(workdir, document, environ)
    return tuple(caught.value.problems)


def places(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.where, problem.path) for problem in problems]


def public(**change: Any) -> dict[str, Any]:
    return {"authenticationMethod": "none", "routes": [{**ONE, **change}]}


def test_a_sound_configuration_is_complete(tmp_path: Path) -> None:
    environ = environment(UAA, DESTINATION, VCAP_APPLICATION={"application_name": "shop"}, SESSION_TIMEOUT="40")
    configuration = loaded(tmp_path, {"sessionTimeout": 10, "routes": [{**ONE, "scope": "$XSAPPNAME.r"}]}, environ)
    route, implicit = configuration.routes.routes
    assert configuration.services.xsuaa is not None
    assert configuration.services.destination is not None
    assert configuration.application.name == "shop"
    assert configuration.session_timeout == 40
    assert route.authentication is AuthenticationType.XSUAA
    assert route.scopes is not None
    assert route.scopes.default == frozenset({"shop!t1.r"})
    assert implicit.implicit
    assert configuration.destinations["one"].url == DestinationUrl(False, "localhost", 1)
    assert configuration.notes == ()
    assert "hidden-secret" not in repr(configuration)


def test_without_descriptor_the_file_and_the_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(tmp_path, {})
    (problem,) = caught.value.problems
    assert problem.where == "xs-app.json"
    assert str(tmp_path) in problem.message


def test_problems_of_all_parts_come_at_once(tmp_path: Path) -> None:
    document = {"wrong": 1, "routes": [{"destination": "one"}, {"source": "^/f", "localDir": "nope"}]}
    environ = environment(PORT="abc", COOKIES={"SameSite": "Strict"}, VCAP_APPLICATION="{")
    assert set(places(refused(tmp_path, document, environ))) == {
        ("PORT", ""),
        ("COOKIES", "$.SameSite"),
        ("VCAP_APPLICATION", ""),
        ("xs-app.json", "$.wrong"),
        ("xs-app.json", "$.routes[0].source"),
        ("xs-app.json", "$.routes[1].localDir"),
        ("xs-app.json", "$.routes[1].authenticationType"),
    }


def test_an_unknown_destination_is_refused(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, public(destination="nowhere"))
    assert (problem.path, problem.value) == ("$.routes[0].destination", '"nowhere"')
    assert "one" in problem.message


def test_with_the_destination_service_any_destination_may_exist(tmp_path: Path) -> None:
    document = {**public(destination="elsewhere"), "destinations": {"other": {}}}
    configuration = loaded(tmp_path, document, environment(DESTINATION))
    assert configuration.routes.match("GET", "/x").destination == "elsewhere"


def test_dynamic_destinations_are_not_looked_up(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, public(source="^/([^/]+)/", destination="$1"))
    assert configuration.routes.match("GET", "/anything/x").destination == "anything"


def test_a_destination_from_the_host_needs_its_pattern(tmp_path: Path) -> None:
    assert places(refused(tmp_path, public(destination="*"))) == [("xs-app.json", "$.routes[0].destination")]
    loaded(tmp_path, public(destination="*"), environment(DESTINATION_HOST_PATTERN="^(.*)\\.example$"))


def test_options_for_an_unknown_destination_are_refused(tmp_path: Path) -> None:
    assert places(refused(tmp_path, {**public(), "destinations": {"ghost": {}}})) == [
        ("xs-app.json", "$.destinations.ghost")
    ]


def test_a_plugin_is_a_route_before_those_of_the_file(tmp_path: Path) -> None:
    plugin = {"name": "p", "source": "^/plugin", "destination": "one"}
    configuration = loaded(tmp_path, public(), environment(plugins=[plugin]))
    assert [route.source for route in configuration.routes.routes] == ["^/plugin", "^/x", "^/(.*)$"]
    (problem,) = refused(tmp_path, public(), environment(plugins=[{**plugin, "destination": "nowhere"}]))
    assert (problem.where, problem.path) == ("plugins", "$[0].destination")


@pytest.mark.parametrize("kind", ["xsuaa", "basic", None])
def test_a_protected_route_needs_an_authentication_service(tmp_path: Path, kind: str | None) -> None:
    route = {**ONE, "authenticationType": kind} if kind else ONE
    assert places(refused(tmp_path, {"routes": [route]}, environment())) == [
        ("xs-app.json", "$.routes[0].authenticationType")
    ]


def test_an_ias_route_needs_the_identity_service(tmp_path: Path) -> None:
    assert refused(tmp_path, {"routes": [{**ONE, "authenticationType": "ias"}]})


def test_public_routes_need_no_service(tmp_path: Path) -> None:
    for document in ({"routes": [{**ONE, "authenticationType": "none"}]}, public(authenticationType="xsuaa")):
        assert loaded(tmp_path, document, environment()).routes.routes[0].is_public


def test_uaa_service_name_selects_the_binding(tmp_path: Path) -> None:
    binding = {**UAA, "label": "user-provided", "tags": [], "name": "my-uaa"}
    configuration = loaded(tmp_path, {"routes": [ONE]}, environment(binding, UAA_SERVICE_NAME="my-uaa"))
    assert configuration.services.xsuaa is not None


@pytest.mark.parametrize("folder", ["no-such-folder", "../", "/tmp", "resources/../.."])
def test_a_served_folder_exists_inside_of_the_working_directory(tmp_path: Path, folder: str) -> None:
    (problem,) = refused(tmp_path, {"routes": [{"source": "^/x", "localDir": folder}]})
    assert problem.path == "$.routes[0].localDir"
    assert folder in problem.value


def test_a_link_out_of_the_working_directory_is_refused(tmp_path: Path) -> None:
    workdir = tmp_path / "app"
    (tmp_path / "outside").mkdir()
    workdir.mkdir()
    (workdir / "link").symlink_to(tmp_path / "outside")
    assert refused(workdir, {"routes": [{"source": "^/x", "localDir": "link"}]})


COUNTRY: dict[str, Any] = {
    "label": "country",
    "name": "c",
    "credentials": {
        "sap.cloud.service": "com.c",
        "sap.cloud.service.alias": "cty",
        "endpoints": {"a": "https://country.example"},
        "uaa": UAA["credentials"],
    },
}
REPOSITORY: dict[str, Any] = {
    "label": "html5-apps-repo",
    "plan": "app-runtime",
    "name": "repo",
    "credentials": {"uri": "https://repo.example", "uaa": UAA["credentials"]},
}


def test_services_of_routes_are_bound_with_their_endpoint(tmp_path: Path) -> None:
    route = {"source": "^/x", "service": "com.c"}
    environ = environment(UAA, COUNTRY)
    assert refused(tmp_path, {"routes": [route]})[0].path == "$.routes[0].service"
    loaded(tmp_path, {"routes": [{**route, "endpoint": "a"}, {**route, "service": "cty", "endpoint": "a"}]}, environ)
    assert refused(tmp_path, {"routes": [{**route, "endpoint": "b"}]}, environ)[0].path == "$.routes[0].endpoint"
    (problem,) = refused(tmp_path, {"routes": [route]}, environ)
    assert "has to name an endpoint" in problem.message
    loaded(tmp_path, {"routes": [{"source": "^/u", "service": "sap-approuter-userapi"}]})


def test_the_repository_is_its_runtime_not_a_host_of_applications(tmp_path: Path) -> None:
    document = {"routes": [{"source": "^/h", "service": "html5-apps-repo-rt"}]}
    host = {"label": "html5-apps-repo", "plan": "app-host", "name": "host", "credentials": {"app_host_id": "g"}}
    assert refused(tmp_path, document, environment(UAA, host))[0].path == "$.routes[0].service"
    repository = loaded(tmp_path, document, environment(UAA, host, REPOSITORY)).services.html5_repository
    assert repository is not None
    assert repository.uri == "https://repo.example"


def test_the_repository_has_an_address(tmp_path: Path) -> None:
    odd = {**REPOSITORY, "credentials": {**REPOSITORY["credentials"], "uri": "repo.example"}}
    assert [problem.path for problem in refused(tmp_path, public(), environment(UAA, odd))] == ["$.credentials.uri"]


def test_services_that_are_logged_out_are_bound(tmp_path: Path) -> None:
    def document(**options: str) -> dict[str, Any]:
        return {**public(), "services": {"com.c": {"logoutPath": "/bye", **options}}}

    (problem,) = refused(tmp_path, document(endpoint="a"))
    assert problem.path == "$.services['com.c']"
    loaded(tmp_path, document(endpoint="a"), environment(UAA, COUNTRY))
    assert refused(tmp_path, document(endpoint="b"), environment(UAA, COUNTRY))


def test_a_binding_that_routes_name_is_checked_once(tmp_path: Path) -> None:
    broken = {**COUNTRY, "credentials": {**COUNTRY["credentials"], "grant_type": "mtls", "cert": "c"}}
    route = {"source": "^/x", "service": "com.c", "endpoint": "a"}
    (problem,) = refused(tmp_path, {"routes": [route, route]}, environment(UAA, broken))
    assert problem.path == "$.credentials.key"
    loaded(tmp_path, public(), environment(UAA, broken))  # nobody names it: it is not ours to judge


def test_a_name_that_several_bindings_have_is_refused_where_it_is_used(tmp_path: Path) -> None:
    bound = environment(UAA, COUNTRY, {**COUNTRY, "name": "c2"})
    route = {"source": "^/x", "service": "com.c", "endpoint": "a"}
    document = {"routes": [route], "services": {"cty": {"logoutPath": "/bye", "endpoint": "a"}}}
    problems = refused(tmp_path, document, bound)
    assert [problem.path for problem in problems] == ["$.routes[0].service", "$.services.cty"]
    assert all("(c, c2 have this one)" in problem.message for problem in problems)
    loaded(tmp_path, public(), bound)


def test_patterns_of_direct_routing_are_checked(tmp_path: Path) -> None:
    assert places(refused(tmp_path, public(), environment(DIRECT_ROUTING_URI_PATTERNS=["("]))) == [
        ("DIRECT_ROUTING_URI_PATTERNS", "$[0]")
    ]


def test_on_premise_needs_the_connectivity_service(tmp_path: Path) -> None:
    destinations = [{"name": "one", "url": "http://erp.corp:8080", "proxyType": "OnPremise"}]
    (problem,) = refused(tmp_path, public(), environment(UAA, destinations=destinations))
    assert (problem.where, problem.path) == ("destinations", "$[0].proxyType")
    assert "connectivity" in problem.message
    loaded(tmp_path, public(), environment(UAA, CONNECTIVITY, destinations=destinations))


def test_files_that_are_named_exist(tmp_path: Path) -> None:
    problems = refused(
        tmp_path,
        {**public(), "errorPage": [{"status": 404, "file": "none.html"}, {"status": 500, "file": "xs-app.json"}]},
        environment(XS_CACERT_PATH=str(tmp_path / "none.pem")),
    )
    assert places(problems) == [("xs-app.json", "$.errorPage[0].file"), ("XS_CACERT_PATH", "")]


@pytest.mark.parametrize(
    "content", ["junk", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None]
)
def test_a_file_without_certificates_is_refused_or_left_out(tmp_path: Path, content: str | None) -> None:
    """The reference's own variable has to name certificates; Node's only gets a note, as from Node."""
    odd, good = tmp_path / "odd.pem", tmp_path / "good.pem"
    good.write_text(Authority().pem)
    if content is not None:
        odd.write_text(content)
    (problem,) = refused(tmp_path, public(), environment(XS_CACERT_PATH=f"{good}{os.pathsep}{odd}"))
    assert (problem.where, problem.value) == ("XS_CACERT_PATH", shown(str(odd)))
    configuration = loaded(tmp_path, public(), environment(XS_CACERT_PATH=str(good), NODE_EXTRA_CA_CERTS=str(odd)))
    assert [note.variable for note in configuration.notes] == ["NODE_EXTRA_CA_CERTS"]
    assert shown(str(odd)) in configuration.notes[0].message
    files = compose_platform(configuration).ca_files
    assert files == (str(good),)
    assert TlsContexts([Path(file) for file in files]).get(TlsIdentity()).cert_store_stats()["x509_ca"] > 0


def test_both_variables_name_trusted_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one.pem", tmp_path / "other.pem"
    for file in (one, other):
        file.write_text(Authority().pem)
    environ = environment(XS_CACERT_PATH=f"{one}{os.pathsep}", NODE_EXTRA_CA_CERTS=str(other))
    configuration = loaded(tmp_path, public(), environ)
    assert configuration.notes == ()
    assert compose_platform(configuration).ca_files == (str(one), str(other))


def test_an_error_page_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 9000, "resources", "../" * 20 + "dev/zero"):
        document = {**public(), "errorPage": [{"status": 404, "file": name}]}
        assert places(refused(tmp_path, document)) == [("xs-app.json", "$.errorPage[0].file")]


@pytest.mark.parametrize("port", ["https", "70000", "-1"])
def test_the_connectivity_proxy_has_a_port(tmp_path: Path, port: str) -> None:
    credentials: dict[str, Any] = CONNECTIVITY["credentials"]  # type: ignore[assignment]
    odd = {**CONNECTIVITY, "credentials": {**credentials, "onpremise_proxy_http_port": port}}
    (problem,) = refused(tmp_path, public(), environment(odd))
    assert problem.path == "$.credentials.onpremise_proxy_http_port"


UI5: dict[str, Any] = {
    "label": "sapui5", "name": "u", "tags": ["ui5"], "plan": "p", "credentials": {},
    "instance_name": "ui5-instance", "instance_guid": "1", "binding_name": "u", "binding_guid": "2",
}  # fmt: skip


def replacing(query: object) -> dict[str, Any]:
    replace = {"pathSuffixes": ["x"], "services": {"ui": query}}
    route = {"source": "^/x", "localDir": "resources", "replace": replace}
    return {"authenticationMethod": "none", "routes": [route]}


@pytest.mark.parametrize(
    "query",
    [
        "u",
        {"tag": "ui5"},
        {"instance_name": "ui5-instance"},
        {"binding_guid": "2", "plan": "p"},
        {"instance_guid": "1"},
    ],
)
def test_replacements_find_their_service(tmp_path: Path, query: object) -> None:
    other = {**UI5, "label": "other", "name": "o", "tags": [], "plan": "p", "instance_name": "o"}
    other |= {"instance_guid": "3", "binding_guid": "4"}
    loaded(tmp_path, replacing(query), environment(UI5, other))


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("ui5-instance", '"name ui5-instance"'),
        ({"tag": "nope"}, '"tag nope"'),
        ({"name": "u", "instance_name": "nope"}, '"name u, instance_name nope"'),
        ({"plan": "p"}, '"plan p"'),
    ],
)
def test_a_replacement_that_no_service_or_several_can_give_is_refused(
    tmp_path: Path, query: object, value: str
) -> None:
    (problem,) = refused(tmp_path, replacing(query), environment(UI5, {**UI5, "label": "other", "name": "o"}))
    assert (problem.path, problem.value) == ("$.routes[0].replace.services.ui", value)


def test_an_external_session_store_is_bound(tmp_path: Path) -> None:
    store = {"instanceName": "redis", "storageType": "redis", "sessionSecret": "x" * 64}
    assert places(refused(tmp_path, public(), environment(EXT_SESSION_MGT=store))) == [
        ("EXT_SESSION_MGT", "$.instanceName")
    ]


def test_a_private_key_that_is_given_apart_fits_its_certificate(tmp_path: Path) -> None:
    authority = Authority()
    pair, other = authority.issue("client"), authority.issue("client")
    credentials = {"clientid": "c", "url": "https://acme.accounts.example", "certificate": pair.certificate}
    identity = {"name": "ias", "label": "identity", "tags": [], "credentials": {**credentials, "key": other.key}}
    for wrong in ("no key", other.key):
        (problem,) = refused(tmp_path, public(), environment(identity, IAS_PRIVATE_KEY=wrong))
        assert (problem.where, problem.path, problem.value) == ("IAS_PRIVATE_KEY", "", "")
    found = loaded(tmp_path, public(), environment(identity, IAS_PRIVATE_KEY=pair.key)).services.identity
    assert found is not None
    assert found.key == pair.key


def test_broken_destinations_do_not_make_routes_look_wrong(tmp_path: Path) -> None:
    assert places(refused(tmp_path, public(), environment(destinations="[{"))) == [("destinations", "")]


def test_broken_bindings_do_not_make_routes_look_unprotected(tmp_path: Path) -> None:
    assert places(refused(tmp_path, {"routes": [ONE]}, environment(VCAP_SERVICES="{"))) == [("VCAP_SERVICES", "")]


def test_what_has_no_effect_is_noted(tmp_path: Path) -> None:
    document = {**public(), "services": {}, "outgoingRequestOptions": {"cls": {}}, "cors": []}
    forwarding = [{"name": "one", "url": "https://one.example", "forwardAuthCertificates": True}]
    environ = environment(
        ZONE_INFO_CACHE_TTL="1", GATEWAY_NONSENSE="1", ENABLE_FRAME_ANCESTORS_CSP_HEADERS="true",
        destinations=json.dumps(forwarding),
    )  # fmt: skip
    assert [str(note) for note in loaded(tmp_path, document, environ).notes] == [
        "ZONE_INFO_CACHE_TTL: without effect here",
        "ENABLE_FRAME_ANCESTORS_CSP_HEADERS: without effect: no XSUAA with an apiurl is bound",
        "destinations: 'one' gets no certificate: no authentication service has one",
        "GATEWAY_NONSENSE: unknown variable, ignored",
    ]


def test_which_of_several_xsuaa_bindings_is_used_is_noted(tmp_path: Path) -> None:
    environ = environment(UAA, {**UAA, "name": "another"})
    [note] = loaded(tmp_path, public(), environ).notes
    assert str(note) == "UAA_SERVICE_NAME: not set, and 2 xsuaa bindings: 'uaa' is the one that is used"
    assert loaded(tmp_path, public(), environ | {"UAA_SERVICE_NAME": "another"}).notes == ()
    assert loaded(tmp_path, public(), environment(UAA)).notes == ()


def with_credentials(service: dict[str, Any], **change: str) -> dict[str, Any]:
    return {**service, "credentials": {**service["credentials"], **change}}


@pytest.mark.parametrize(
    ("service", "name"), [(UAA, "url"), (DESTINATION, "uri"), (DESTINATION, "url"), (CONNECTIVITY, "token_service_url")]
)
@pytest.mark.parametrize("address", ["nourl", "ftp://a.example", "https://", "https://["])
def test_an_address_that_is_none_is_refused(tmp_path: Path, service: dict[str, Any], name: str, address: str) -> None:
    [problem] = refused(tmp_path, public(), environment(with_credentials(service, **{name: address})))
    assert problem.path == f"$.credentials.{name}"
    assert problem.message == "an address that begins with https:// or http://"


def test_an_address_with_a_password_is_not_shown(tmp_path: Path) -> None:
    [problem] = refused(tmp_path, public(), environment(with_credentials(UAA, url="user:hunter2@host")))
    assert "hunter2" not in str(problem)


def test_messages_say_what_is_allowed_in_plain_words(tmp_path: Path) -> None:
    environ = environment(with_credentials(UAA, clientsecret=""), SESSION_COOKIE_NAME="two words")
    messages = [problem.message for problem in refused(tmp_path, public(), environ)]
    assert messages == [
        "the name of a cookie: letters, digits, hyphens, underscores, without blanks",
        "clientsecret, or certificate and key",
    ]


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """Also where it is read as it is: `plugins` by the service that lists them, bindings by their readers."""
    names = {*variable_names(), "VCAP_SERVICES", "VCAP_APPLICATION", "NODE_EXTRA_CA_CERTS", "SERVICE_BINDING_ROOT"}
    document = {"authenticationMethod": "none", "pluginMetadataEndpoint": "/plugins"}
    configuration = loaded(tmp_path, document, dict.fromkeys(names, ""))
    assert configuration.settings == Settings()
    assert configuration.notes == ()
    assert compose_own_endpoints(configuration).owns("/plugins")


def test_certificates_are_verified_unless_the_variable_is_zero(tmp_path: Path) -> None:
    (note,) = loaded(tmp_path, public(), environment(NODE_TLS_REJECT_UNAUTHORIZED="false")).notes
    assert str(note) == "NODE_TLS_REJECT_UNAUTHORIZED: certificates are verified: only 0 switches that off"
    for value in ("0", "1"):
        assert loaded(tmp_path, public(), environment(NODE_TLS_REJECT_UNAUTHORIZED=value)).notes == ()


def test_the_environment_goes_before_the_file_except_for_cors(tmp_path: Path) -> None:
    policy = {"uriPattern": "^/env", "allowedOrigin": [{"host": "a"}]}
    environ = environment(COMPRESSION={"minSize": 7}, CORS=[policy], OUTGOING_REQUEST_OPTIONS={"xsuaa": {"timeout": 5}})
    compression = {"minSize": 5, "compressResponseMixedTypeContent": True}
    with_both = loaded(tmp_path, {**public(), "compression": compression, "cors": []}, environ)
    assert (with_both.compression.min_size, with_both.cors) == (7, ())
    assert with_both.compression.compress_response_mixed_type_content
    assert with_both.outgoing_request_options.xsuaa.timeout == 5
    assert [policy.uri_pattern for policy in loaded(tmp_path, public(), environ).cors] == ["^/env"]
    assert loaded(tmp_path, public()).outgoing_request_options.xsuaa.timeout == 10_000


@pytest.mark.parametrize(
    ("file", "variable", "enabled", "min_size"),
    [
        ({"enabled": False}, {"minSize": 10}, False, 10),
        ({"minSize": 10}, {"enabled": True}, True, 10),
        ({"minSize": 10}, {}, True, 10),
        ({"enabled": False}, {"enabled": True}, True, 1024),
        ({}, {"enabled": False, "minSize": 3}, False, 3),
    ],
)
def test_the_variable_compression_replaces_only_what_it_names(
    tmp_path: Path, file: object, variable: object, enabled: bool, min_size: int
) -> None:
    merged = loaded(tmp_path, {**public(), "compression": file}, environment(COMPRESSION=variable)).compression
    assert (merged.enabled, merged.min_size) == (enabled, min_size)


def test_problems_read_as_blocks() -> None:
    problem = Problem("xs-app.json", "$.routes[0].source", '"("', "a JavaScript regular expression")
    assert str(problem).splitlines() == [
        "xs-app.json  $.routes[0].source",
        '    found    "("',
        "    allowed  a JavaScript regular expression",
    ]


def test_values_are_shown_short_and_without_secrets() -> None:
    assert shown("x" * 500).endswith("...")
    assert len(shown("x" * 500)) == 80
    assert shown({"a": 1}) == "an object"
    assert shown([1]) == "an array"
    assert (shown(None), shown(True), shown(1.5)) == ("null", "true", "1.5")
    assert shown("s", "clientsecret") == "(hidden)"
    for address in ("https://user:pw@host/", "https://user:pw/pw@host/", "https://us@er:pw@host"):
        assert shown(address).startswith('"https://(hidden)@host')
    assert json_path(("routes", 0, "a.b")) == "$.routes[0]['a.b']"
