"""Service bindings, whichever platform delivered them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

IDS = ("instance_name", "instance_guid", "binding_name", "binding_guid")
"""Names and ids by which the platform tells instances and bindings apart."""


def ids_of(properties: Mapping[str, Any]) -> dict[str, str]:
    """Those of `IDS` among the properties of a binding; in files, their names may have hyphens."""
    found = {name: properties.get(name) or properties.get(name.replace("_", "-")) for name in IDS}
    return {name: str(value) for name, value in found.items() if value}


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
    ids: Mapping[str, str] = field(default_factory=dict)
    """Those of `IDS` that the platform tells."""

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
        """The first of those that `matching` finds."""
        return _first(self.matching(**wanted))

    def matching(self, **wanted: str | None) -> tuple[Binding, ...]:
        """The bindings that fit all of `name`, `label`, `tag`, `plan` and `IDS` that are given."""
        given = [(key, value) for key, value in wanted.items() if value is not None]
        return tuple(binding for binding in self.all if all(_has(binding, key, value) for key, value in given))

    def queried(self, key: str, query: Mapping[str, str | None]) -> tuple[Binding, ...]:
        """The bindings that fit a query, else what `default-services.json` has under the query's key."""
        return self.matching(**query) or tuple(binding for binding in self.all if binding.local_key == key)


def _first(bindings: Iterable[Binding]) -> Binding | None:
    return next(iter(bindings), None)


def _own_tags(binding: Binding) -> tuple[str, ...]:
    tags = binding.credentials.get("tags")
    return tuple(str(tag) for tag in tags) if binding.label == "user-provided" and isinstance(tags, list) else ()


def _has(binding: Binding, key: str, value: str) -> bool:
    match key:
        case "tag":
            return value in binding.tags or value in _own_tags(binding)
        case "name" | "label" | "plan":
            return bool(getattr(binding, key) == value)
        case _:
            return binding.ids.get(key) == value
