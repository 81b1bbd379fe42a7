"""What policy derives from a StartJobRun: its effective Spark configuration, sizes, and all that it names.

Pure, and lazy: each part is worked out when a rule in force first asks for it. Where readers of a request may disagree,
there is a `Reading` for each; every rule must hold under every one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import inf
from typing import Any

from emrgateway_server.policy.artifacts import artifacts
from emrgateway_server.policy.channels import Channels
from emrgateway_server.policy.destinations import destinations
from emrgateway_server.policy.hive import hive_words
from emrgateway_server.policy.kmskeys import kms_keys
from emrgateway_server.policy.named import KINDS, PARAMETERS, Named, Trouble
from emrgateway_server.policy.roles import roles
from emrgateway_server.policy.spark import defaults
from emrgateway_server.policy.spark.amendment import CannotAmend, amended
from emrgateway_server.policy.spark.defaults import Block, Raw
from emrgateway_server.policy.spark.effective import Conf, Expansion, effective, expanded
from emrgateway_server.policy.spark.parameters import Parameters, mixed, readings
from emrgateway_server.policy.spark.quantities import conf_number
from emrgateway_server.policy.spark.sizes import conf_default, size
from emrgateway_server.policy.spark.words import odd_characters

__all__ = [
    "KINDS",
    "CannotAmend",
    "Facts",
    "Named",
    "Reading",
    "Trouble",
    "amended",
    "conf_default",
    "conf_number",
    "read",
]

MOST_READINGS = 16
_WAYS_TO_CUT = 4  # those of `words.cuts`, for a string that is not plain
_ENTRY = 64  # characters that a property weighs as much as
MOST_OF_A_KIND = 20  # of troubles; none of another kind is lost by it, for a waiver is of a kind

_Way = tuple[Raw, Parameters, Expansion | None]


class Reading:
    """One way to read the request. `conf` is the effective Spark configuration; empty for a Hive job.

    The lists hold all that is named, also what a later setting overrides.
    """

    def __init__(self, request: Mapping[str, Any], raw: Raw, channels: Channels, *, is_spark: bool) -> None:
        self._request = request
        self._channels = channels
        self._is_spark = is_spark
        self._sizes: dict[str, float] = {}
        self.conf = Conf(raw)

    @cached_property
    def artifacts(self) -> tuple[Named, ...]:
        """Every code or data named by its location; Maven coordinates as `maven:group:artifact:version`."""
        return tuple(artifacts(self._request.get("jobDriver") or {}, self._channels))

    @cached_property
    def destinations(self) -> tuple[Named, ...]:
        """Where logs, events and metrics are sent, as written."""
        return tuple(destinations(self._overrides, self._channels))

    @cached_property
    def kms_keys(self) -> tuple[Named, ...]:
        """Every encryption key."""
        return tuple(kms_keys(self._overrides, self._channels))

    @cached_property
    def roles(self) -> tuple[Named, ...]:
        """The execution role, then every other that looks like one."""
        return tuple(roles(self._request, self._channels))

    @property
    def _overrides(self) -> Mapping[str, Any]:
        return self._request.get("configurationOverrides") or {}

    @cached_property
    def texts(self) -> dict[str, str]:
        """`conf` without places: key → value."""
        return defaults.values(self.conf.raw)

    def number(self, field: str) -> float:
        """`spark.max_vcpus`, `spark.max_memory_gb` or `spark.max_disk_gb`; infinity where unlimited.

        ValueError, its text without any value, where a size is not what Spark reads there.
        """
        if field not in self._sizes:
            self._sizes[field] = size(field, self.texts) if self._is_spark else inf
        return self._sizes[field]


class Facts:
    """What one request says. Nothing here ever raises, but `Reading.number`."""

    def __init__(self, request: Mapping[str, Any], before: Facts | None = None) -> None:
        driver = request.get("jobDriver") or {}
        self._request = request
        self._spark: Mapping[str, Any] = driver.get("sparkSubmit") or {}
        self._string: str = self._spark.get("sparkSubmitParameters") or ""
        self.is_spark = "sparkSubmit" in driver
        self._before = before

    @cached_property
    def troubles(self) -> tuple[Trouble, ...]:
        """What readers of the request's Spark settings disagree on, in the string's order, then the defaults'.

        The first of each kind, the last of them saying how many more there are.
        """
        if not self.is_spark:
            return ()
        found = {
            (column, kind): Trouble(kind, f"{PARAMETERS}, column {column}", message)
            for kind, column, message in self._in_string()
        }
        return tuple(_bounded([*(found[key] for key in sorted(found)), *defaults.troubles(self._defaults)]))

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """At least one; more where the ways to read the request differ in what is in effect."""
        if not self.is_spark:
            driver = self._request.get("jobDriver") or {}
            words = hive_words((driver.get("hive") or {}).get("parameters") or "")
            return (Reading(self._request, {}, Channels(blocks=self._read_blocks, hive=words), is_spark=False),)
        ways = list(self._ways())
        return tuple(
            Reading(self._request, raw, Channels(read, self._read_blocks, (), expansion), is_spark=True)
            for raw, read, expansion in (_distinct(ways) if ways[1:] else ways)
        )

    @cached_property
    def classifications(self) -> tuple[Named, ...]:
        """Every classification of the job's configuration, at any depth."""
        return tuple(
            Named(block.classification, block.member("classification"), sensitive=False) for block in self._blocks
        )

    @property
    def weight(self) -> int:
        """What it takes to read the Spark settings again, in characters of a string that is read in one way."""
        entries = sum(len(block.properties) for block in self._defaults)
        ways = len(self.readings) + (0 if self._parameters[0].words.is_plain else _WAYS_TO_CUT)
        return (len(self._string) + _ENTRY * entries) * ways

    @cached_property
    def _parameters(self) -> Sequence[Parameters]:
        before, self._before = self._before, None
        if before is not None and before._string == self._string:  # noqa: SLF001 - the same class
            return before._parameters  # noqa: SLF001 - the same class
        return readings(self._string)

    @cached_property
    def _blocks(self) -> list[Block]:
        return defaults.blocks(self._request)

    @cached_property
    def _read_blocks(self) -> list[Block]:
        """The blocks, and what the reader of a properties file sees besides in them."""
        found = list(self._blocks)
        for block in self._blocks:
            if not block.is_odd:
                continue
            seen = {(key.strip(), value.strip()) for key, value in block.properties.items()}
            more = {
                key: value
                for key, value in defaults.from_file(block).properties.items()
                if (key.strip(), value.strip()) not in seen
            }
            if more:
                found.append(block.reread(more))
        return found

    @cached_property
    def _defaults(self) -> list[Block]:
        return [block for block in self._blocks if defaults.is_defaults(block.classification)]

    def _ways(self) -> Iterator[_Way]:
        """Each way in which the string, spark-defaults and references in values come together."""
        bases = defaults.merged(self._defaults)
        for parameters in self._parameters:
            arguments = self._spark.get("entryPointArguments") or ()
            for read in (parameters, *mixed(parameters, arguments)):
                for base in [*bases, {}] if read.files else bases:
                    for raw in effective(base, read):
                        yield raw, read, None
                        put_in = expanded(raw)
                        if put_in is not None:
                            yield put_in, read, Expansion(raw)

    def _in_string(self) -> Iterator[tuple[str, int, str]]:
        """The kind, column and message of each trouble of the string, some of them several times."""
        if not self._parameters[0].words.is_plain:
            yield from odd_characters(self._string)
        if not any(parameters.strays for parameters in self._parameters):
            return
        strays = [
            {(stray.kind, parameters.words.column(stray.word)): stray.message for stray in parameters.strays}
            for parameters in self._parameters
        ]
        for each in strays:
            for (kind, column), message in each.items():
                everywhere = all((kind, column) in others for others in strays)
                yield kind, column, message if everywhere else f"{message} (not every reader splits the string so)"


def _bounded(found: list[Trouble]) -> Iterator[Trouble]:
    counts = Counter(trouble.kind for trouble in found)
    told: Counter[str] = Counter()
    for trouble in found:
        told[trouble.kind] += 1
        more = counts[trouble.kind] - MOST_OF_A_KIND
        if told[trouble.kind] < MOST_OF_A_KIND or (told[trouble.kind] == MOST_OF_A_KIND and more <= 0):
            yield trouble
        elif told[trouble.kind] == MOST_OF_A_KIND:
            yield replace(trouble, message=f"{trouble.message}; {more:,} more of this kind stand behind it")


def _distinct(ways: list[_Way]) -> list[_Way]:
    """Those that differ; where there are too many, one more in which all that they differ in is nothing allowed."""
    found: list[_Way] = []
    seen: set[object] = set()
    for raw, read, expansion in ways:
        told = (frozenset(defaults.values(raw).items()), id(read))
        if told not in seen:
            seen.add(told)
            found.append((raw, read, expansion))
    if len(found) > MOST_READINGS:
        blurred = defaults.unknowable([raw for raw, _, _ in found])
        found = [*found[:MOST_READINGS], (blurred, *found[0][1:])]
    return found


def read(request: Mapping[str, Any], before: Facts | None = None) -> Facts:
    """The facts of a StartJobRun in AWS's camelCase form, as boto3 takes it.

    `before` are those of the same request before an amendment: what it did not change is not read again.
    """
    return Facts(request, before)
