"""Whether our reading of a command line is Spark's."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .arguments import Line
from .spark import Refused, Run, Spark

# Spark understood the line, and finds a value that no job can run with: nothing starts.
_BAD_VALUES = (
    "--deploy-mode must be",
    "Only one of --proxy-user or --principal",
    "Remote cannot be specified",
    "must be a positive number",
    "must be positive",
)
# Deprecated keys of another unit: Spark puts one behind the value.
_TRANSLATED = ("buffer", "buffer.max", "maxSizeInFlight")
# Options whose lists of paths Spark resolves as it reads them, and not those of their twins in the configuration.
_PATHS = ("spark.archives", "spark.files", "spark.jars", "spark.submit.pyFiles")


@dataclass(frozen=True)
class Read:
    """How one of ours reads a request: the kinds that it refuses it for, and its effective configurations."""

    kinds: AbstractSet[str]
    confs: Sequence[Mapping[str, str]]


def disagreements(line: Line, read: Read, spark: Spark, alternatives: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """For a line that is accepted, what Spark reads otherwise; no value is told."""
    text = line.parameters
    try:
        words = [text.split(), shlex.split(text, comments=False, posix=True), spark.words(text)]
    except ValueError as error:
        yield f"shlex cannot split it: {error}"
        return
    if not words[0] == words[1] == words[2]:
        yield "the tokenisers disagree"
    given = [*words[0], line.entry_point, *line.arguments]
    for way in ("submitted", "launched"):
        try:
            run = spark.submitted(spark.launched(given) if way == "launched" else given, line.merged_defaults)
        except Refused as error:
            if not any(each in str(error) for each in _BAD_VALUES):
                yield f"{way}: Spark refuses it"
            continue
        yield from (f"{way}: {each}" for each in _differences(line, run, read.confs, spark, alternatives))


def _differences(
    line: Line, run: Run, readings: Sequence[Mapping[str, str]], spark: Spark, alternatives: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    if run.entry_point != spark.uri(line.entry_point):
        yield "another entry point runs"
    if run.arguments != line.arguments:
        yield "the entry point gets other arguments"
    by_reading = [list(_other_keys(conf, run, spark, alternatives)) for conf in readings]
    if all(by_reading):
        yield from min(by_reading, key=len)


def _other_keys(
    ours: Mapping[str, str], run: Run, spark: Spark, alternatives: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """The keys that differ between a reading of ours and Spark's, what Spark reads by a deprecated key included."""
    theirs = dict(run.conf)
    for key, others in alternatives.items():
        set_ones = [theirs[other] for other in others if other in theirs]
        if set_ones and not key.endswith(_TRANSLATED):
            theirs.setdefault(key, set_ones[0])
    ours = {"spark.app.name": run.unnamed, **ours}
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours:
            yield f"{key} is not among ours"
        elif key not in theirs:
            yield f"{key} is not among Spark's"
        elif ours[key] != theirs[key] and not (key in _PATHS and spark.uris(ours[key]) == theirs[key]):
            yield f"{key} has another value"
