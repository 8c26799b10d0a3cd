"""HTML5 applications of the repository: each gets a gateway of its own, by its own xs-app.json."""

from __future__ import annotations

from collections.abc import Callable

from app.composition.platform import Platform, repository_timeout
from app.configuration import Configuration
from app.consistency import Parts, unauthenticated
from app.gateway import Gateway
from app.html5_repository.app_address import AppHosts, DirectRouting
from app.html5_repository.hosted_apps import HostedApps
from app.html5_repository.hosted_descriptor import hosted_descriptor
from app.html5_repository.repository_client import AppKey, RepositoryClient, unusable
from app.html5_repository.repository_tokens import RepositoryTokens
from app.routing.descriptor import Descriptor, Reading
from app.routing.reference import RepositoryReference

Make = Callable[[Configuration], Gateway]


def compose_hosted_apps(configuration: Configuration, platform: Platform, make: Make) -> HostedApps[Gateway] | None:
    """The applications that requests can be for; None where no repository is bound."""
    credentials = configuration.services.html5_repository
    if credentials is None:
        return None
    settings = configuration.settings
    tokens = RepositoryTokens(credentials, platform.tokens)
    timeout = repository_timeout(configuration.outgoing_request_options)
    return HostedApps(
        RepositoryClient(platform.clients, credentials, tokens, timeout),
        AppHosts(configuration.business_services, settings.own_sap_cloud_service),
        DirectRouting(settings.direct_routing_uri_patterns),
        lambda key, descriptor: make(hosted_configuration(configuration, key, descriptor)),
    )


def hosted_configuration(configuration: Configuration, key: AppKey, descriptor: Descriptor) -> Configuration:
    """What an application is served by. Raises HTML5_APP_UNUSABLE for routes that nobody could log in to."""
    descriptor = hosted_descriptor(descriptor, key.segment, configuration.descriptor)
    reading = Reading(descriptor, tuple(range(len(descriptor.routes))))
    settings, bindings = configuration.settings, configuration.bindings
    for problem in unauthenticated(Parts(configuration.workdir, reading, settings, bindings, configuration.environ)):
        raise unusable(key, f"its xs-app.json is wrong at {problem.path}, {problem.message}")
    return configuration.of_hosted_app(descriptor, RepositoryReference(key.app, key.app_hosts))
