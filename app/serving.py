"""Runs the gateway of a configuration in this process, on the server made for it, until it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.composition.application import compose
from app.configuration import Configuration
from app.inbound.protocol import InboundLimits
from app.inbound.server import Https, Listener
from app.inbound.server import serve as serve_inbound
from app.observability.logging_setup import parse_level, set_up_logging
from app.observability.platform_fields import platform_fields
from app.problem import ConfigurationError
from app.settings.settings import Settings
from app.workers import Workers, listening_socket

if TYPE_CHECKING:
    from app.composition.extending import Extending

log = logging.getLogger("gangway")

GC_THRESHOLDS = (10_000, 20, 100)


def serve(configuration: Configuration, extending: Extending | None = None, https: Https | None = None) -> int:
    """Serve until SIGTERM or SIGINT, in `WEB_CONCURRENCY` processes; the process's exit status.

    `https` goes before the variables GATEWAY_TLS_CERTIFICATE and GATEWAY_TLS_KEY.
    """
    settings = configuration.settings
    announce(configuration)
    https = https or _configured_https(settings)
    try:
        accepting = listening_socket(settings.xs_bind_address, settings.port)
    except OSError as error:
        log.error("cannot listen on port %d: %s", settings.port, error.strerror)
        return 1
    with accepting:
        if settings.web_concurrency == 1:
            return _serve_here(configuration, extending, https, accepting)
        return Workers(settings.web_concurrency, lambda: _serve_here(configuration, extending, https, accepting)).run()


def _serve_here(
    configuration: Configuration, extending: Extending | None, https: Https | None, accepting: socket.socket
) -> int:
    settings = configuration.settings
    listener = Listener(settings.port, settings.xs_bind_address, https, settings.http2_support, accepting)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(configuration, extending, listener))
    except ConfigurationError as error:
        log.error("the extensions cannot be served: %s", error)
        return 1
    except ssl.SSLError:
        log.error("certificate and key for https are unusable, or do not belong together")
        return 1
    except OSError as error:
        log.error("cannot listen on port %d: %s", settings.port, error.strerror)
        return 1
    return 0


def announce(configuration: Configuration) -> None:
    """Set up the log, and say there what is accepted without being effective."""
    set_up_logging(parse_level(configuration.settings.xs_app_log_level), platform_fields(configuration.environ))
    for note in configuration.notes:
        log.warning("%s", note)


async def _run(configuration: Configuration, extending: Extending | None, listener: Listener) -> None:
    settings = configuration.settings
    running = compose(configuration, extending)
    _settle_memory()
    try:
        limits, access_log = inbound_limits(settings), running.access_log
        cut = await serve_inbound(running.gateway, listener, limits, lambda: _announce(settings.port), access_log)
    finally:
        await running.aclose()
    log.log(logging.WARNING if cut else logging.INFO, "stopped", extra={"fields": {"requests_cut": cut}})


def _settle_memory() -> None:
    """What exists now stays and is not looked at again; what comes is collected as usual."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def _announce(port: int) -> None:
    log.info("listening", extra={"fields": {"port": port}})


def _configured_https(settings: Settings) -> Https | None:
    certificate, key = settings.gateway_tls_certificate, settings.gateway_tls_key
    return Https(Path(certificate), Path(key)) if certificate and key else None


def inbound_limits(settings: Settings) -> InboundLimits:
    """What clients may take their time for."""
    request = _seconds(settings.incoming_request_timeout)
    return InboundLimits(
        head=min(InboundLimits().head, request),
        request=request,
        keep_alive=_seconds(settings.server_keep_alive or settings.incoming_connection_timeout),
        stalled=_seconds(settings.incoming_connection_timeout),
    )


def _seconds(milliseconds: int) -> float:
    """0 stands for no limit."""
    return milliseconds / 1000 if milliseconds else math.inf


def _loop_factory() -> Callable[[], Any] | None:
    """uvloop where it exists; Windows has asyncio's own loop."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
