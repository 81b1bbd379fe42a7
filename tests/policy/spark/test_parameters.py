"""How the string and spark-defaults are read: the table of parameters.yaml, and what holds for every string."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.policy import facts
from emrgateway_server.policy.spark.words import cuts

from .support import of, spark, table, values

_FIRST = "configuration_overrides.application_configuration[0]"
_COLUMN = "job_driver.spark_submit.spark_submit_parameters, column "


@pytest.mark.parametrize("case", table("parameters.yaml"))
def test_reading(case: dict[str, Any]) -> None:
    """Each case is read in just the ways that it says, and has just the troubles that it says."""
    found = facts.read(of(case))
    distinct: list[dict[str, str]] = []
    for reading in found.readings:
        distinct += [] if values(reading) in distinct else [values(reading)]
    assert distinct == case["conf"]
    wanted = case.get("troubles", [])
    assert sorted(_told(trouble) for trouble in found.troubles) == sorted((kind, str(at)) for kind, at in wanted)
    assert {trouble.kind for trouble in found.troubles} <= set(facts.KINDS)


def _told(trouble: facts.Trouble) -> tuple[str, str]:
    return trouble.kind, trouble.place.removeprefix(_COLUMN)


@given(st.text(alphabet=st.sampled_from(" \t\n\r-=abc'\"\\\u00a0\u2003\x0b\x1c\x85#é—"), max_size=40))
def test_words(string: str) -> None:
    """Every tokeniser's words are among the cuts; where there is no trouble, all tokenisers agree on the one cut."""
    found = [words.texts for words in cuts(string)]
    assert string.split() in found
    assert [word for word in string.translate(dict.fromkeys(map(ord, "\t\n\r"), " ")).split(" ") if word] in found
    try:
        assert shlex.split(string) in found
    except ValueError:
        assert any(trouble.kind in ("quotes", "backslash") for trouble in facts.read(spark(string)).troubles)
    kinds = {trouble.kind for trouble in facts.read(spark(string)).troubles}
    if not kinds & {"quotes", "backslash", "blanks", "control"}:
        assert len(found) == 1


@given(st.text(alphabet=st.sampled_from(" \n-=abc'\"\\\u00a0\x0b—"), max_size=40))
def test_spans(string: str) -> None:
    """A word's span holds it: the words of every cut, put back by their spans, leave nothing but blanks."""
    for words in cuts(string):
        assert len(words.spans) == len(words.texts)
        end, rest = 0, ""
        for start, stop in words.spans:
            rest += string[end:start]
            end = stop
        assert not (rest + string[end:]).replace("\\\n", "").strip()


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3))
def test_any_text(string: str, properties: dict[str, str]) -> None:
    """Nothing raises, whatever the string and the properties are; and no trouble tells a value."""
    found = facts.read(spark(string, [{"classification": "spark-defaults", "properties": properties}]))
    assert found.readings
    assert all(reading.conf.keys() == reading.texts.keys() for reading in found.readings)
    assert all(trouble.kind in facts.KINDS for trouble in found.troubles)


@given(
    st.text(alphabet="abcdefgh", min_size=9, max_size=9),
    st.sampled_from(["'{}'", "{}", "—{}", "-{}", "--conf {}", "x\\{}"]),
)
def test_secrets(secret: str, form: str) -> None:
    """No trouble says what stands in the string or in spark-defaults."""
    string = form.format(f"QQ{secret}")
    found = facts.read(spark(string, [{"classification": "spark-defaults", "properties": {f"spark.{string}": string}}]))
    assert not any(f"QQ{secret}" in f"{trouble.place}{trouble.message}" for trouble in found.troubles)


def test_places() -> None:
    """A value's place names its option or a known key and its column, or its block; no other key."""
    string = "--conf spark.a=1 --jars s3://x --files=s3://y\n--conf spark.q'q=2"
    inner = {"classification": "spark-defaults", "properties": {"spark.d": "2"}}
    properties = {"spark.c": "1", "spark.plugins": "x"}
    block = {"classification": "spark-defaults", "properties": properties, "configurations": [inner]}
    conf = facts.read(spark(string, [block])).readings[0].conf
    assert {key: named.place for key, named in conf.items()} == {
        "spark.a": "--conf, column 16",
        "spark.jars": "--jars, column 25",
        "spark.files": "--files, column 40",
        "spark.q'q": "--conf, column 64",
        "spark.c": "spark-defaults[entry 1 in key order]",
        "spark.plugins": "spark-defaults spark.plugins",
        "spark.d": f"{_FIRST}.configurations[0] spark-defaults[entry 1 in key order]",
    }
    assert all(named.sensitive for named in conf.values())
    assert (conf.get("spark.a"), conf.get("spark.z"), len(conf)) == (conf["spark.a"], None, 7)
    assert "spark.a" in conf
    assert "spark.z" not in conf


def test_many_troubles() -> None:
    """Of each kind the first are told, the last with how many more there are; no kind is lost."""
    found = facts.read(spark("'' " * 1_000 + "— " + "x")).troubles
    quotes = [trouble for trouble in found if trouble.kind == "quotes"]
    assert len(quotes) == facts.MOST_OF_A_KIND
    assert "980 more" in quotes[-1].message
    assert not any("more" in trouble.message for trouble in quotes[:-1])
    assert {"bare-token", "dashes"} < {trouble.kind for trouble in found}
    assert len(found) <= facts.MOST_OF_A_KIND * len(facts.KINDS)


def test_hive() -> None:
    """A Hive job has one reading and no Spark configuration."""
    found = facts.read({"jobDriver": {"hive": {"query": "select 1"}}})
    assert (found.is_spark, found.troubles, len(found.readings)) == (False, (), 1)
    assert len(found.readings[0].conf) == 0


def test_many_readings() -> None:
    """Past the bound there is one more reading, in which what the readings differ in is nothing that anyone allows."""
    blocks = [{"spark.a": str(number), f"spark.b{number}": "x"} for number in range(3)]
    string = "--name 'a b' --conf spark.r=${spark.a} x\\\ny —conf spark.z=1 q"
    string += " --driver-memory 1g --conf spark.driver.memory=2g"
    found = facts.read(of({"string": string, "defaults": blocks})).readings
    assert len(found) == 17
    last = values(found[-1])
    assert last["spark.a"] == last["spark.r"] == "\0"
    assert last["spark.b1"] == "x"


def test_before() -> None:
    """What was read before an amendment is taken over where the string is the same, and only there."""
    before = facts.read(spark("--conf spark.a=1"))
    assert values(before.readings[0]) == {"spark.a": "1"}
    same = facts.read(
        spark("--conf spark.a=1", [{"classification": "spark-defaults", "properties": {"spark.b": "2"}}]), before
    )
    assert values(same.readings[0]) == {"spark.a": "1", "spark.b": "2"}
    assert values(facts.read(spark("--conf spark.a=2"), before).readings[0]) == {"spark.a": "2"}
