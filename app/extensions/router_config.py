"""Routes of another xs-app.json, to serve some requests by (the reference's `createRouterConfig`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.configuration import Configuration, load_configuration


@dataclass(frozen=True, eq=False)
class RouterConfig:
    """Made and checked by `Application.create_router_config`; opaque for extensions.

    Of its configuration count routes, welcome page, web sockets and error pages; the rest is the application's.
    """

    configuration: Configuration
    own_destinations: bool = False
    """Whether its `destinations` are its own instead of the environment's."""


def make_router_config(
    workdir: Path,
    environ: Mapping[str, str],
    document: Mapping[str, Any],
    destinations: Sequence[Mapping[str, Any]] | None,
    xsappname: str | None,
) -> RouterConfig:
    """Check a descriptor and destinations; `xsappname` replaces `$XSAPPNAME`. Raises ConfigurationError."""
    if xsappname is not None:
        document = json.loads(json.dumps(document).replace("$XSAPPNAME", json.dumps(xsappname)[1:-1]))
    if destinations is not None:
        environ = {**environ, "destinations": json.dumps(destinations)}
    return RouterConfig(load_configuration(workdir, environ, document), destinations is not None)
