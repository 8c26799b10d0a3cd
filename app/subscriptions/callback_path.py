"""The path of a callback, as the service instance's configuration has it: a URL with or without a variable part."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.tokens.endpoints import is_zone

_URL = re.compile(r"(?:[a-z]+://)?([^/?#]+)(/[^?#]*)?(?:\?.*)?", re.IGNORECASE | re.DOTALL)
_VARIABLE = re.compile(r"\{[^{}/]*\}")


@dataclass(frozen=True, slots=True)
class CallbackPath:
    """`host`: where the platform calls. A tenant's id stands between `before` and `after`, if `has_tenant`."""

    host: str
    before: str
    after: str = ""
    has_tenant: bool = False

    def tenant_id(self, path: str) -> str | None:
        """The tenant id in a path, empty where there is none to be; None when this is another path."""
        if not self.has_tenant:
            return "" if path == self.before else None
        if not (path.startswith(self.before) and path.endswith(self.after)):
            return None
        found = path[len(self.before) : len(path) - len(self.after)]
        return found if is_zone(found) else None


def parse_callback(url: str) -> CallbackPath | None:
    """The path of a URL such as `https://app.example/callback/tenants/{tenantId}`, whose scheme may be left out.

    None when it is no such URL, or has more than one variable part.
    """
    match = _URL.fullmatch(url.strip())
    if match is None:
        return None
    before, *rest = _VARIABLE.split(match[2] or "/")
    if len(rest) > 1:
        return None
    return CallbackPath(match[1], before, "".join(rest), has_tenant=bool(rest))
