"""`ENABLE_X_FORWARDED_HOST_VALIDATION`: x-forwarded-host is a host name, or the request goes no further. Pure."""

from __future__ import annotations

import re

from app.errors import Failure, GatewayError
from app.request_head import RequestHead

_HOST = re.compile(r"(?=[^:]{1,253}(?::|\Z))[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?(?::[0-9]{1,5})?")


def check_forwarded_host(head: RequestHead) -> None:
    """Refuse (`BAD_REQUEST`) an x-forwarded-host with anything but letters, digits, hyphens, underscores and dots, or
    longer than a host name may be (RFC 1035, 2.3.4); a port may follow. Of a list, each counts.
    """
    for line in head.header_values(b"x-forwarded-host"):
        if not all(_HOST.fullmatch(host.strip(" \t")) for host in line.split(",")):
            raise GatewayError(Failure.BAD_REQUEST, "x-forwarded-host is not a host name")
