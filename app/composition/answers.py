"""What becomes of answers, of the configuration: origins, own endpoints, error pages, headers, compression."""

from __future__ import annotations

from app.composition.platform import Platform
from app.compression.answer_compression import Compression
from app.configuration import Configuration
from app.error_answer import ErrorPolicy
from app.error_pages import read_error_pages
from app.guards.cors import CorsRule
from app.guards.origins import OriginRule
from app.own_endpoints import Endpoint, OwnEndpoints, allowlist, plugin_metadata
from app.response_headers import ResponsePolicy
from app.settings.json_variables import AllowedHost
from app.static_files.compressed_files import CompressedFiles
from app.trusted_domains import TrustedDomains


def compose_response_policy(configuration: Configuration) -> ResponsePolicy:
    """The headers that are added to answers."""
    settings = configuration.settings
    return ResponsePolicy.prepare(
        [pair for entry in settings.http_headers for pair in entry],
        [(header.name, header.value) for header in configuration.descriptor.response_headers],
        send_x_frame_options=settings.send_xframeoptions,
        merge_csp=settings.merge_csp_headers,
    )


def compose_trusted_domains(configuration: Configuration, platform: Platform) -> TrustedDomains | None:
    """What the subaccounts trust; None where that is not asked for, or nobody can be asked."""
    settings, xsuaa = configuration.settings, configuration.services.xsuaa
    if not settings.enable_frame_ancestors_csp_headers or xsuaa is None or not xsuaa.apiurl:
        return None
    fresh = settings.frame_ancestors_csp_header_cache_time
    return TrustedDomains(platform.clients, xsuaa.apiurl, xsuaa.identityzone, fresh)


def compose_cors(configuration: Configuration) -> tuple[CorsRule, ...]:
    """Which pages of other origins may call."""
    return tuple(CorsRule.prepare(policy) for policy in configuration.cors)


def compose_error_policy(configuration: Configuration) -> ErrorPolicy:
    """How failures are shown."""
    pages = read_error_pages(configuration.descriptor.error_page, configuration.workdir)
    return ErrorPolicy(configuration.settings.return_error_source, pages, login_path(configuration))


def login_path(configuration: Configuration) -> str:
    """Where scripts send a browser whose session has ended; empty where nobody can log in."""
    services = configuration.services
    can_log_in = services.xsuaa is not None or services.identity is not None
    return f"{configuration.settings.gateway_prefix}/login" if can_log_in else ""


def compose_own_endpoints(configuration: Configuration) -> OwnEndpoints:
    """The addresses we answer ourselves."""
    settings, descriptor = configuration.settings, configuration.descriptor
    handlers: dict[str, Endpoint] = {}
    if descriptor.whitelist_service is not None:
        listed = settings.cj_protect_whitelist
        rules = None if listed is None else origin_rules(listed)
        handlers[with_slash(descriptor.whitelist_service.endpoint)] = allowlist(rules)
    if descriptor.plugin_metadata_endpoint is not None:
        plugins = configuration.environ.get("plugins", "[]")
        handlers[with_slash(descriptor.plugin_metadata_endpoint)] = plugin_metadata(plugins)
    return OwnEndpoints(handlers)


def compose_compression(configuration: Configuration) -> Compression | None:
    """Compression of what passes through; None where it is switched off."""
    options = configuration.compression
    if not options.enabled:
        return None
    return Compression(options.min_size, options.compress_response_mixed_type_content)


def compose_compressed_files(configuration: Configuration) -> CompressedFiles | None:
    """Compressed forms of files, of all routes together; None where compression is switched off."""
    options = configuration.compression
    return CompressedFiles(options.min_size) if options.enabled else None


def origin_rules(hosts: tuple[AllowedHost, ...]) -> tuple[OriginRule, ...]:
    """The rules of a list of hosts."""
    return tuple(OriginRule.of(entry.host, entry.protocol, entry.port) for entry in hosts)


def with_slash(configured: str) -> str:
    """A configured path as addresses have it."""
    return "/" + configured.lstrip("/")
