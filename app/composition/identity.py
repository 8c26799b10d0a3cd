"""Sessions, login and logout, of the configuration."""

from __future__ import annotations

import secrets

from app.composition.answers import login_path, with_slash
from app.composition.authorities import (
    Authorities,
    compose_passwords,
    compose_shown_tokens,
    compose_user_info,
    compose_weak_tokens,
)
from app.composition.platform import Platform
from app.composition.session_store import session_lifetime
from app.configuration import Configuration
from app.guards.derived_csrf import DerivedCsrfTokens
from app.login.back_channel import BackChannelLogout
from app.login.callback import LoginCallback
from app.login.caller import Callers
from app.login.code_flow import CodeFlow, LoginOptions
from app.login.login_page import LoginPageOptions
from app.login.login_state import LoginStates
from app.login.logout import BackendLogout, Logout, LogoutOptions
from app.login.report_address import ReportOptions
from app.login.tenant import TenantOptions, TenantResolver
from app.routing.reference import DestinationReference, ServiceReference
from app.sessions.carried_cookies import CarriedCookies
from app.sessions.cookie import CookieOptions, CookieWriter, OwnCookies
from app.sessions.manager import SessionManager
from app.sessions.refresh import TokenRefresher
from app.sessions.service_sessions import ServiceSessionOptions, ServiceSessions
from app.sessions.session_table import SessionTable
from app.sessions.store import SessionStore
from app.sign_in import Identity, SignIn

MINUTE = 60.0


def compose_tenants(configuration: Configuration) -> TenantResolver:
    """Which tenant a request belongs to."""
    settings, services = configuration.settings, configuration.services
    hosts = settings.gateway_public_hosts
    options = TenantOptions(settings.tenant_host_pattern or "", settings.external_reverse_proxy, hosts)
    return TenantResolver(options, services.home)


def compose_sign_in(
    configuration: Configuration,
    platform: Platform,
    authorities: Authorities | None,
    store: SessionStore,
    table: SessionTable | None,
    tenants: TenantResolver,
) -> SignIn:
    """Who is calling; where nobody knows that, everybody is nobody."""
    settings = configuration.settings
    cookies = OwnCookies(settings.session_cookie_name, settings.platform_cookie_name)
    writer = CookieWriter(_cookie_options(configuration))
    carried = CarriedCookies(settings.backend_cookies_secret or _store_secret(configuration), writer)
    if authorities is None:
        return SignIn(tenants, cookies, carried, None)
    identity = _identity(configuration, platform, authorities, store, table, tenants, cookies, carried)
    return SignIn(tenants, cookies, carried, identity)


def _identity(
    configuration: Configuration, platform: Platform, authorities: Authorities,
    store: SessionStore, table: SessionTable | None, tenants: TenantResolver, cookies: OwnCookies,
    carried: CarriedCookies,
) -> Identity:  # fmt: skip
    settings, providers, writer = configuration.settings, authorities.providers, carried.writer
    refresher = TokenRefresher(providers.renew, store, settings.jwt_refresh * MINUTE)
    sessions = SessionManager(store, cookies, refresher)
    options = _login_options(configuration)
    states = LoginStates(_shared_secret(configuration), settings.state_cache)
    flow = CodeFlow(providers, options, states, tenants, cookies, writer)
    own_logout = logout_options(configuration)

    def logout(options: LogoutOptions) -> Logout:
        return Logout(providers, options, tenants, sessions, writer)

    return Identity(
        callers=Callers(
            sessions, compose_shown_tokens(authorities), compose_passwords(authorities, platform),
            compose_weak_tokens(authorities, platform), carried, DerivedCsrfTokens(_shared_secret(configuration)),
            _service_sessions(configuration, table),
        ),
        sessions=sessions,
        refresher=refresher,
        flow=flow,
        callback=LoginCallback(providers, options, flow, states, sessions, cookies, writer),
        callback_path=options.callback_path,
        logout=logout,
        own_logout=own_logout,
        backend_logouts=backend_logouts(configuration),
        back_channel=_back_channel(configuration, authorities, sessions),
        login_path=login_path(configuration),
        announced=session_lifetime(configuration) if settings.gateway_session_seconds else None,
        user_info=compose_user_info(authorities, platform),
    )  # fmt: skip


def _service_sessions(configuration: Configuration, table: SessionTable | None) -> ServiceSessions | None:
    """Where the variables `SVC2AR_*` want something kept, and there is a store to keep it in."""
    settings, store = configuration.settings, configuration.settings.ext_session_mgt
    secrets = (settings.svc2ar_external_session_id_secret, settings.svc2ar_external_session_id_secret_alt)
    options = ServiceSessionOptions(
        secrets=tuple(secret for secret in secrets if secret),
        signed=not settings.svc2ar_direct_ext_session_id_usage,
        keeps_csrf=settings.svc2ar_store_csrf_in_external_session,
        keeps_cookies=settings.store_session_cookies_in_external_session_store,
        cookie=settings.svc2ar_external_session_cookie_enabled,
    )
    if table is None or store is None or not options.needed:
        return None
    return ServiceSessions(table, store.session_secret, options)


def _back_channel(
    configuration: Configuration, authorities: Authorities, sessions: SessionManager
) -> BackChannelLogout | None:
    logout, identity = configuration.descriptor.logout, authorities.identity
    if logout is None or logout.back_channel_logout_endpoint is None or identity is None:
        return None
    return BackChannelLogout(logout.back_channel_logout_endpoint, identity.verifier, sessions)


def _login_options(configuration: Configuration) -> LoginOptions:
    settings = configuration.settings
    return LoginOptions(
        callback_path=configuration.descriptor.login.callback_endpoint,
        preserve_fragment=settings.preserve_fragment,
        pkce=settings.pkce_enabled and configuration.state_protection,
        state_protection=configuration.state_protection,
        page=LoginPageOptions(settings.extended_login_csp, settings.omit_login_csp),
        reports=_report_options(configuration),
    )


def _report_options(configuration: Configuration) -> ReportOptions | None:
    """Where the identity service reports the ends of logins; None where xs-app.json names no endpoint."""
    logout, settings = configuration.descriptor.logout, configuration.settings
    if logout is None or logout.back_channel_logout_endpoint is None:
        return None
    return ReportOptions(
        logout.back_channel_logout_endpoint, settings.platform_cookie_name, settings.session_cookie_name
    )


def _cookie_options(configuration: Configuration) -> CookieOptions:
    settings = configuration.settings
    partitioned = settings.cookies.partitioned
    return CookieOptions(
        name=settings.session_cookie_name,
        secure=settings.secure_session_cookie,
        same_site=settings.cookies.same_site or "",
        partitioned_agents=partitioned.supported_partition_agents if partitioned else "",
        unpartitioned_agents=partitioned.unsupported_partition_agents if partitioned else "",
    )


def _shared_secret(configuration: Configuration) -> str:
    """Instances that share a secret can finish each other's logins and know each other's derived CSRF tokens; without
    one, it is this process's own.
    """
    settings = configuration.settings
    if settings.state_parameter_secret.lower() not in ("true", "false"):
        return settings.state_parameter_secret
    return _store_secret(configuration)


def _store_secret(configuration: Configuration) -> str:
    """The secret of instances that share sessions, else one of this process's own."""
    store = configuration.settings.ext_session_mgt
    return store.session_secret if store is not None else secrets.token_urlsafe(32)


def logout_options(configuration: Configuration) -> LogoutOptions | None:
    """How the logout endpoint answers; None where xs-app.json names none."""
    descriptor = configuration.descriptor
    logout = descriptor.logout
    if logout is None or logout.logout_endpoint is None:
        return None
    return LogoutOptions(
        endpoint=logout.logout_endpoint,
        page=logout.logout_page or "",
        method=logout.logout_method or "GET",
        csrf_protection=logout.csrf_protection is not False,
        backends=backend_logouts(configuration),
    )


def backend_logouts(configuration: Configuration) -> tuple[BackendLogout, ...]:
    """The calls that backends want when a session ends."""
    descriptor, uris = configuration.descriptor, configuration.application.uris
    router = uris[0] if uris else ""
    calls = [
        BackendLogout(DestinationReference(name), options.logout_method, with_slash(options.logout_path))
        for name, options in descriptor.destinations.items()
        if options.logout_path is not None
    ]
    calls += [
        BackendLogout(
            ServiceReference(name, options.endpoint or ""),
            options.logout_method,
            with_slash(options.logout_path),
            router,
        )
        for name, options in descriptor.services.items()
        if options.logout_path is not None
    ]
    return tuple(calls)
