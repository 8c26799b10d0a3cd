"""The authorization servers of the bindings: an XSUAA, the identity service, or both."""

from __future__ import annotations

from dataclasses import dataclass

from app.bindings.credentials import IdentityCredentials, XsuaaCredentials
from app.composition.platform import Platform
from app.configuration import Configuration
from app.consistency import default_authentication
from app.identity_service.discovery import Discovery
from app.identity_service.exchange import IdentityExchange
from app.identity_service.grants import IdentityGrants
from app.identity_service.provider import IdentityServiceProvider
from app.identity_service.verifier import IdentityVerifier
from app.identity_service.xsuaa_bridge import XsuaaBridge
from app.login.basic import PasswordLogin
from app.login.shown_tokens import ShownTokens
from app.login.weak_token import WeakTokens
from app.routing.route import AuthenticationType
from app.tokens.authority import IDENTITY_SERVICE
from app.tokens.identity_provider import IdentityProvider, IdentityProviders
from app.tokens.jwks import KeyStore
from app.tokens.user_info import UserInfo
from app.tokens.verifier import Verifier
from app.tokens.xsuaa_provider import XsuaaProvider


@dataclass(frozen=True, slots=True)
class XsuaaParts:
    """What knows an XSUAA. `bridge` is how users of the identity service get there."""

    credentials: XsuaaCredentials
    verifier: Verifier
    provider: XsuaaProvider
    bridge: XsuaaBridge


@dataclass(frozen=True, slots=True)
class IdentityParts:
    """What knows the identity service."""

    verifier: IdentityVerifier
    provider: IdentityServiceProvider
    exchange: IdentityExchange


@dataclass(frozen=True, slots=True)
class Authorities:
    """What is bound, at least one of the two; `providers` are both as logins see them."""

    providers: IdentityProviders
    xsuaa: XsuaaParts | None
    identity: IdentityParts | None


def compose_authorities(configuration: Configuration, platform: Platform) -> Authorities | None:
    """The authorization servers; None where none is bound."""
    services = configuration.services
    preferred = default_authentication(configuration.bindings, configuration.settings)
    if preferred is None:
        return None
    xsuaa = _xsuaa(services.xsuaa, platform) if services.xsuaa is not None else None
    identity = _identity(configuration, services.identity, platform, xsuaa) if services.identity is not None else None
    bound: dict[AuthenticationType, IdentityProvider] = {}
    if xsuaa is not None:
        bound[AuthenticationType.XSUAA] = xsuaa.provider
    if identity is not None:
        bound[AuthenticationType.IAS] = identity.provider
    minimum_validity = configuration.settings.minimum_token_validity
    providers = IdentityProviders(bound, AuthenticationType(preferred), minimum_validity)
    return Authorities(providers, xsuaa, identity)


def _xsuaa(credentials: XsuaaCredentials, platform: Platform) -> XsuaaParts:
    keys = KeyStore(platform.clients, credentials.verificationkey)
    verifier = Verifier(credentials, keys)
    return XsuaaParts(
        credentials,
        verifier,
        XsuaaProvider(credentials, platform.grants, verifier, keys),
        XsuaaBridge(credentials, platform.grants, platform.tokens, verifier),
    )


def _identity(
    configuration: Configuration, credentials: IdentityCredentials, platform: Platform, xsuaa: XsuaaParts | None
) -> IdentityParts:
    home = configuration.services.home or credentials
    discovery = Discovery(platform.clients, credentials)
    keys = KeyStore(platform.clients, authority=IDENTITY_SERVICE)
    grants = IdentityGrants(platform.clients, credentials, discovery)
    verifier = IdentityVerifier(credentials, home.tenant, discovery, keys)
    provider = IdentityServiceProvider(
        credentials,
        discovery,
        grants,
        verifier,
        keys,
        bridge=xsuaa.bridge if xsuaa is not None else None,
        token_hint=configuration.settings.logout_with_token_hint,
    )
    return IdentityParts(verifier, provider, IdentityExchange(grants, provider))


def compose_shown_tokens(authorities: Authorities) -> ShownTokens:
    """Tokens that callers show."""
    xsuaa, identity = authorities.xsuaa, authorities.identity
    return ShownTokens(
        xsuaa.verifier if xsuaa is not None else None,
        identity.verifier if identity is not None else None,
        xsuaa.bridge.exchange_again if xsuaa is not None else None,
    )


def compose_weak_tokens(authorities: Authorities, platform: Platform) -> WeakTokens:
    """Weak tokens are the identity service's, where it is bound."""
    identity, xsuaa = authorities.identity, authorities.xsuaa
    if identity is not None:
        return WeakTokens(identity.verifier, identity.exchange.token)
    assert xsuaa is not None
    return WeakTokens(xsuaa.verifier, lambda weak: platform.tokens.exchanged(xsuaa.credentials, weak))


def compose_passwords(authorities: Authorities, platform: Platform) -> PasswordLogin | None:
    """Callers with name and password."""
    xsuaa = authorities.xsuaa
    return PasswordLogin(xsuaa.credentials, platform.grants, xsuaa.verifier) if xsuaa is not None else None


def compose_user_info(authorities: Authorities, platform: Platform) -> UserInfo | None:
    """Attributes of users that log in with the XSUAA."""
    xsuaa = authorities.xsuaa
    return UserInfo(platform.clients, xsuaa.credentials) if xsuaa is not None else None
