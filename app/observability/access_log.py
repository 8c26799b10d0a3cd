"""One line per request, in the platform's format for requests (protocols 7).

What an operator looks for stands first: level, time, and for a failed request the hop and what to do about it. The
constant part is prepared at start and stands last. Connection data, user, referer and TLS headers are masked unless
the settings of the same names as in SAP's logging libraries show them.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

from app.errors import GatewayError
from app.observability.json_formatter import LEVEL_NAMES
from app.observability.platform_fields import UNKNOWN
from app.observability.redaction import MASK, redact, redact_target
from app.observability.request_level import RequestLevel
from app.observability.timestamps import iso, nanoseconds
from app.principal import Caller, ServiceCaller, UserCaller
from app.request_head import RequestHead

MAX_TARGET = 4096
"""Characters of a request target that are written."""
MAX_CONTENT_TYPE = 256

_CONNECTION = {
    "x_forwarded_for": b"x-forwarded-for",
    "x_forwarded_host": b"x-forwarded-host",
    "x_forwarded_proto": b"x-forwarded-proto",
    "x_custom_host": b"x-custom-host",
}
_SSL = {
    "x_ssl_client": b"x-ssl-client",
    "x_ssl_client_verify": b"x-ssl-client-verify",
    "x_ssl_client_subject_dn": b"x-ssl-client-subject-dn",
    "x_ssl_client_subject_cn": b"x-ssl-client-subject-cn",
    "x_ssl_client_issuer_dn": b"x-ssl-client-issuer-dn",
    "x_ssl_client_notbefore": b"x-ssl-client-notbefore",
    "x_ssl_client_notafter": b"x-ssl-client-notafter",
    "x_ssl_client_session_id": b"x-ssl-client-session-id",
}


@dataclass(frozen=True, slots=True)
class AccessLogSettings:
    """Whose requests are written, whether all tell their way (`REQUEST_TRACE`), and what personal data is shown:
    `LOG_SENSITIVE_CONNECTION_DATA`, `LOG_REMOTE_USER`, and so on.
    """

    levels: RequestLevel = field(default_factory=RequestLevel)
    traced: bool = False
    sensitive_connection_data: bool = False
    remote_user: bool = False
    referer: bool = False
    ssl_headers: bool = False


@dataclass(slots=True)
class Outcome:
    """How a request ended, and its `way` where it was traced. `response_size` in bytes, -1 when unknown; `received_at`
    in epoch seconds, `duration` in seconds.
    """

    status: int
    received_at: float
    duration: float
    correlation_id: str
    response_size: int = -1
    content_type: bytes = b""
    tenant_id: str = UNKNOWN
    tenant_subdomain: str = UNKNOWN
    caller: Caller | None = None
    destination: str = UNKNOWN
    error: GatewayError | None = None
    way: Sequence[str] = ()


class AccessLog:
    """Writes request records. Ask `wants` first: when it says no, nothing needs to be collected."""

    def __init__(
        self,
        settings: AccessLogSettings,
        platform: Mapping[str, str],
        write: Callable[[str], object],
    ) -> None:
        self._settings = settings
        self._write = write
        self._shown = _shown_headers(settings)
        self._constant = _constant_part(settings, platform)

    def level(self, head: RequestHead) -> int:
        """The least level at which this request is written."""
        return self._settings.levels.of(head)

    def traces(self, level: int) -> bool:
        """Whether requests of this level tell their way."""
        return self._settings.traced or level <= logging.DEBUG

    def wants(self, error: GatewayError | None, level: int) -> bool:
        """Whether a request of this level that ended with this error, or without one, is written."""
        return _severity(error) >= level

    def write(self, head: RequestHead, outcome: Outcome, version: str = "1.1") -> None:
        """Write the record of a request; never raises, and never writes more than one line."""
        target = quoted(redact_target(head.target[:MAX_TARGET]))
        sent_at = outcome.received_at + outcome.duration
        written = iso(sent_at)
        identifier = quoted(outcome.correlation_id)
        self._write(
            f'{{"level":"{LEVEL_NAMES[_severity(outcome.error)]}","written_at":"{written}"{_failure(outcome.error)}'
            f',"method":{quoted(head.method)},"request":{target},"response_status":{outcome.status}'
            f',"response_time_ms":{outcome.duration * 1000:.3f},"destination":{quoted(outcome.destination)}'
            f',"correlation_id":{identifier},"request_id":{identifier},"tenant_id":{quoted(outcome.tenant_id)}'
            f',"tenant_subdomain":{quoted(outcome.tenant_subdomain)},"protocol":"HTTP/{version}"'
            f',"request_received_at":"{iso(outcome.received_at)}","response_sent_at":"{written}"'
            f',"written_ts":{nanoseconds(sent_at)},"request_size_b":{_request_size(head)}'
            f',"response_size_b":{outcome.response_size},"response_content_type":{_content_type(outcome.content_type)}'
            f"{_way(outcome.way)}{self._personal(head, outcome)},{self._constant}}}\n"
        )

    def refused(self, head: RequestHead, error: GatewayError, correlation_id: str, version: str) -> None:
        """Write the record of a request that never came through: `head` is what is known of it."""
        if self.wants(error, self.level(head)):
            self.write(head, Outcome(error.row.status, time.time(), 0.0, correlation_id, error=error), version)

    def _personal(self, head: RequestHead, outcome: Outcome) -> str:
        """The fields that the settings show; they are part of the constant text otherwise."""
        if not self._shown and not self._settings.remote_user:
            return ""
        fields = {name: head.header(header) or UNKNOWN for name, header in self._shown.items()}
        if self._settings.referer:
            fields["referer"] = redact_target(fields["referer"][:MAX_TARGET])
        if self._settings.sensitive_connection_data:
            fields |= {"remote_host": head.client, "remote_ip": head.client}
        if self._settings.remote_user:
            fields["remote_user"] = _name(outcome.caller)
        return "".join(f',"{name}":{quoted(redact(value))}' for name, value in fields.items())


def _request_size(head: RequestHead) -> int:
    """Bytes of the body as announced, -1 where they are not."""
    announced = head.first.get(b"content-length", b"")
    return int(announced) if announced.isdigit() else -1


@lru_cache(maxsize=256)
def _content_type(value: bytes) -> str:
    return quoted(redact(value[:MAX_CONTENT_TYPE].decode("latin-1")) or UNKNOWN)


def _name(caller: Caller | None) -> str:
    """The id by which a user, or the client by which an application, is known where it logged in."""
    match caller:
        case UserCaller():
            return caller.principal.user_id
        case ServiceCaller():
            return caller.principal.client_id
        case _:
            return UNKNOWN


def _severity(error: GatewayError | None) -> int:
    if error is None:
        return logging.INFO
    return logging.ERROR if error.row.status >= 500 else logging.WARNING


def _failure(error: GatewayError | None) -> str:
    """What whoever is on call needs: the hop that failed, what happened there, and what to do."""
    if error is None:
        return ""
    row = error.row
    detail = redact(error.whole_detail)
    message = f"{row.title} at {row.hop}: {detail or error.advice}"
    return (
        f',"msg":{quoted(message)},"hop":"{row.hop}","failure":"{error.failure.name}","detail":{quoted(detail)}'
        f',"advice":{quoted(error.advice)}'
    )


def _way(steps: Sequence[str]) -> str:
    return f',"way":[{",".join(quoted(redact(step)) for step in steps)}]' if steps else ""


def _shown_headers(settings: AccessLogSettings) -> dict[str, bytes]:
    return {
        **(_CONNECTION if settings.sensitive_connection_data else {}),
        **(_SSL if settings.ssl_headers else {}),
        **({"referer": b"referer"} if settings.referer else {}),
    }


def _constant_part(settings: AccessLogSettings, platform: Mapping[str, str]) -> str:
    """The end of every line, without braces: what is read last stands last."""
    masked = [
        *(() if settings.sensitive_connection_data else (*_CONNECTION, "remote_host", "remote_ip")),
        *(() if settings.ssl_headers else _SSL),
        *(() if settings.referer else ("referer",)),
        *(() if settings.remote_user else ("remote_user",)),
    ]
    fields: dict[str, str | int] = {"type": "request", "logger": "gangway.access", "direction": "IN", **platform}
    fields |= dict.fromkeys(masked, MASK)
    fields["remote_port"] = UNKNOWN if settings.sensitive_connection_data else MASK
    return json.dumps(fields, separators=(",", ":"))[1:-1]
