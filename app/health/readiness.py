"""What has to hold before the platform may send requests: facts that components report, not calls made on demand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The last known result of a check. `detail` is public: it names no address and no secret."""

    ok: bool
    detail: str = ""


class Readiness:
    """The checks of this process by name; it is ready once each of them has held.

    `names` are the checks that have to hold before the process can be ready at all. A service that fails later shows
    in `checks`, but does not end readiness: the platform would take all instances away, and with them the public
    routes and files that work without it.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._checks = {name: Check(False, "not known yet") for name in names}
        self._held: set[str] = set()

    def mark(self, name: str, ok: bool, detail: str = "", *, dispensable: bool = False) -> None:
        """Report a check; the last report counts. What is `dispensable` need not hold for the process to be ready."""
        self._checks[name] = Check(ok, detail)
        if ok or dispensable:
            self._held.add(name)

    @property
    def ready(self) -> bool:
        """Whether every check has held at least once."""
        return self._checks.keys() <= self._held

    @property
    def healthy(self) -> bool:
        """Whether every check holds now."""
        return all(check.ok for check in self._checks.values())

    @property
    def checks(self) -> dict[str, Check]:
        """The last result of every check."""
        return dict(self._checks)
