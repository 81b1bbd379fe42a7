"""Requests out of few words, so that keys, options and blocks meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .support import spark

KEYS = [
    "spark.a",
    "spark.b",
    "spark.executor.memory",
    "spark.driver.memory",
    "spark.jars",
    "spark.executor.memoryOverhead",
]
_VALUES = ["1", "4g", "s3://b/x.jar", "x=y", "", "a,b", "${spark.a}", "z#y"]
_PAIRS = st.tuples(
    st.sampled_from([*KEYS, "hive.x", "spark.yarn.executor.memoryOverhead"]), st.sampled_from(_VALUES)
).map("=".join)
_FLAGS = ["--executor-memory", "--driver-memory", "--jars", "--name", "--class"]
_BLANKS = st.sampled_from([" ", " ", "  ", "\n", " \n\t", "\r\n"])

_items = st.one_of(
    _PAIRS.map("--conf {}".format),
    _PAIRS.map("--conf={}".format),
    _PAIRS.map("-c {}".format),
    st.tuples(st.sampled_from(_FLAGS), st.sampled_from([" ", "="]), st.sampled_from(["4g", "x", "s3://b/y.jar"])).map(
        "".join
    ),
    st.sampled_from(["--verbose", "--supervise", "-v"]),
)
_odd_items = st.one_of(
    _PAIRS.map("--conf '{}'".format),
    _PAIRS.map('--conf "{}"'.format),
    _PAIRS.map("—conf {}".format),
    _PAIRS.map("--conf\u00a0{}".format),
    _PAIRS.map("--name 'x --conf {} y'".format),
    st.sampled_from(
        ["evil.py", "--frob", "--frob=1", "--properties-file x", "--jars", "\\\n", "'", "--name 'a b'", "--conf x"]
    ),
    st.sampled_from(["\u200b", "\x0b", "--name ü", "--help", "--driver-default-class-path x"]),
)


def strings() -> st.SearchStrategy[str]:
    """Strings of parameters: half of them plain, half with something odd."""
    return st.one_of(_joined(_items), _joined(st.one_of(_items, _items, _odd_items)))


def configurations() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Configurations three deep."""
    properties = st.dictionaries(
        st.sampled_from([*KEYS, "hive.x"]), st.sampled_from(["1", " 1", "4g", "x y"]), max_size=3
    )
    names = st.sampled_from(["spark-defaults", "spark-defaults", "hive-site", "Spark-Defaults"])
    leaves = st.fixed_dictionaries({"classification": names}, optional={"properties": properties})
    return st.lists(
        st.recursive(
            leaves,
            lambda inner: st.fixed_dictionaries(
                {"classification": names, "configurations": st.lists(inner, min_size=1, max_size=2)},
                optional={"properties": properties},
            ),
            max_leaves=4,
        ),
        max_size=3,
    )


def requests() -> st.SearchStrategy[dict[str, Any]]:
    """Spark jobs."""
    return st.builds(spark, strings(), configurations())


@st.composite
def _joined(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    string = draw(st.sampled_from(["", "", " ", "\n"]))
    for item in draw(st.lists(items, max_size=6)):
        string += item + draw(_BLANKS)
    return string if draw(st.booleans()) else string.rstrip()
