"""Why a connection could not be made, in words for whoever has to put it right."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

EXHAUSTED = {
    errno.EMFILE: "no file descriptors left",
    errno.ENFILE: "no file descriptors left",
    errno.ENOBUFS: "no buffers for sockets left",
}
"""What says nothing against the other side."""

_NUMBERS = {
    **EXHAUSTED,
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route",
    errno.ENETUNREACH: "no route",
    errno.ENETDOWN: "no route",
    errno.EADDRNOTAVAIL: "no route",
    errno.ETIMEDOUT: "no connection in time",
}
_ANOTHER_NAME = frozenset((62, 64))  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_TLS = frozenset(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"))
_NUMBER = re.compile(r"\[Errno (\d+)\]")
_MOST = 10


@dataclass(frozen=True, slots=True)
class ConnectReason:
    """`text` names neither hosts nor addresses; `logged` may. `untrusted`: the certificate is what fails, `no_tls`:
    what answers speaks something else, `exhausted`: it is this process that has no sockets left.
    """

    text: str
    logged: str = ""
    untrusted: bool = False
    no_tls: bool = False
    exhausted: bool = False


def connect_reason(error: BaseException) -> ConnectReason | None:
    """What an error says about a connection, itself or by one that it came from; None where none of them does."""
    for each in _chain(error):
        if isinstance(each, ssl.SSLError):
            return _of_tls(each)
        if isinstance(each, OSError) and (reason := _of_socket(each)) is not None:
            return reason
    return None


def why(error: BaseException) -> str:
    """The reason as the end of a sentence, nothing where none is known."""
    reason = connect_reason(error)
    return f": {reason.text}" if reason is not None else ""


def advice_for(error: BaseException) -> str:
    """What to do about a platform service that cannot be reached, empty where the error table knows best."""
    reason = connect_reason(error)
    if reason is not None and reason.untrusted:
        return "Let XS_CACERT_PATH name a file with the certificate of the authority that the service's is from."
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that caused it; a few, because chains can be circular."""
    for _ in range(_MOST):
        if error is None:
            return
        yield error
        group = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = group or error.__cause__ or error.__context__


def _of_tls(error: ssl.SSLError) -> ConnectReason:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _ANOTHER_NAME:
            return ConnectReason("the certificate is for another host name", error.verify_message, untrusted=True)
        return ConnectReason(f"certificate not trusted: {error.verify_message}", untrusted=True)
    reason = error.reason or "handshake failed"
    return ConnectReason(reason, no_tls=reason in _NO_TLS)


def _of_socket(error: OSError) -> ConnectReason | None:
    if isinstance(error, socket.gaierror):
        known = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        return ConnectReason("the host name is unknown" if known else "the host name cannot be resolved at the moment")
    number = error.errno
    if number is None and (found := _NUMBER.search(str(error))):  # several addresses, each with an error of its own
        number = int(found[1])
    if number is None:
        return None
    text = _NUMBERS.get(number) or errno.errorcode.get(number, f"errno {number}")
    return ConnectReason(text, exhausted=number in EXHAUSTED)
