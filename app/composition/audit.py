"""The audit trail, of the configuration."""

from __future__ import annotations

from app.audit.service import AuditLogService
from app.audit.trail import AuditTrail, ConsoleSink, ServiceSink
from app.composition.platform import Platform
from app.configuration import Configuration


def compose_audit(configuration: Configuration, platform: Platform) -> AuditTrail:
    """To the bound audit log service, or to the log with personal data masked."""
    credentials = configuration.services.audit_log
    if credentials is None:
        return AuditTrail(ConsoleSink())
    return AuditTrail(ServiceSink(AuditLogService(platform.clients, credentials, platform.tokens).deliver))
