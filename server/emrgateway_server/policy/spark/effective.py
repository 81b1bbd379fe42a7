"""The configuration that a Spark job has in effect: defaults, then --conf, then options, by Spark's own precedence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emrgateway_server.policy.environment import STANDS_FOR
from emrgateway_server.policy.javaoptions import properties
from emrgateway_server.policy.meanings import of_spark
from emrgateway_server.policy.named import Named
from emrgateway_server.policy.spark import options
from emrgateway_server.policy.spark.defaults import UNKNOWABLE, Raw
from emrgateway_server.policy.spark.parameters import Parameters, Setting

_Entry = tuple[str, Any, Any]  # of a Raw
_OLDER = frozenset(key for older in options.ALTERNATES.values() for key in older)
_REFERENCE = re.compile(r"\$\{(?:(\w+?):)?(\S+?)\}")  # ConfigReader.REF_RE
_DEEPEST = 16
_LONGEST = 16_384
_MOST = 64


class Conf(Mapping[str, Named]):
    """Key → value and place. Places are worked out when a key is asked for: a request has many, rules name few."""

    __slots__ = ("raw",)

    def __init__(self, raw: Raw) -> None:
        self.raw = raw

    def __getitem__(self, key: str) -> Named:
        value, origin, detail = self.raw[key]
        return Named(value, origin.place(detail), sensitive=True)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as Mapping's
        """The key's value and place."""
        return self[key] if key in self.raw else default

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, key: object) -> bool:
        return key in self.raw


def effective(defaults: Raw, read: Parameters) -> list[Raw]:
    """The configurations that Spark may see: more than one where an option and --conf set one key.

    SparkSubmitArguments lets the option win; the launcher that bin/spark-submit starts before it lets the later one
    win, for the four options that it folds. A bare word ends Spark's options, so what follows may be in effect or not.
    Where the entry point submits again by its arguments, theirs beat the string's, options too.
    """
    ways: list[Raw] = []
    if read.inner is not None:
        ways += effective(_merged(defaults, read, read.settings, folded=frozenset()), read.inner)
    counts = {len(read.settings)} if read.stop is None else {len(read.settings), read.stop}
    for count in sorted(counts, reverse=True):
        settings = read.settings[:count]
        ways.append(_merged(defaults, read, settings, folded=frozenset()))
        if _is_folded(settings):
            ways.append(_merged(defaults, read, settings, folded=options.FOLDED))
    return ways


def _is_folded(settings: Sequence[Setting]) -> bool:
    """Whether an option that the launcher folds, and --conf, set one key: only then does their order matter."""
    folded = {setting.key for setting in settings if setting.flag in options.FOLDED}
    return bool(folded) and any(setting.key in folded and setting.flag in options.CONF for setting in settings)


def expanded(raw: Raw) -> Raw | None:
    """The configuration with `${…}` put in as Spark's ConfigReader does; None where nothing refers to anything."""
    if not any("${" in entry[0] for entry in raw.values()):
        return None
    expansion = Expansion(raw)
    return {key: (expansion.of(value), origin, detail) for key, (value, origin, detail) in raw.items()}


class Expansion:
    """Puts in what `${…}` refers to in a configuration.

    What stands in the job's environment, in its system properties or in Spark's own defaults is not known here: a value
    that refers to it is one that nothing allows, as is one that refers to itself.
    """

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._known: dict[str, str] = {}

    def of(self, text: str, depth: int = 0) -> str:
        """One value."""
        if "${" not in text:
            return text
        if text.count("${") > _MOST:
            return UNKNOWABLE
        pieces: list[str] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            pieces += [text[end : match.start()], self._referred(match[0], match[1], match[2], depth)]
            end = match.end()
        result = "".join([*pieces, text[end:]])
        return UNKNOWABLE if UNKNOWABLE in result or len(result) > _LONGEST else result

    def _referred(self, whole: str, prefix: str | None, name: str, depth: int) -> str:
        if prefix is not None or not name.startswith("spark."):
            return UNKNOWABLE if prefix in ("env", "system") else whole
        if name not in self._known:
            self._known[name] = UNKNOWABLE  # for one that refers to itself
            if name in self._raw and depth < _DEEPEST:
                self._known[name] = self.of(self._raw[name][0], depth + 1)
        return self._known[name]


def _merged(defaults: Raw, read: Parameters, settings: list[Setting], folded: frozenset[str]) -> Raw:
    raw = dict(defaults)
    in_order = options.CONF | folded
    above: Raw = {}
    for setting in settings:
        if setting.flag in in_order:
            raw[setting.key] = (setting.value, read, setting)
        elif setting.key:
            above[setting.key] = (setting.value, read, setting)
    raw |= above
    return _aged(_surrounded(raw))


def _surrounded(raw: Raw) -> Raw:
    """With what variables and the JVM's own options set, which Spark takes where nothing else sets it.

    Several that do not agree are a value that nothing allows.
    """
    keys = [key for key in raw if of_spark(key).surrounds]
    for stands in (_stands_for, _properties) if keys else ():
        found: Raw = {}
        for key, value, entry in stands({key: raw[key] for key in keys}):
            other = found.get(key, (value,))[0]
            found[key] = (value if value == other else UNKNOWABLE, *entry[1:])
        for key in found.keys() - raw.keys():
            raw[key] = found[key]
    return raw


def _stands_for(raw: Raw) -> Iterator[tuple[str, str, _Entry]]:
    for key, entry in raw.items():
        name = of_spark(key).variable
        if name in STANDS_FOR:
            yield STANDS_FOR[name], entry[0], entry


def _properties(raw: Raw) -> Iterator[tuple[str, str, _Entry]]:
    for key, entry in raw.items():
        if of_spark(key).is_java:
            for name, value, _ in properties(entry[0]):
                yield name, value, entry


def _aged(raw: Raw) -> Raw:
    """The keys that older ones stand in for, where they are unset."""
    if not _OLDER.isdisjoint(raw):
        for key, older in options.ALTERNATES.items():
            found = next((each for each in older if each in raw), None)
            if key not in raw and found is not None:
                raw[key] = raw[found]
    return raw
