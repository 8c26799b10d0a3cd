"""No token, destination or connection of one tenant is reachable from another: by construction of what names them."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pathlib
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest

import app
from app.backends.resolver import BackendKey
from app.destinations.cache import DestinationKey
from app.errors import GatewayError
from app.login.basic import PasswordKey, Purpose
from app.principal import (
    AnonymousCaller,
    Caller,
    ServiceCaller,
    ServicePrincipal,
    ServiceToken,
    TechnicalPrincipal,
    Tenant,
    UserCaller,
    UserPrincipal,
    UserToken,
    principal_bytes,
)
from app.routing.reference import DestinationReference
from app.tokens.token_cache import ExchangedTokenKey, TechnicalTokenKey
from app.transport.pool_key import OnPremiseKey, Proxy

KEEPERS = {"ExpiringMap", "SingleFlight", "OrderedDict", "TokenKeeper", "WeakKeyDictionary"}
PACKAGE = pathlib.Path(app.__path__[0])

NOT_OF_A_TENANT = {
    "app.extensions.extended_gateway": "gateways of router configurations, which hold no token and no session",
    "app.forwarding.gate": "counts requests",
    "app.identity_service.discovery": "public documents of issuers, by issuer",
    "app.login.back_channel": "logout tokens seen before, by their own id",
    "app.login.tenant": "names of tenants by host",
    "app.observability.request_level": "levels of the log by digest of the very token, which is signed",
    "app.sessions.external_store": "sessions by the digest of a random id; the session holds its tenant",
    "app.sessions.manager": "that a session has ended, by the digest of its random id",
    "app.sessions.memory_store": "sessions by the digest of a random id; the session holds its tenant",
    "app.sessions.refresh": "renewals by session",
    "app.static_files.compressed_files": "static files, the same for everybody",
    "app.tokens.jwks": "public keys, named by the whole request they come from",
    "app.tokens.verifier": "validated tokens by digest of the very token, which is signed and names its tenant",
    "app.transport.pool": "sockets: to the connectivity proxy by principal, direct ones remember no request",
    "app.transport.tls": "TLS settings by their values",
}
"""Where things are kept whose names need no tenant, and why."""


def keepers() -> Iterator[tuple[str, str, Any]]:
    """Module, source of the key's type, and the type, of every keeper that is an attribute. Generic ones are left out:
    what they keep, and under which names, is said where they are used.
    """
    for file in PACKAGE.rglob("*.py"):
        module = ".".join(("app", *file.relative_to(PACKAGE).with_suffix("").parts))
        if module.startswith("app.landscape"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.AnnAssign) and isinstance(node.annotation, ast.Subscript):
                generic, arguments = node.annotation.value, node.annotation.slice
                if isinstance(generic, ast.Name) and generic.id in KEEPERS:
                    key = ast.unparse(arguments.elts[0] if isinstance(arguments, ast.Tuple) else arguments)
                    kind = eval(key, vars(importlib.import_module(module)))
                    if not isinstance(kind, typing.TypeVar):
                        yield module, key, kind


def names_its_tenant(kind: Any) -> bool:
    """Whether every value of a type holds a tenant and cannot be changed."""
    if kind is Tenant:
        return True
    if isinstance(kind, types.UnionType):
        return all(names_its_tenant(member) for member in typing.get_args(kind))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        frozen: bool = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        hints = typing.get_type_hints(kind)
        return frozen and any(names_its_tenant(hints[field.name]) for field in dataclasses.fields(kind))
    return False


def test_attack_69_whatever_is_kept_of_a_tenant_is_named_with_it() -> None:
    """Attack 69: a cache whose keys are not frozen values with a tenant in them is on the list above, or refused."""
    found = list(keepers())
    assert len(found) > 30
    nameless = [f"{module}: {key}" for module, key, kind in found if not names_its_tenant(kind)]
    assert [each for each in nameless if each.partition(":")[0] not in NOT_OF_A_TENANT] == []


def test_the_list_of_exceptions_holds_no_others() -> None:
    kept_in = {module for module, _, kind in keepers() if not names_its_tenant(kind)}
    needless = {module for module in NOT_OF_A_TENANT if not any(each.startswith(module) for each in kept_in)}
    assert needless == set()


ACME, GLOBEX = Tenant("z-1", "acme"), Tenant("z-2", "globex")
TENANTS = (ACME, GLOBEX, Tenant("", "acme"), Tenant("z-1", ""))
REFERENCE = DestinationReference("erp")


def user(tenant: Tenant, name: str = "alice", token: str = "t") -> UserCaller:
    return UserCaller(UserToken(UserPrincipal(tenant, "sap.default", name), token, frozenset(), 0))


def service(tenant: Tenant, client_id: str = "sb-a") -> ServiceCaller:
    return ServiceCaller(ServiceToken(ServicePrincipal(tenant, client_id), "t", frozenset(), 0))


def test_attack_69_equal_names_in_two_tenants_are_two_names() -> None:
    """Attack 69: user ids, client ids and destinations may be the same in two tenants."""
    for make in (
        lambda tenant: TechnicalTokenKey("https://a.example", "sb-a", tenant),
        lambda tenant: ExchangedTokenKey("https://a.example", "sb-a", user(tenant).principal, "f"),
        lambda tenant: DestinationKey(tenant, "erp"),
        lambda tenant: BackendKey(REFERENCE, user(tenant)),
        lambda tenant: BackendKey(REFERENCE, service(tenant)),
        lambda tenant: BackendKey(REFERENCE, AnonymousCaller(tenant)),
        lambda tenant: PasswordKey(tenant, Purpose.ROUTE, b"d"),
        lambda tenant: user(tenant),
        lambda tenant: service(tenant),
        lambda tenant: principal_bytes(user(tenant).principal),
        lambda tenant: principal_bytes(service(tenant).principal),
    ):
        assert len({make(tenant) for tenant in TENANTS}) == len(TENANTS)


def test_attack_69_users_services_and_nobody_never_share_a_backend() -> None:
    """Attack 69: nor do two tokens of one user, or a user of another origin."""
    callers: list[Caller] = [
        user(ACME),
        user(ACME, token="t2"),
        user(ACME, "bob"),
        UserCaller(UserToken(UserPrincipal(ACME, "other.idp", "alice"), "t", frozenset(), 0)),
        service(ACME),
        service(ACME, "alice"),
        AnonymousCaller(ACME),
    ]
    assert len({BackendKey(REFERENCE, caller) for caller in callers}) == len(callers)
    assert principal_bytes(UserPrincipal(ACME, "", "sb-a")) != principal_bytes(ServicePrincipal(ACME, "sb-a"))


def test_attack_69_a_destination_of_no_tenant_cannot_be_kept() -> None:
    """Attack 69: key asserts."""
    with pytest.raises(GatewayError):
        DestinationKey(Tenant("", ""), "erp")
    with pytest.raises(GatewayError):
        DestinationKey(ACME, "erp", user(GLOBEX).principal, "f")


def test_attack_67_sockets_to_the_connectivity_proxy_are_shared_by_nobody_else() -> None:
    """Attack 67: two virtual hosts, location ids, tenants or users never share a socket."""
    proxy = Proxy("proxy", 20003)
    alice = user(ACME).principal
    keys = [
        OnPremiseKey(proxy, alice, "", "erp", 443, ACME),
        OnPremiseKey(proxy, alice, "", "crm", 443, ACME),
        OnPremiseKey(proxy, alice, "", "erp", 8443, ACME),
        OnPremiseKey(proxy, alice, "madrid", "erp", 443, ACME),
        OnPremiseKey(proxy, alice, "", "erp", 443, GLOBEX),
        OnPremiseKey(proxy, user(GLOBEX).principal, "", "erp", 443, ACME),
        OnPremiseKey(proxy, user(ACME, "bob").principal, "", "erp", 443, ACME),
        OnPremiseKey(proxy, TechnicalPrincipal(ACME), "", "erp", 443, ACME),
    ]
    assert len(set(keys)) == len(keys)
