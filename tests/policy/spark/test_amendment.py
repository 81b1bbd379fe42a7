"""Amending: the table of amendments.yaml, the model's limits, and what holds for every request."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from emrgateway_server import conformance
from emrgateway_server.findings import Findings
from emrgateway_server.policy import facts
from emrgateway_server.policy.spark.defaults import UNKNOWABLE
from emrgateway_server.shapes import request_shape

from . import strategies
from .support import defaults, of, spark, table, values


@pytest.mark.parametrize("case", table("amendments.yaml"))
def test_amended(case: dict[str, Any]) -> None:
    """Each case gives just what it says, or says why it cannot; the given request is never touched."""
    request = of(case)
    before = copy.deepcopy(request)
    key = case["set"][0].replace("A", "A" * case.get("repeats", 1))
    value = case["set"][1] * case.get("times", 1)
    if "cannot" in case:
        with pytest.raises(facts.CannotAmend, match=case["cannot"]) as told:
            facts.amended(request, key, value)
        assert value not in str(told.value).replace(key, "") or len(value) == 1
    else:
        got = facts.amended(request, key, value)
        want = case["want"]
        assert got["jobDriver"]["sparkSubmit"].get("sparkSubmitParameters") == want.get("string")
        configuration = want.get("configuration", [defaults({key: value})])
        assert got["configurationOverrides"]["applicationConfiguration"] == configuration
    assert request == before


@pytest.mark.parametrize(
    ("configuration", "room"),
    [
        ([defaults({f"spark.k{number}": "x" for number in range(99)})], True),
        ([defaults({f"spark.k{number}": "x" for number in range(100)})], False),
        ([defaults({"spark.a": "x", **{f"spark.k{number}": "x" for number in range(99)}})], True),
        ([{"classification": f"c{number}", "properties": {"x": "y"}} for number in range(99)], True),
        ([{"classification": f"c{number}", "properties": {"x": "y"}} for number in range(100)], False),
    ],
)
def test_room(configuration: list[dict[str, Any]], room: bool) -> None:  # noqa: FBT001 - a column of the table
    """There is room for as many properties and objects as AWS's model has it, and no more."""
    request = spark(configuration=configuration)
    if room:
        assert values(facts.read(facts.amended(request, "spark.a", "1")).readings[0])["spark.a"] == "1"
    else:
        with pytest.raises(facts.CannotAmend, match="no room"):
            facts.amended(request, "spark.a", "1")


@given(strategies.requests(), st.sampled_from(strategies.KEYS), st.sampled_from(["1", "4g", "x y", "s3://a/b#c", ""]))
def test_holds(request: dict[str, Any], key: str, value: str) -> None:
    """Amended, a request has the value in every reading; amended again, it is the same; nothing else moves."""
    before = copy.deepcopy(request)
    try:
        got = facts.amended(request, key, value)
    except facts.CannotAmend:
        event("cannot")
        assert facts.read(request).troubles
        return
    finally:
        assert request == before
    after = facts.read(got)
    assert {reading.conf[key].value for reading in after.readings} == {value}
    assert all("spark-defaults" in reading.conf[key].place for reading in after.readings)
    assert facts.amended(got, key, value) == got
    if not any(mark in str(request) for mark in ("${", "—")):  # cut, a mistaken dash ends Spark's options no more
        was, now = _others(facts.read(request), key), _others(after, key)
        assert now.keys() <= was.keys()
        assert all(now[each] <= was[each] or UNKNOWABLE in was[each] for each in now)
    event(f"{len(after.readings)} readings")


@given(strategies.requests(), st.sampled_from(strategies.KEYS))
def test_conforms(request: dict[str, Any], key: str) -> None:
    """Amending breaks none of AWS's rules that the request kept before."""
    try:
        got = facts.amended(request, key, "1")
    except facts.CannotAmend:
        return
    assert _violations(got) <= _violations(request)


def _others(found: facts.Facts, key: str) -> dict[str, set[str | None]]:
    """What the readings say of each other key, None where one has it unset."""
    keys = {each for reading in found.readings for each in reading.texts if each != key}
    return {each: {reading.texts.get(each) for reading in found.readings} for each in keys}


def _violations(request: dict[str, Any]) -> set[str]:
    found = Findings()
    conformance.check({"clientToken": "t", **request}, request_shape("StartJobRun"), found)
    return {re.sub(r"at character [0-9]+", "", item.description) for item in found.kept}
