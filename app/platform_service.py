"""The platform services whose timeouts can be configured."""

from __future__ import annotations

from enum import StrEnum


class Service(StrEnum):
    """A service; the value is its name in `outgoingRequestOptions`."""

    XSUAA = "xsuaa"
    IDENTITY = "identity"
    DESTINATION = "destination"
