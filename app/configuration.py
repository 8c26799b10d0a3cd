"""Everything the gateway was told, read once at start: complete and consistent, or refused with all that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.bindings import vcap_services
from app.bindings.application import VARIABLE as VCAP_APPLICATION
from app.bindings.application import Application, read_application
from app.bindings.binding import Bindings
from app.bindings.business_service import BusinessServices, read_business_services
from app.bindings.local_files import with_local_environment
from app.bindings.reader import read_bindings
from app.bindings.services import Services, read_services
from app.check import Note, notes
from app.consistency import Parts, default_authentication, inconsistencies
from app.problem import ConfigurationError, Problem
from app.routing.descriptor import FILE_NAME, Descriptor, Reading, read_descriptor
from app.routing.descriptor_cors import CorsPolicy
from app.routing.descriptor_options import Compression, OutgoingRequestOptions
from app.routing.descriptor_route import RouteEntry
from app.routing.js_regex import compile_pattern
from app.routing.reference import WHOLE_REPOSITORY, RepositoryReference
from app.routing.route import AuthenticationType
from app.routing.route_table import DEFAULT_LOCAL_DIR, RouteTable, RoutingContext, compile_routes
from app.settings.environment_destination import EnvironmentDestination
from app.settings.settings import Settings, read_settings


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the gateway is built from. `notes` tell what its author should know of it."""

    workdir: Path
    descriptor: Descriptor
    settings: Settings
    application: Application
    bindings: Bindings
    services: Services
    routes: RouteTable
    notes: tuple[Note, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables as given, for placeholders in static files."""

    @property
    def business_services(self) -> BusinessServices:
        """Business services that are bound and can be used."""
        return read_business_services(self.bindings)

    def of_hosted_app(self, descriptor: Descriptor, files: RepositoryReference) -> Configuration:
        """What an HTML5 application with this xs-app.json is served by: ours, where xs-app.json says nothing."""
        routes = _compile(self.workdir, descriptor, (), self.settings, self.bindings, self.services, files)
        return replace(self, descriptor=descriptor, routes=routes)

    @property
    def bindings_can_change(self) -> bool:
        """Whether the bindings come from files, which the platform may renew."""
        return vcap_services.VARIABLE not in self.environ or vcap_services.FILE_VARIABLE in self.environ

    def bindings_now(self) -> Bindings:
        """The bindings as they are now; none when they cannot be read whole."""
        bindings, problems = read_bindings(self.workdir, self.environ)
        return Bindings() if problems else bindings

    @property
    def destinations(self) -> Mapping[str, EnvironmentDestination]:
        """Destinations of the environment, by name."""
        return {destination.name: destination for destination in self.settings.destinations}

    @property
    def session_timeout(self) -> int:
        """Minutes without a request after which a session ends."""
        return self.settings.session_timeout or self.descriptor.session_timeout

    @property
    def state_protection(self) -> bool:
        """Whether logins carry a state parameter."""
        return self.settings.state_protection and self.descriptor.state_protection

    @property
    def cors(self) -> tuple[CorsPolicy, ...]:
        """Cross-origin policies; xs-app.json goes before the environment."""
        return self.settings.cors if self.descriptor.cors is None else self.descriptor.cors

    @property
    def reuses_connections(self) -> bool:
        """Whether connections to backends serve several requests: unless a variable decides, not on Kubernetes."""
        disabled = self.settings.disable_connection_reuse
        on_kubernetes = "KUBERNETES_SERVICE_HOST" in self.environ and VCAP_APPLICATION not in self.environ
        return not (on_kubernetes if disabled is None else disabled)

    @property
    def compression(self) -> Compression:
        """Compression; what the environment says of it goes before xs-app.json, property by property."""
        given = self.settings.compression
        said = given.model_dump(exclude_unset=True) if given is not None else {}
        return self.descriptor.compression.model_copy(update=said)

    @property
    def outgoing_request_options(self) -> OutgoingRequestOptions:
        """Timeouts of calls to platform services; the environment goes before xs-app.json."""
        options = self.settings.outgoing_request_options or self.descriptor.outgoing_request_options
        return options or OutgoingRequestOptions()


def load_configuration(
    workdir: Path, environ: Mapping[str, str], document: Mapping[str, Any] | None = None
) -> Configuration:
    """Read and check everything; raises `ConfigurationError` with all problems.

    `document` is what xs-app.json would hold, in its place. A variable that is the empty text counts as not set.
    """
    environ, problems = with_local_environment(workdir, environ)
    environ = {name: text for name, text in environ.items() if text}
    settings, setting_problems = read_settings(environ)
    bindings, binding_problems = read_bindings(workdir, environ)
    services, service_problems = read_services(bindings, settings.uaa_service_name, settings.ias_private_key)
    application, application_problems = read_application(environ)
    reading = _read_descriptor(workdir) if document is None else read_descriptor(json.dumps(document), "xsappConfig")
    problems += [*setting_problems, *binding_problems, *service_problems, *application_problems, *reading.problems]
    faulty = frozenset(problem.where for problem in problems)
    problems += inconsistencies(Parts(workdir, reading, settings, bindings, environ, faulty))
    if problems:
        raise ConfigurationError(problems)
    plugins = [plugin.as_route() for plugin in settings.plugins]
    routes = _compile(workdir, reading.descriptor, plugins, settings, bindings, services)
    found = tuple(notes(environ, settings, services, bindings))
    return Configuration(workdir, reading.descriptor, settings, application, bindings, services, routes, found, environ)


def _read_descriptor(workdir: Path) -> Reading:
    path = workdir / FILE_NAME
    try:
        return read_descriptor(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"a file {FILE_NAME} in the working directory {workdir} (option -w)"
    except (OSError, UnicodeDecodeError) as error:
        message = f"a file that can be read ({type(error).__name__})"
    return Reading(problems=(Problem(FILE_NAME, "", "", message),))


def _compile(
    workdir: Path, descriptor: Descriptor, plugins: Sequence[RouteEntry], settings: Settings, bindings: Bindings,
    services: Services, files: RepositoryReference = WHOLE_REPOSITORY,
) -> RouteTable:  # fmt: skip
    pattern = settings.destination_host_pattern
    login = default_authentication(bindings, settings)
    context = RoutingContext(
        authentication=AuthenticationType(login or "xsuaa"),
        authentication_enabled=descriptor.authentication_method != "none",
        xsappname=services.xsuaa.xsappname if services.xsuaa else "",
        dynamic_identity_provider=settings.dynamic_identity_provider,
        destination_host_pattern=compile_pattern(pattern, True) if pattern else None,
        repository=files,
        login_for_unknown=settings.require_auth_for_unknown_routes and login is not None,
        has_resources=(workdir / DEFAULT_LOCAL_DIR).is_dir(),
    )
    return compile_routes([*plugins, *descriptor.routes], context)
