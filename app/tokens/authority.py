"""Which kind of authorization server is asked: what its failures are called, and whose timeouts hold."""

from __future__ import annotations

from dataclasses import dataclass

from app.errors import Failure
from app.platform_service import Service


@dataclass(frozen=True, slots=True)
class Authority:
    """The rows of the error table for requests it refuses, and for a server that does not answer."""

    refused: Failure
    unavailable: Failure
    service: Service


XSUAA = Authority(Failure.XSUAA_REFUSED, Failure.XSUAA_UNAVAILABLE, Service.XSUAA)
IDENTITY_SERVICE = Authority(Failure.IDENTITY_REFUSED, Failure.IDENTITY_UNAVAILABLE, Service.IDENTITY)
