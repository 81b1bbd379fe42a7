"""Fields that are one setting: `spark.conf[KEY]`, and `configurations[CLASSIFICATION][KEY]`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from emrgateway_server import conformance
from emrgateway_server.findings import Findings
from emrgateway_server.policy import facts
from emrgateway_server.policy.facts import CannotAmend
from emrgateway_server.policy.field import Bound, Field, Item, Scalar, decimal
from emrgateway_server.policy.subject import Subject, View
from emrgateway_server.shapes import Shape, request_shape

_CONF = re.compile(r"spark\.conf\[([^\[\]\s]+)\]")
_CONFIGURATION = re.compile(r"configurations\[([^\[\]\s]+)\]\[([^\[\]\s]+)\]")
# Spark reads these as lists, so that a rule must hold for each of their items.
_LISTS = frozenset(
    {
        "spark.archives",
        "spark.extraListeners",
        "spark.files",
        "spark.jars",
        "spark.jars.excludes",
        "spark.jars.packages",
        "spark.jars.repositories",
        "spark.plugins",
        "spark.sql.extensions",
        "spark.sql.queryExecutionListeners",
        "spark.sql.streaming.streamingQueryListeners",
        "spark.submit.pyFiles",
        "spark.yarn.dist.archives",
        "spark.yarn.dist.files",
        "spark.yarn.dist.jars",
    }
)
_SIZE = re.compile(r"(?i)[0-9]+ *[kmgtp]?i?b?")


def find(path: str) -> Field | None:
    """The setting that a path names. ValueError where it names none that there can be."""
    conf = _CONF.fullmatch(path)
    if conf:
        if not conf[1].startswith("spark."):
            raise ValueError(f"{path}: Spark ignores keys that do not begin with spark.")
        return ConfField(path, conf[1])
    configuration = _CONFIGURATION.fullmatch(path)
    if configuration:
        return ConfigurationField(path, configuration[1], configuration[2])
    if path.startswith(("spark.conf[", "configurations[")):
        raise ValueError(f"{path!r}: write spark.conf[KEY] or configurations[CLASSIFICATION][KEY]")
    return None


class _Setting(Field):
    """A text under a key."""

    writable = True

    def value_of(self, text: str) -> Scalar:
        """A policy's text as the setting's value; ValueError where AWS's model refuses it."""
        found = Findings()
        conformance.check_value(text, _value_shape(), self.path, found)
        if found.kept:
            raise ValueError(f"AWS refuses this value of {self.path}: {found.kept[0].description}")
        return text


class ConfField(_Setting):
    """A setting of Spark as it takes effect: flag before `--conf` before `spark-defaults`."""

    reads_parameters = True

    def __init__(self, path: str, key: str) -> None:
        super().__init__(path, "string", sensitive=True)
        self._key = key

    def exists(self, request: Mapping[str, Any]) -> bool:
        """Whether it is a Spark job."""
        return "sparkSubmit" in request.get("jobDriver", {})

    def get(self, view: View) -> object:
        """Its effective value."""
        return view.reading.texts.get(self._key)

    def put(self, subject: Subject, value: Scalar) -> None:
        """Put it where nothing overrides it."""
        subject.amend_conf(self._key, str(value))

    def number(self, view: View) -> float | None:
        """Its value as Spark counts it, sizes in bytes; unset, EMR Serverless' default."""
        text = view.reading.texts.get(self._key)
        if text is None:
            return facts.conf_default(self._key, view.reading.conf)
        return facts.conf_number(self._key, text)

    def texts(self, view: View) -> Sequence[str]:
        """The value, or each item of it."""
        text = view.reading.texts.get(self._key)
        if text is None:
            return ()
        return [each.strip() for each in text.split(",")] if self._key in _LISTS else (text,)

    def items(self, view: View) -> list[Item]:
        """The value and where it comes from."""
        return [Item(each, lambda: view.reading.conf[self._key].place, sensitive=True) for each in self.texts(view)]

    def bound(self, given: str | float) -> Bound:
        """A number (of bytes, where the key is a size), or a size such as 16g."""
        if not isinstance(given, str):
            return super().bound(given)
        if not _SIZE.fullmatch(given):
            raise ValueError(f"{self.path} is bounded by a number or a size such as 16g, and {given!r} is neither")
        return Bound(facts.conf_number(self._key, given), given)

    def bounded(self, bound: Bound) -> Scalar:
        """A bound as Spark reads it: a bare number of bytes would be read in the key's own unit."""
        if facts.conf_number(self._key, bound.text) == bound.number:
            return bound.text
        return f"{decimal(bound.number)}b"


class ConfigurationField(_Setting):
    """A property of a classification, at whatever depth: where it stands more than once, rules hold for each."""

    def __init__(self, path: str, classification: str, key: str) -> None:
        super().__init__(path, "string", sensitive=True)
        self._classification = classification
        self._key = key

    def views(self, subject: Subject) -> tuple[View, ...]:
        """One for each value that it has."""
        return tuple(View(subject, number) for number in range(max(1, len(self._values(subject.request)))))

    def get(self, view: View) -> object:
        """One of its values."""
        values = self._values(view.request)
        return values[view.number] if values else None

    def put(self, subject: Subject, value: Scalar) -> None:
        """Put it into the first top-level block of its classification, and take it from every other place."""
        blocks = list(self._blocks(subject.request))
        if self._values(subject.request):
            blocks = list(self._without(blocks))
        first = next((i for i, each in enumerate(blocks) if each.get("classification") == self._classification), None)
        if first is None:
            blocks.append({"classification": self._classification, "properties": {self._key: str(value)}})
        else:
            properties = {**blocks[first].get("properties", {}), self._key: str(value)}
            blocks[first] = {**blocks[first], "properties": properties}
        if len(blocks) > _limit(_blocks_shape()) or any(
            len(each.get("properties", {})) > _limit(_properties_shape()) for each in blocks if self._is_of(each)
        ):
            raise CannotAmend("cannot be amended: there is no room for policy's own setting; leave room for one more")
        subject.put(("configurationOverrides", "applicationConfiguration"), blocks)

    def _blocks(self, request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        blocks: Sequence[Mapping[str, Any]] = request.get("configurationOverrides", {}).get(
            "applicationConfiguration", ()
        )
        return blocks

    def _values(self, request: Mapping[str, Any]) -> list[str]:
        """Its values, each once: as many as a request can hold."""
        found = {
            text: None
            for each in _every(self._blocks(request))
            if self._is_of(each)
            for key, text in each.get("properties", {}).items()
            if key.strip() == self._key
        }
        return list(found)

    def _is_of(self, block: Mapping[str, Any]) -> bool:
        """Whether a block is of the classification: Hadoop trims names, so blanks around one hide nothing."""
        return str(block.get("classification", "")).strip() == self._classification

    def _without(self, blocks: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """The blocks less the property. One that held nothing else goes: empty, it would mean something to AWS."""
        for each in blocks:
            block = dict(each)
            if block.get("configurations"):
                block["configurations"] = list(self._without(block["configurations"]))
                if not block["configurations"]:
                    del block["configurations"]
            properties = block.get("properties", {})
            if self._is_of(block) and any(key.strip() == self._key for key in properties):
                block["properties"] = {key: text for key, text in properties.items() if key.strip() != self._key}
                if not block["properties"]:
                    del block["properties"]
            if block.keys() & {"properties", "configurations"} or not each.keys() & {"properties", "configurations"}:
                yield block


def _every(blocks: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for block in blocks:
        yield block
        yield from _every(block.get("configurations", ()))


def _blocks_shape() -> Shape:
    return request_shape("StartJobRun").members["configurationOverrides"].members["applicationConfiguration"]


def _properties_shape() -> Shape:
    block = _blocks_shape().element
    if block is None:
        raise TypeError("the model's configurations are no list")
    return block.members["properties"]


def _value_shape() -> Shape:
    value = _properties_shape().element
    if value is None:
        raise TypeError("the model's properties are no map")
    return value


def _limit(shape: Shape) -> float:
    return inf if shape.maximum is None else shape.maximum
