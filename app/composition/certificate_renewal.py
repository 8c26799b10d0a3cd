"""Client certificates of bindings are renewed by the platform, in the mounted files: taken over without a restart."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from app.bindings.binding import Binding, Bindings
from app.clients import PlatformClients, load_certificate
from app.transport.pool_key import ClientCertificate

log = logging.getLogger("gangway.tokens")

CHECK_SECONDS = 30.0
"""Certificates overlap by hours or days."""


class CertificateRenewal:
    """Compares the bindings of the start with those `read` finds now; what differs, `clients` show from then on."""

    def __init__(self, bindings: Bindings, read: Callable[[], Bindings], clients: PlatformClients) -> None:
        self._original = {(each.label, each.name): pair for each in bindings.all if (pair := _pair(each)) is not None}
        self._read = read
        self._clients = clients

    async def run(self) -> None:
        """Check now and then, until cancelled."""
        while self._original:
            await asyncio.sleep(CHECK_SECONDS)
            await self.check()

    async def check(self) -> None:
        """Take over what has been renewed; a pair that does not fit together is still being written."""
        for binding in (await asyncio.to_thread(self._read)).all:
            original, latest = self._original.get((binding.label, binding.name)), _pair(binding)
            if original is None or latest is None or latest == self._clients.current(original):
                continue
            try:
                load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), latest)
            except ssl.SSLError:
                log.warning("renewed certificate is unusable", extra={"fields": {"binding": binding.name}})
                continue
            self._clients.replace(original, latest)
            log.info("certificate renewed", extra={"fields": {"binding": binding.name}})


def _pair(binding: Binding) -> ClientCertificate | None:
    certificate, key = binding.credentials.get("certificate"), binding.credentials.get("key")
    return ClientCertificate(certificate, key) if isinstance(certificate, str) and isinstance(key, str) else None
