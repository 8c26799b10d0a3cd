"""Scopes a route wants from its user. Compiled once, decided without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import Failure, GatewayError

PLACEHOLDER = "$XSAPPNAME"
DEFAULT = "default"

ScopeSetting = str | Sequence[str] | Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class RequiredScopes:
    """One scope of a set is enough. `by_method` where methods differ, else `default`; None there denies."""

    default: frozenset[str] | None
    by_method: Mapping[str, frozenset[str]] = field(default_factory=dict)


def compile_scopes(setting: ScopeSetting, xsappname: str) -> RequiredScopes:
    """The `scope` property of a route, with the application's name in place of `$XSAPPNAME` (case-sensitive)."""
    if not isinstance(setting, Mapping):
        return RequiredScopes(_scopes(setting, xsappname))
    by_method = {name: _scopes(value, xsappname) for name, value in setting.items()}
    return RequiredScopes(by_method.pop(DEFAULT, None), by_method)


def _scopes(setting: str | Sequence[str], xsappname: str) -> frozenset[str]:
    names = [setting] if isinstance(setting, str) else setting
    return frozenset(name.replace(PLACEHOLDER, xsappname) for name in names)


def is_permitted(required: RequiredScopes, method: str, scopes: frozenset[str]) -> bool:
    """Whether a user with these scopes may; a method nobody mentioned is denied."""
    wanted = required.by_method.get(method, required.default)
    return wanted is not None and not wanted.isdisjoint(scopes)


def check_scopes(required: RequiredScopes | None, method: str, scopes: frozenset[str]) -> None:
    """Raise `SCOPE_MISSING` unless the route wants no scope or the user has one."""
    if required is not None and not is_permitted(required, method, scopes):
        raise GatewayError(Failure.SCOPE_MISSING)
