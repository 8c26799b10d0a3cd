"""Where sessions live, of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bindings.redis_credentials import RedisCredentials
from app.configuration import Configuration
from app.sessions.driver import load_driver
from app.sessions.guarded_table import GuardedTable
from app.sessions.memory_store import MemorySessionStore
from app.sessions.store import Lifetime, SessionStore
from app.settings.json_variables import ExternalSessions

if TYPE_CHECKING:
    from app.sessions.session_table import SessionTable

MINUTE = 60.0
LEAST_PATIENCE = 1.0


def session_lifetime(configuration: Configuration) -> Lifetime:
    """How long sessions live."""
    return Lifetime(idle=configuration.session_timeout * MINUTE)


def compose_session_store(configuration: Configuration, table: SessionTable | None) -> SessionStore:
    """The store: over a table outside of the process, else in memory."""
    lifetime = session_lifetime(configuration)
    settings = configuration.settings.ext_session_mgt
    if settings is None or table is None:
        return MemorySessionStore(lifetime)
    from app.sessions.external_store import ExternalSessionStore

    return ExternalSessionStore(table, settings.session_secret, lifetime)


def compose_session_table(configuration: Configuration) -> SessionTable | None:
    """The table that `EXT_SESSION_MGT` names, if any. Drivers are loaded only where they are needed."""
    settings = configuration.settings.ext_session_mgt
    binding = configuration.bindings.by_name(settings.instance_name) if settings is not None else None
    if settings is None or binding is None:
        return None
    if settings.external_store_file_path is not None:
        table = load_driver(settings.external_store_file_path, configuration.workdir)(binding.credentials)
        return GuardedTable(table, settings.instance_name)
    return _redis_table(settings, RedisCredentials.model_validate(dict(binding.credentials)))


def _redis_table(settings: ExternalSessions, credentials: RedisCredentials) -> SessionTable:
    from app.sessions.redis_client import RedisOptions, Trouble, redis_client
    from app.sessions.redis_table import RedisSessionTable

    options = RedisOptions(
        pause=settings.back_off_multiplier / 1000,
        connect_timeout=settings.connect_timeout / 1000,
        command_timeout=settings.command_timeout / 1000,
        keep_alive=(settings.keep_alive or 0) / 1000,
        verify=settings.reject_unauthorized,
        check_hostname=not settings.skip_cert_hostname_validation,
    )
    patience = max(settings.default_retry_timeout / 1000, LEAST_PATIENCE)
    trouble = Trouble()
    client = redis_client(credentials, options, trouble)
    return RedisSessionTable(client, settings.instance_name, settings.session_secret, patience, trouble)
