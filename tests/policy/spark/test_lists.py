"""All that a request names: the tables of artifacts.yaml, destinations.yaml, kms_keys.yaml and roles.yaml."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.policy import facts
from emrgateway_server.policy.named import Named

from . import strategies
from .support import JAR, of, spark, table

_ROLE = "arn:aws:iam::123456789012:role/other"
_MOST_SECONDS = 5  # a tenth of it here; what is quadratic takes far more
_LISTS = ("artifacts", "destinations", "kms_keys", "roles")
_ENTRY = (JAR["entryPoint"], "job_driver.spark_submit.entry_point")


def _cases() -> list[Any]:
    return [
        pytest.param(name, *case.values, id=f"{name}: {case.id}") for name in _LISTS for case in table(f"{name}.yaml")
    ]


@pytest.mark.parametrize(("name", "case"), _cases())
def test_list(name: str, case: dict[str, Any]) -> None:
    """Each case names just what it says, each by its place; what AWS marks sensitive is marked so."""
    case = json.loads(json.dumps(case).replace("<R>", _ROLE))
    reading = facts.read(_request(case)).readings[case.get("reading", 0)]
    found: tuple[Named, ...] = getattr(reading, name)
    told = [(named.value, named.place) for named in found]
    if name == "artifacts" and "hive" not in case:
        assert told.pop(0) == _ENTRY
    if name == "roles":
        assert told.pop(0)[1] == "execution_role_arn"
    assert sorted(told) == sorted(map(tuple, case["want"]))
    text = case.get("hive", {}).get("parameters", "") or case.get("string", "")
    for named in found:
        column = named.place.partition(", column ")[2]
        if column and not case.get("reading") and named.value != "\0":
            there = text[int(column) - 1 :].replace("/", ":")
            assert there.startswith(named.value.removeprefix("maven:").replace("/", ":"))
        plain = ("configuration_overrides.monitoring", "configuration_overrides.disk", "execution", "tags", "name")
        assert named.sensitive is not named.place.startswith(plain), named.place


def _request(case: dict[str, Any]) -> dict[str, Any]:
    request = of({**case, "string": case.get("string", "")})
    overrides = request.setdefault("configurationOverrides", {})
    if "hive" in case:
        request["jobDriver"] = {"hive": case["hive"]}
    if "monitoring" in case:
        overrides["monitoringConfiguration"] = case["monitoring"]
    if "disk" in case:
        overrides["diskEncryptionConfiguration"] = case["disk"]
    return {**request, **case.get("more", {})}


def test_classifications() -> None:
    """Every classification, at any depth, by its path."""
    inner = {"classification": "b", "configurations": [{"classification": "c", "properties": {}}]}
    found = facts.read(of({"configuration": [{"classification": "a", "configurations": [inner]}]})).classifications
    path = "configuration_overrides.application_configuration[0]"
    assert [(named.value, named.place, named.sensitive) for named in found] == [
        ("a", f"{path}.classification", False),
        ("b", f"{path}.configurations[0].classification", False),
        ("c", f"{path}.configurations[0].configurations[0].classification", False),
    ]


@given(strategies.requests(), st.sampled_from(["--jars", "--conf spark.jars", "--conf=spark.jars", "-c spark.jars"]))
def test_one_bad_item(request: dict[str, Any], how: str) -> None:
    """A jar added to a request in any way is among the artifacts of every reading, whatever else the string says."""
    driver = request["jobDriver"]["sparkSubmit"]
    blank = "=" if "spark.jars" in how else " "
    driver["sparkSubmitParameters"] = (
        f"{how}{blank}s3://ok/a.jar,s3://evil/b.jar {driver.get('sparkSubmitParameters', '')}"
    )
    for reading in facts.read(request).readings:
        assert "s3://evil/b.jar" in {named.value for named in reading.artifacts}


def test_long_keys() -> None:
    """A key too long to look at closely passes no list that might judge it."""
    reading = facts.read(spark(f"--conf spark.{'a' * 1_025}=x")).readings[0]
    assert [named.value for named in (*reading.destinations, *reading.kms_keys)] == ["x", "x"]


@pytest.mark.parametrize(
    "string",
    [
        "' " * 10_000,
        '"\\' * 10_000,
        "\\\n" * 10_000,
        "x " * 10_000,
        "--conf spark.a=" + "${" * 10_000,
        "--conf spark.a=" + "${spark.a}" * 5_000,
        "".join(f"--conf spark.a{n}=${{spark.a{n + 1}}}${{spark.a{n + 1}}} " for n in range(1_000)),
        "--driver-class-path " + "a:" * 10_000,
        "--driver-java-options " + "-javaagent:" * 5_000,
        "--conf spark.sql.catalog." + "kms." * 6_000 + "keyx=1",
        "--conf spark.metrics.conf." + "x.sink." * 4_000 + "=1",
    ],
    ids=lambda string: string[:30],
)
def test_bounded(string: str) -> None:
    """No string makes its reading take more than time in proportion to it."""
    arguments = [
        "arn:" + " " * 20_000 + "role",
        "arn%3a" * 10_000,
        "arn:aws:iam::1:" * 5_000 + "role/",
        ",arn:" * 10_000,
    ]
    begin = time.process_time()
    for request in (spark(string, entryPointArguments=arguments), {"jobDriver": {"hive": {"parameters": string}}}):
        found = facts.read(request)
        assert found.troubles is not None
        for reading in found.readings:
            assert all(isinstance(getattr(reading, name), tuple) for name in _LISTS)
    assert time.process_time() - begin < _MOST_SECONDS


@pytest.mark.parametrize("form", ["{}", "spark.{}", "spark.hadoop.{}.role.arn", "spark.executorEnv.{}_ROLE_ARN"])
def test_no_key_is_told(form: str) -> None:
    """A key that looks like any other may be a secret in the wrong place: no place tells it, in any channel."""
    key, role = form.format("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "arn:aws:iam::123456789012:role/evil"
    blocks = [
        {"classification": name, "properties": {key: role, f"{key}\\x": "1"}}
        for name in ("spark-defaults", "hive-site")
    ]
    hive = {"jobDriver": {"hive": {"parameters": f"--hiveconf {key}={role}"}}}
    told = []
    for request in (spark(f"--conf {key}={role}", blocks), hive):
        found = facts.read(request)
        told += [trouble.place for trouble in found.troubles]
        told += [named.place for reading in found.readings for named in (*reading.roles, *reading.conf.values())]
    assert len(told) > len(blocks)
    assert not any("wJalr" in place for place in told)


@pytest.mark.parametrize(
    "part", ["metrics.conf.x" + ".sink.a" * 140, "x." + "sse.key-" * 120, "sse." * 240 + "keyx", "role." * 190 + "x"]
)
def test_keys_are_bounded(part: str) -> None:
    """Many keys, each as long as AWS lets it be, take time in proportion to what they are."""
    blocks = [
        {"classification": name, "properties": {f"spark.{part}{number}": "x" for number in range(100)}}
        for name in ("spark-defaults", "spark-metrics", "core-site", "hive-site")
    ]
    begin = time.process_time()
    reading = facts.read(spark("", blocks)).readings[0]
    assert all(isinstance(getattr(reading, name), tuple) for name in _LISTS)
    assert time.process_time() - begin < 1


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_text(one: str, other: str, third: str) -> None:
    """Nothing raises, whatever the texts are, and no place tells one."""
    mark = "\U0001f512"
    configuration = [{"classification": one, "properties": {other: mark, f"spark.{third}": mark}}]
    spark = {"entryPoint": one, "entryPointArguments": [other], "sparkSubmitParameters": f"{one} --jars {mark}{third}"}
    hive = {"query": one, "initQueryFile": other, "parameters": f"{third} --hiveconf {mark}=x {one}"}
    for driver in ({"sparkSubmit": spark}, {"hive": hive}):
        request = {"jobDriver": driver, "configurationOverrides": {"applicationConfiguration": configuration}}
        for reading in facts.read(request).readings:
            for name in _LISTS:
                assert not any(mark in named.place for named in getattr(reading, name))
