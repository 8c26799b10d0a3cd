"""Whether the parts of a configuration fit each other: each check is a function from the parts to its problems."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.bindings.binding import Binding, Bindings
from app.bindings.business_service import read_business_service, service_problems
from app.bindings.redis_credentials import redis_problems
from app.bindings.services import repository_binding, xsuaa_binding
from app.clients import load_certificate
from app.destination_url import parse_url
from app.destinations.from_binding import service_destination
from app.errors import GatewayError
from app.pem import is_trust_store
from app.problem import Problem, json_path, shown
from app.routing.descriptor import FILE_NAME, Reading
from app.routing.descriptor_route import RouteEntry
from app.routing.reference import HTML5_REPOSITORY, USER_API
from app.routing.route_table import DESTINATION_IN_HOST, is_dynamic
from app.sessions.driver import load_driver
from app.settings.settings import Settings
from app.subscriptions.services import subscription_services
from app.transport.pool_key import ClientCertificate

_XSUAA_NEEDED = "an xsuaa binding (tag `xsuaa`, or its name in UAA_SERVICE_NAME)"
_IDENTITY_NEEDED = "a binding of the identity service"


@dataclass(frozen=True, slots=True)
class Parts:
    """What has been read so far. `faulty` are the files and variables in which problems were found already."""

    workdir: Path
    reading: Reading
    settings: Settings
    bindings: Bindings
    environ: Mapping[str, str]
    faulty: frozenset[str] = frozenset()

    def routes(self) -> Iterator[tuple[str, str, RouteEntry]]:
        """All routes with file or variable and JSON path: those of the file, then the plugins."""
        for index, route in zip(self.reading.positions, self.reading.descriptor.routes, strict=True):
            yield FILE_NAME, json_path(("routes", index)), route
        for index, plugin in enumerate(self.settings.plugins):
            yield "plugins", json_path((index,)), plugin.as_route()

    def services(self) -> Iterator[tuple[str, str, str, str]]:
        """Services that are named, with file or variable, JSON path, and endpoint (empty for none)."""
        for where, path, route in self.routes():
            if route.service is not None and route.service != USER_API:
                yield where, path, route.service, route.endpoint or ""
        for name, options in self.reading.descriptor.services.items():
            if options.logout_path is not None:
                yield FILE_NAME, json_path(("services", name)), name, options.endpoint or ""


def default_authentication(bindings: Bindings, settings: Settings) -> str | None:
    """How callers authenticate where a route does not say: as the bound services allow; None when none is bound.

    With both, users log in with the identity service, and have their scopes from the XSUAA that trusts it.
    """
    if bindings.of_service("identity"):
        return "ias"
    return "xsuaa" if xsuaa_binding(bindings, settings.uaa_service_name) else None


def inconsistencies(parts: Parts) -> list[Problem]:
    """Everything in one part that does not fit another."""
    checks = [_folders, _files, _https, _host_destinations]
    if not parts.faulty & {"destinations", "VCAP_SERVICES"}:
        checks.append(_destinations)
    if "VCAP_SERVICES" not in parts.faulty:
        checks += [
            _repository,
            _services,
            unauthenticated,
            _replacements,
            _on_premise,
            _session_store,
            _private_key,
            _workers,
            _callbacks,
        ]
    return list(dict.fromkeys(problem for check in checks for problem in check(parts)))


def _destinations(parts: Parts) -> Iterator[Problem]:
    """Without the destination service, the environment has to define all destinations."""
    if parts.bindings.of_service("destination"):
        return
    known = sorted(destination.name for destination in parts.settings.destinations)
    allowed = "a destination of the variable `destinations`" + (f" ({', '.join(known)})" if known else "")
    for where, path, name in _destination_names(parts):
        if name not in known:
            yield Problem(where, path, shown(name), allowed + ", unless the destination service is bound")


def _destination_names(parts: Parts) -> Iterator[tuple[str, str, str]]:
    for where, path, route in parts.routes():
        if route.destination is not None and not is_dynamic(route.destination):
            yield where, f"{path}.destination", route.destination
    for name in parts.reading.descriptor.destinations:
        yield FILE_NAME, json_path(("destinations", name)), name


def _host_destinations(parts: Parts) -> Iterator[Problem]:
    if parts.settings.destination_host_pattern is None and "DESTINATION_HOST_PATTERN" not in parts.faulty:
        for where, path, route in parts.routes():
            if route.destination == DESTINATION_IN_HOST:
                yield Problem(where, f"{path}.destination", '"*"', "needs the variable DESTINATION_HOST_PATTERN")


def _repository(parts: Parts) -> Iterator[Problem]:
    """The HTML5 repository's address is one."""
    binding = repository_binding(parts.bindings)
    uri = binding.credentials.get("uri") if binding is not None else None
    if binding is None or not isinstance(uri, str):
        return
    try:
        parse_url(uri)
    except ValueError as error:
        where = f"{binding.where or 'binding'}, {binding.label} {binding.name}"
        yield Problem(where, "$.credentials.uri", shown(uri), f"an absolute address; this one {error}")


def _services(parts: Parts) -> Iterator[Problem]:
    """A service that is named is bound so that it can be used, with the endpoint that is named."""
    for where, path, name, endpoint in parts.services():
        place = f"{path}.service" if path.startswith("$.routes") else path
        if name == HTML5_REPOSITORY:
            if repository_binding(parts.bindings) is None:
                yield Problem(where, place, shown(name), "needs a binding of html5-apps-repo, plan app-runtime")
            continue
        found = parts.bindings.business_services(name)
        if len(found) == 1:
            yield from service_problems(found[0]) or _endpoint(where, path, endpoint, found[0])
        elif found:
            have_it = ", ".join(binding.name for binding in found)
            yield Problem(
                where, place, shown(name), f"a name that only one bound service has ({have_it} have this one)"
            )
        else:
            yield Problem(where, place, shown(name), "a bound service with this `sap.cloud.service` or alias")


def _endpoint(where: str, path: str, endpoint: str, binding: Binding) -> Iterator[Problem]:
    service = read_business_service(binding)
    if endpoint and endpoint not in service.endpoints:
        allowed = f"an endpoint of {service.name}: {', '.join(service.endpoints)}"
        yield Problem(where, f"{path}.endpoint", shown(endpoint), allowed)
        return
    try:
        service_destination(service, endpoint)
    except GatewayError as error:
        yield Problem(where, path, "", error.detail)


def unauthenticated(parts: Parts) -> Iterator[Problem]:
    """A service that can log callers in is bound for every protected route."""
    if parts.reading.descriptor.authentication_method == "none":
        return
    fallback = default_authentication(parts.bindings, parts.settings)
    has_xsuaa = xsuaa_binding(parts.bindings, parts.settings.uaa_service_name) is not None
    has_identity = parts.bindings.of_service("identity") is not None
    for where, path, route in parts.routes():
        kind = route.authentication_type or fallback
        place = f"{path}.authenticationType"
        if kind is None:
            yield Problem(where, place, "", f'this route is protected: {_XSUAA_NEEDED}, or "none"')
        elif kind in ("xsuaa", "basic") and not has_xsuaa:
            yield Problem(where, place, shown(kind), f"needs {_XSUAA_NEEDED}")
        elif kind == "ias" and not has_identity:
            yield Problem(where, place, shown(kind), f"needs {_IDENTITY_NEEDED}")


def _folders(parts: Parts) -> Iterator[Problem]:
    """Folders that routes serve exist, inside of the working directory."""
    workdir = parts.workdir.resolve()
    for where, path, route in parts.routes():
        if route.local_dir is None:
            continue
        folder = (workdir / route.local_dir).resolve()
        if Path(route.local_dir).is_absolute() or not folder.is_relative_to(workdir):
            yield Problem(where, f"{path}.localDir", shown(route.local_dir), "a folder inside of the working directory")
        elif not os.path.isdir(folder):
            yield Problem(
                where, f"{path}.localDir", shown(route.local_dir), "a folder that exists in the working directory"
            )


def _files(parts: Parts) -> Iterator[Problem]:
    """Files that are named can be read: error pages in the working directory, certificates anywhere."""
    for index, page in enumerate(parts.reading.descriptor.error_page):
        if page.file is not None and not _is_readable(parts.workdir / page.file.lstrip("/")):
            path = json_path(("errorPage", index, "file"))
            yield Problem(FILE_NAME, path, shown(page.file), "a file in the working directory that can be read")
    for file in (parts.settings.xs_cacert_path or "").split(os.pathsep):
        if file and not is_trust_store(file):
            allowed = f"files that hold certificates in PEM, separated by {os.pathsep}"
            yield Problem("XS_CACERT_PATH", "", shown(file), allowed)


def _is_readable(file: Path) -> bool:
    return os.path.isfile(file) and os.access(file, os.R_OK)


def _https(parts: Parts) -> Iterator[Problem]:
    """Certificate and key of the server are both there, or none is."""
    named = {
        "GATEWAY_TLS_CERTIFICATE": parts.settings.gateway_tls_certificate,
        "GATEWAY_TLS_KEY": parts.settings.gateway_tls_key,
    }
    for name, file in named.items():
        if file is None and any(named.values()):
            yield Problem(name, "", "", "certificate and key are given together")
        elif file is not None and not os.path.isfile(file):
            yield Problem(name, "", shown(file), "a PEM file that exists")


def _replacements(parts: Parts) -> Iterator[Problem]:
    """Exactly one bound service fits each query: which one's credentials are shown must be no matter of chance."""
    for where, path, route in parts.routes():
        for name, query in (route.replace.services if route.replace else {}).items():
            found = len(parts.bindings.queried(name, query.model_dump()))
            if found != 1:
                wanted = ", ".join(f"{key} {value}" for key, value in query.model_dump(exclude_none=True).items())
                allowed = "a bound service" if not found else f"what fits one bound service only, and not {found}"
                yield Problem(where, f"{path}.replace.services.{name}", shown(wanted), allowed)


def _on_premise(parts: Parts) -> Iterator[Problem]:
    if parts.bindings.of_service("connectivity"):
        return
    for index, destination in enumerate(parts.settings.destinations):
        if destination.is_on_premise:
            path = json_path((index, "proxyType"))
            yield Problem("destinations", path, '"OnPremise"', "needs a binding of the connectivity service")


def _session_store(parts: Parts) -> Iterator[Problem]:
    """The store of sessions is bound, and is one that we, or a driver of one's own, can use."""
    store = parts.settings.ext_session_mgt
    if store is None:
        return
    binding = parts.bindings.by_name(store.instance_name)
    path = store.external_store_file_path
    if binding is None:
        yield Problem("EXT_SESSION_MGT", "$.instanceName", shown(store.instance_name), "the name of a bound service")
    elif path is not None:
        try:
            load_driver(path, parts.workdir)
        except ValueError as error:
            yield Problem("EXT_SESSION_MGT", "$.externalStoreFilePath", shown(path), str(error))
    elif store.storage_type != "redis":
        allowed = '"redis", or a driver of your own in externalStoreFilePath'
        yield Problem("EXT_SESSION_MGT", "$.storageType", shown(store.storage_type), allowed)
    else:
        yield from redis_problems(binding)


def _private_key(parts: Parts) -> Iterator[Problem]:
    """A private key that is given apart fits its certificate."""
    binding, key = parts.bindings.of_service("identity"), parts.settings.ias_private_key
    certificate = binding.credentials.get("certificate") if binding is not None else None
    if not key or not isinstance(certificate, str):
        return
    try:
        load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ClientCertificate(certificate, key))
    except ssl.SSLError:
        yield Problem("IAS_PRIVATE_KEY", "", "", "the private key (PEM) of the identity binding's certificate")


def _workers(parts: Parts) -> Iterator[Problem]:
    """Worker processes share nothing but a store."""
    count = parts.settings.web_concurrency
    if count > 1 and not parts.settings.ext_session_mgt and "EXT_SESSION_MGT" not in parts.faulty:
        allowed = "1, unless EXT_SESSION_MGT names a store: a process does not know the sessions of another"
        yield Problem("WEB_CONCURRENCY", "", shown(count), allowed)
    elif count > 1 and not hasattr(os, "fork"):
        yield Problem("WEB_CONCURRENCY", "", shown(count), "1 on this operating system")


def _callbacks(parts: Parts) -> Iterator[Problem]:
    """What services that call back about subscriptions have in their bindings can be read."""
    yield from subscription_services(parts.bindings)[1]
