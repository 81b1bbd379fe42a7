"""Numbers, sizes and what is unset."""

from __future__ import annotations

import contextlib
from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.policy import facts

from .support import of, spark, table

_FIELDS = ("spark.max_vcpus", "spark.max_memory_gb", "spark.max_disk_gb")


def _lines() -> list[Any]:
    tables = yaml.safe_load(Path(__file__).with_name("numbers.yaml").read_text(encoding="utf-8"))
    return [pytest.param(*line, id=f"{line[0]} {line[1]!a}") for each in tables for line in each["lines"]]


@pytest.mark.parametrize(("key", "text", "wanted"), _lines())
def test_number(key: str, text: str, wanted: float | None) -> None:
    """Each line of numbers.yaml; what is no number is told without its text."""
    if wanted is not None:
        assert facts.conf_number(key, text) == wanted
        return
    with pytest.raises(ValueError, match=key) as told:
        facts.conf_number(key, text)
    assert len(text) < len("four") or text not in str(told.value).replace(key, "")


@pytest.mark.parametrize("case", table("sizes.yaml"))
def test_size(case: dict[str, Any]) -> None:
    """Each case of sizes.yaml, in the first reading; what cannot be told names the key, not the value."""
    reading = facts.read(of(case)).readings[0]
    for field, wanted in zip(_FIELDS, case["want"], strict=True):
        if isinstance(wanted, str):
            with pytest.raises(ValueError, match=wanted) as told:
                reading.number(field)
            assert "SECRET" not in str(told.value)
        else:
            assert reading.number(field) == wanted, field


@pytest.mark.parametrize(
    ("key", "string", "wanted"),
    [
        ("spark.driver.cores", "", 4),
        ("spark.executor.cores", "", 4),
        ("spark.driver.memory", "", 14 * 2**30),
        ("spark.executor.memory", "", 14 * 2**30),
        ("spark.executor.instances", "", 3),
        ("spark.emr-serverless.executor.disk", "", 20 * 2**30),
        ("spark.emr-serverless.memoryOverheadFactor", "", 0.1),
        ("spark.dynamicAllocation.minExecutors", "", 0),
        ("spark.dynamicAllocation.initialExecutors", "", 3),
        ("spark.dynamicAllocation.maxExecutors", "", inf),
        ("spark.dynamicAllocation.maxExecutors", "--conf spark.dynamicAllocation.enabled=true", inf),
        ("spark.dynamicAllocation.maxExecutors", "--conf spark.dynamicAllocation.enabled=false", None),
        ("spark.dynamicAllocation.maxExecutors", "--conf spark.dynamicAllocation.enabled=maybe", inf),
        ("spark.executor.memoryOverhead", "--executor-memory 1g", 384 * 2**20),
        ("spark.executor.memoryOverhead", "--executor-memory 100g", 10 * 2**30),
        ("spark.driver.memoryOverhead", "--driver-memory 100g", 10 * 2**30),
        ("spark.driver.memoryOverhead", "--driver-memory lots", inf),
        ("spark.sql.shuffle.partitions", "", None),
    ],
)
def test_default(key: str, string: str, wanted: float | None) -> None:
    """What an unset key counts as is AWS's, in the unit of `conf_number`; unlimited where that cannot be read."""
    assert facts.conf_default(key, facts.read(spark(string)).readings[0].conf) == wanted


@given(st.sampled_from(["spark.executor.memory", "spark.executor.cores", "spark.x"]), st.text(max_size=8))
def test_any_number(key: str, text: str) -> None:
    """A text is a finite number or a ValueError, whatever it is."""
    with contextlib.suppress(ValueError):
        assert -inf < facts.conf_number(key, text) < inf


@given(
    st.dictionaries(
        st.sampled_from(
            ["minExecutors", "initialExecutors", "maxExecutors"],
        ).map(lambda name: f"spark.dynamicAllocation.{name}"),
        st.integers(0, 60).map(str),
    )
)
def test_more_is_more(properties: dict[str, str]) -> None:
    """No count of executors that is written hides behind another: the size covers each of them."""
    reading = facts.read(
        spark(configuration=[{"classification": "spark-defaults", "properties": properties}])
    ).readings[0]
    assert reading.number("spark.max_vcpus") >= 4 + 4 * max((int(text) for text in properties.values()), default=0)
