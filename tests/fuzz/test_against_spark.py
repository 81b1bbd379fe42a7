"""What is accepted is read as Spark reads it, key by key; what could not be read alike is refused."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emrgateway_server.policy import facts
from tests.policy import naive_configurations, naive_spark

from .agreement import Read, disagreements
from .arguments import Line, line
from .conftest import setting
from .spark import Spark

Reader = Callable[[dict[str, Any]], Read]
# More than these help nobody.
_MOST_TOLD = 15


def _as_the_gateway(request: dict[str, Any]) -> Read:
    found = facts.read(request)
    confs = [{key: named.value for key, named in reading.conf.items()} for reading in found.readings]
    return Read({trouble.kind for trouble in found.troubles}, confs)


def _naively(request: dict[str, Any]) -> Read:
    return Read(naive_spark.kinds(request), [reading.conf for reading in naive_spark.readings(request)])


@pytest.mark.parametrize("reader", [_as_the_gateway, _naively])
def test_generated_lines_are_read_as_spark_reads_them(
    reader: Reader, spark: Spark, record_property: Callable[[str, object], None]
) -> None:
    """Lines are made until enough of them were accepted; each that disagrees is told as small as it gets."""
    seed, wanted = setting("FUZZ_SEED", 0), setting("FUZZ_LINES", 10_000)
    alternatives = spark.alternatives()
    told: dict[str, str] = {}
    seen: Counter[str] = Counter()

    def found(each: Line) -> list[str]:
        read = reader(each.request)
        return [] if read.kinds else list(disagreements(each, read, spark, alternatives))

    number = 0
    while seen["accepted"] < wanted and len(told) < _MOST_TOLD:
        number += 1
        made = line(f"{seed}-{number}")
        kinds = reader(made.request).kinds
        seen.update(kinds or ["accepted"])
        if found(made):
            smallest = _smallest(made, found)
            told.setdefault("; ".join(found(smallest)), f"{smallest} (seed {seed}-{number})")
    record_property(f"Spark {spark.version}", f"{number} lines: {dict(seen.most_common())}")
    assert not told, "\n".join(f"{what}: {where}" for what, where in told.items())


def _smallest(made: Line, found: Callable[[Line], list[str]]) -> Line:
    """A line of which nothing can be left out without losing its disagreements."""
    for less in made.smaller():
        if found(less):
            return _smallest(less, found)
    return made


def _files() -> Iterator[Path]:
    folder = os.environ.get("FUZZ_REQUESTS")
    if folder:
        yield from sorted(Path(folder).glob("*.json"))


@pytest.mark.skipif(not os.environ.get("FUZZ_REQUESTS"), reason="FUZZ_REQUESTS names no folder of requests")
@pytest.mark.parametrize("reader", [_as_the_gateway, _naively])
def test_real_lines_are_read_as_spark_reads_them(
    reader: Reader, spark: Spark, record_property: Callable[[str, object], None]
) -> None:
    """Those of the folder `FUZZ_REQUESTS`: JSON files that are requests, or hold one as `request`. No value is told."""
    alternatives = spark.alternatives()
    told: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    for file in _files():
        document = json.loads(file.read_text(encoding="utf-8"))
        request = document.get("request", document)
        made = _line_of(request)
        if made is None:
            seen["without a Spark driver"] += 1
            continue
        read = reader(request)
        seen.update(read.kinds or ["accepted"])
        found = [] if read.kinds else list(disagreements(made, read, spark, alternatives))
        told |= {file.name: found} if found else {}
    record_property(f"Spark {spark.version}", dict(seen.most_common()))
    assert seen, "the folder holds no requests"
    assert not told


def _line_of(request: dict[str, Any]) -> Line | None:
    """A request's command line, as Spark would be given it."""
    submit = (request.get("jobDriver") or {}).get("sparkSubmit")
    if not isinstance(submit, dict):
        return None
    defaults = [
        tuple((block.get("properties") or {}).items())
        for block in naive_configurations.blocks(request)
        if block.get("classification") == "spark-defaults"
    ]
    return Line(
        (submit.get("sparkSubmitParameters") or "",),
        tuple(defaults),
        submit.get("entryPoint", "x"),
        tuple(submit.get("entryPointArguments") or ()),
    )
