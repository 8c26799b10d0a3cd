"""Service bindings, whichever platform delivered them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Binding:
    """One bound service. `name` is the binding's or instance's name, `label` the service's."""

    label: str
    name: str
    tags: tuple[str, ...] = ()
    plan: str = ""
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)
    where: str = ""
    """File or variable it was read from."""
    local_key: str = ""
    """What `default-services.json` has it under, if it is from there."""

    @property
    def service_names(self) -> frozenset[str]:
        """Names by which routes may refer to it as a business service (protocols 6.1)."""
        names = (self.credentials.get("sap.cloud.service"), self.credentials.get("sap.cloud.service.alias"))
        return frozenset(name for name in names if isinstance(name, str))


@dataclass(frozen=True, slots=True)
class Bindings:
    """All bindings, in the order they were read."""

    all: tuple[Binding, ...] = ()

    def by_name(self, name: str) -> Binding | None:
        """The binding of that name."""
        return _first(binding for binding in self.all if binding.name == name)

    def by_tag(self, tag: str) -> Binding | None:
        """The first binding with a tag; user-provided services may carry it as their name or in their credentials."""
        tagged = _first(binding for binding in self.all if tag in binding.tags)
        return tagged or _first(binding for binding in self.all if tag in _own_tags(binding))

    def by_label(self, label: str) -> Binding | None:
        """The first binding of a service."""
        return _first(binding for binding in self.all if binding.label == label)

    def of_service(self, service: str) -> Binding | None:
        """The first binding of a platform service: by label, else by tag."""
        return self.by_label(service) or self.by_tag(service)

    def business_services(self, name: str) -> tuple[Binding, ...]:
        """The bindings that call themselves so, by `sap.cloud.service` or its alias."""
        return tuple(binding for binding in self.all if name in binding.service_names)

    def find(self, **wanted: str | None) -> Binding | None:
        """The first binding that fits all of `name`, `label`, `tag` and `plan` that are given."""
        return _first(binding for binding in self.all if _fits(binding, wanted))

    def queried(self, key: str, query: Mapping[str, str | None]) -> Binding | None:
        """The first binding that fits a query, else what `default-services.json` has under the query's key."""
        return self.find(**query) or _first(binding for binding in self.all if binding.local_key == key)


def _first(bindings: Iterable[Binding]) -> Binding | None:
    return next(iter(bindings), None)


def _own_tags(binding: Binding) -> tuple[str, ...]:
    tags = binding.credentials.get("tags")
    return tuple(str(tag) for tag in tags) if binding.label == "user-provided" and isinstance(tags, list) else ()


def _fits(binding: Binding, wanted: Mapping[str, str | None]) -> bool:
    tag = wanted.get("tag")
    plain = all(getattr(binding, key) == value for key, value in wanted.items() if key != "tag" and value is not None)
    return plain and (tag is None or tag in binding.tags or tag in _own_tags(binding))
