"""What `check` says about a configuration: its problems, and what its author should know of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.bindings.binding import Bindings
from app.bindings.services import Services, xsuaa_binding, xsuaa_bindings
from app.pem import is_trust_store
from app.problem import Problem, shown
from app.settings.json_variables import ADVISED_SECRET
from app.settings.settings import Settings, unknown_variables

VARIABLES_WITHOUT_EFFECT = (
    "CACHE_SERVICE_CREDENTIALS",
    "CF_NODEJS_LOGGING_LEVEL",
    "COOKIE_BACKWARD_COMPATIBILITY",
    "DISABLE_HTML5_REPO_KEEP_ALIVE",
    "NODE_DEBUG",
    "SKIP_CLIENT_CREDENTIALS_TOKENS_LOAD",
    "ZONE_INFO_CACHE_TTL",
    "ZONE_INFO_MAX_CACHE_TTL",
)
"""Variables of the reference router that have no meaning here; docs/compatibility.md says why."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a variable of a valid configuration that its author should know."""

    variable: str
    message: str

    def __str__(self) -> str:
        return f"{self.variable}: {self.message}"


def notes(environ: Mapping[str, str], settings: Settings, services: Services, bindings: Bindings) -> Iterator[Note]:
    """Variables that have no effect here, or not with these bindings or this value, those that could be better, and
    those with our prefix that mean nothing.
    """
    yield from (Note(name, "without effect here") for name in VARIABLES_WITHOUT_EFFECT if name in environ)
    xsuaa = xsuaa_binding(bindings)
    if xsuaa is not None and not settings.uaa_service_name and (count := len(xsuaa_bindings(bindings))) > 1:
        yield Note("UAA_SERVICE_NAME", f"not set, and {count} xsuaa bindings: '{xsuaa.name}' is the one that is used")
    if settings.enable_frame_ancestors_csp_headers and not (services.xsuaa is not None and services.xsuaa.apiurl):
        yield Note("ENABLE_FRAME_ANCESTORS_CSP_HEADERS", "without effect: no XSUAA with an apiurl is bound")
    if services.certified is None:
        for entry in settings.destinations:
            if entry.forward_auth_certificates:
                yield Note("destinations", f"'{entry.name}' gets no certificate: no authentication service has one")
    extra = environ.get("NODE_EXTRA_CA_CERTS", "")
    if extra and not is_trust_store(extra):
        yield Note("NODE_EXTRA_CA_CERTS", f"left out: {shown(extra)} is no file with certificates in PEM")
    if settings.node_tls_reject_unauthorized not in ("0", "1"):
        yield Note("NODE_TLS_REJECT_UNAUTHORIZED", "certificates are verified: only 0 switches that off")
    store = settings.ext_session_mgt
    if store is not None and len(store.session_secret) < ADVISED_SECRET:
        yield Note("EXT_SESSION_MGT", f"sessionSecret should have at least {ADVISED_SECRET} characters")
    yield from (Note(name, "unknown variable, ignored") for name in unknown_variables(environ))


def report(problems: Sequence[Problem], notes: Sequence[Note]) -> str:
    """What `check` prints: a block per problem, a line per note, and what it comes to."""
    blocks = [str(problem) for problem in problems]
    if notes:
        blocks.append("\n".join(f"note: {note}" for note in notes))
    count = len(problems)
    blocks.append(
        f"{count} problem{'s' if count > 1 else ''}: nothing was started." if count else "Configuration valid."
    )
    return "\n\n".join(blocks)
