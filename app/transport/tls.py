"""TLS contexts to backends, one for each identity, made once."""

from __future__ import annotations

import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from app.errors import Failure, GatewayError
from app.transport.pool_key import ClientCertificate, TlsIdentity

MAX_CONTEXTS = 256


class TlsContexts:
    """Contexts by `TlsIdentity`. A renewed certificate is another identity, so it gets a context of its own.

    `ca_files` (PEM) are trusted in addition to the system's authorities; `verify=False` switches verification off
    for all (NODE_TLS_REJECT_UNAUTHORIZED=0).
    """

    def __init__(self, ca_files: Sequence[Path] = (), *, verify: bool = True) -> None:
        self._ca_files = tuple(ca_files)
        self._verify = verify
        self._contexts: OrderedDict[TlsIdentity, ssl.SSLContext] = OrderedDict()

    def get(self, identity: TlsIdentity) -> ssl.SSLContext:
        """The context of an identity. Raises GatewayError(BACKEND_TLS_FAILED) when its certificates are unusable."""
        context = self._contexts.get(identity)
        if context is None:
            context = self._contexts[identity] = self._create(identity)
            if len(self._contexts) > MAX_CONTEXTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(identity)
        return context

    def _create(self, identity: TlsIdentity) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        try:
            for file in self._ca_files:
                context.load_verify_locations(cafile=file)
            if identity.trusted_pem:
                context.load_verify_locations(cadata=identity.trusted_pem)
            if identity.client:
                _load_client_certificate(context, identity.client)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise GatewayError(Failure.BACKEND_TLS_FAILED, f"unusable certificates: {type(error).__name__}") from error
        if identity.trust_all or not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _load_client_certificate(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """`ssl` reads client certificates from files only; the file is readable by us alone and lives for this call."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{client.key}\n{client.certificate}\n")
        file.flush()
        context.load_cert_chain(file.name)
