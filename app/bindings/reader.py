"""Which source of bindings counts: the first that is there, and a file for what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.bindings import local_files, mounted_secrets, vcap_services
from app.bindings.binding import Binding, Bindings
from app.problem import Problem


def read_bindings(workdir: Path, environ: Mapping[str, str]) -> tuple[Bindings, list[Problem]]:
    """The bindings of this process, and what is wrong with them.

    They are in the first of `VCAP_SERVICES_FILE_PATH`, `VCAP_SERVICES`, `SERVICE_BINDING_ROOT` and `/etc/secrets/sapcp`
    that is there. `default-services.json` in the working directory, for local work, adds the services that are missing
    there, as in the reference.
    """
    found, problems = _first_source(environ)
    local, local_problems = local_files.from_services_file(workdir, environ.get("UAA_SERVICE_NAME", ""))
    bound = Bindings(tuple(found))
    missing = [each for each in local if not (bound.of_service(each.label) or bound.by_name(each.name))]
    return Bindings((*bound.all, *missing)), [*problems, *local_problems]


def _first_source(environ: Mapping[str, str]) -> tuple[list[Binding], list[Problem]]:
    if vcap_services.FILE_VARIABLE in environ:
        return vcap_services.from_file(environ)
    if vcap_services.VARIABLE in environ:
        return vcap_services.from_variable(environ)
    if mounted_secrets.ROOT_VARIABLE in environ:
        root = Path(environ[mounted_secrets.ROOT_VARIABLE])
        if not root.is_dir():
            return [], [Problem(mounted_secrets.ROOT_VARIABLE, "", str(root), "a directory")]
        return mounted_secrets.from_directory(root)
    if mounted_secrets.DEFAULT_ROOT.is_dir():
        return mounted_secrets.from_directory(mounted_secrets.DEFAULT_ROOT)
    return [], []
