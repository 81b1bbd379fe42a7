"""Fields that are derived: lists and numbers that a request comes to, whichever way it says them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isnan
from typing import Any

from emrgateway_server.globs import Kind, kind_of
from emrgateway_server.policy.facts import Named
from emrgateway_server.policy.field import Field, Item, decimal
from emrgateway_server.policy.request_field import timeout_minutes
from emrgateway_server.policy.stamping import STAMPED_CONF
from emrgateway_server.policy.subject import View

PARAMETERS = "spark.parameters"
COST = "max_cost_usd"

_MINUTES_IN_AN_HOUR = 60


@dataclass(frozen=True, slots=True)
class Prices:
    """What capacity costs, in US dollars an hour: of a vCPU, a GB of memory, a GB of disk."""

    vcpu: float
    memory_gb: float
    disk_gb: float


class _Derived(Field):
    """What exists on Spark jobs alone where its name says so."""

    def __init__(self, path: str, kind: str, *, reads_parameters: bool = True) -> None:
        super().__init__(path, kind, sensitive=False)
        self.reads_parameters = reads_parameters

    def exists(self, request: Mapping[str, Any]) -> bool:
        """Whether the request can have it."""
        return not self.path.startswith("spark.") or "sparkSubmit" in request.get("jobDriver", {})


class DerivedList(_Derived):
    """A list of what a request names, in every channel."""

    def __init__(
        self, path: str, named: Callable[[View], Sequence[Named]], kind: Kind, *, reads_parameters: bool = True
    ) -> None:
        super().__init__(path, "list", reads_parameters=reads_parameters)
        self._named = named
        self._kind = kind
        self._is_told = kind in (Kind.ARN, Kind.SPARK_KEY)

    def get(self, view: View) -> object:
        """Its texts; None where there are none."""
        return self.texts(view) or None

    def texts(self, view: View) -> list[str]:
        """Its texts."""
        return [each.value for each in self._named(view)]

    def items(self, view: View) -> list[Item]:
        """Its texts, each with its place."""
        return [Item(each.value, partial(getattr, each, "place"), each.sensitive) for each in self._named(view)]

    def glob_kind(self, text: str) -> Kind:
        """What separates a text's segments: its look tells a URL."""
        if self._is_told:
            return self._kind
        return Kind.PLAIN if text.startswith("maven:") else kind_of(text, otherwise=self._kind)


class DerivedNumber(_Derived):
    """A number that a request comes to; infinity is unlimited."""

    def __init__(self, path: str, number: Callable[[View], float], *, reads_parameters: bool = True) -> None:
        super().__init__(path, "number", reads_parameters=reads_parameters)
        self._number = number

    def get(self, view: View) -> object:
        """The number as text: it is never unset."""
        try:
            number = self._number(view)
        except ValueError:
            return ""
        return "unlimited" if number == inf else decimal(round(number, 3))

    def number(self, view: View) -> float:
        """The number."""
        return self._number(view)


def find(path: str, prices: Prices | None) -> Field | None:
    """The derived field of a path."""
    if path == COST:
        return DerivedNumber(path, lambda view: _cost(view, prices))
    return _FIELDS.get(path)


def _of_reading(path: str, kind: Kind) -> DerivedList:
    return DerivedList(path, lambda view: getattr(view.reading, path), kind)


class _ConfKeys(DerivedList):
    """The keys that a caller or policy sets. They are as sensitive as their values: a place tells which is meant."""

    def __init__(self, path: str) -> None:
        super().__init__(path, lambda view: [view.reading.conf[key] for key in self.texts(view)], Kind.SPARK_KEY)

    def texts(self, view: View) -> list[str]:
        """The keys, less those that the gateway stamps."""
        return [key for key in view.reading.texts if key not in STAMPED_CONF]

    def items(self, view: View) -> list[Item]:
        """The keys, each with the place of its value."""
        conf = view.reading.conf
        return [Item(key, partial(_place, conf, key), sensitive=True) for key in self.texts(view)]


def _place(conf: Mapping[str, Named], key: str) -> str:
    return conf[key].place


def _troubles(view: View) -> list[Named]:
    """The kinds of what readers of the parameters disagree on."""
    return [Named(each.kind, each.place, sensitive=False) for each in view.subject.facts.troubles]


def _max_runtime_minutes(view: View) -> float:
    """Minutes of all attempts together. A streaming run is tried again for as long as it lives."""
    if view.request.get("mode") == "STREAMING":
        return inf
    attempts: int = view.request.get("retryPolicy", {}).get("maxAttempts", 1)
    return timeout_minutes(view.request) * max(1, attempts)


def _cost(view: View, prices: Prices | None) -> float:
    """US dollars, at most: size by runtime by price. Hive takes what its application's capacity allows: unlimited."""
    if prices is None:
        raise ValueError("cannot be told: the gateway has no prices; its operator sets them in gateway.yaml")
    if not view.subject.facts.is_spark:
        return inf
    reading = view.reading
    an_hour = (
        reading.number("spark.max_vcpus") * prices.vcpu
        + reading.number("spark.max_memory_gb") * prices.memory_gb
        + reading.number("spark.max_disk_gb") * prices.disk_gb
    )
    cost = an_hour * _max_runtime_minutes(view) / _MINUTES_IN_AN_HOUR
    return inf if isnan(cost) else cost  # something unlimited that has no price


def _size(path: str) -> DerivedNumber:
    return DerivedNumber(path, lambda view: view.reading.number(path))


_FIELDS: dict[str, Field] = {
    field.path: field
    for field in (
        _of_reading("artifacts", Kind.PATH),
        _of_reading("destinations", Kind.LOG_GROUP),
        _of_reading("kms_keys", Kind.ARN),
        _of_reading("roles", Kind.ARN),
        DerivedList(
            "classifications",
            lambda view: view.subject.facts.classifications,
            Kind.PLAIN,
            reads_parameters=False,
        ),
        _ConfKeys("spark.conf"),
        DerivedList(PARAMETERS, _troubles, Kind.PLAIN),
        _size("spark.max_vcpus"),
        _size("spark.max_memory_gb"),
        _size("spark.max_disk_gb"),
        DerivedNumber("max_runtime_minutes", _max_runtime_minutes, reads_parameters=False),
    )
}
NAMES = (*_FIELDS, COST)
