"""The variables that a key of Spark's sets in the environment of a driver or an executor, and what they stand for."""

from __future__ import annotations

import re

_VARIABLE = re.compile(
    r"spark\.(?:executorEnv|yarn\.appMasterEnv|(?:emr-serverless|kubernetes)\.(?:driver|executor)Env)\.(?P<name>.+)",
)
_JAVA_VARIABLE = re.compile(
    r"HADOOP_(?:CLIENT_)?OPTS|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|JAVA_OPTS"
    r"|SPARK_(?:DAEMON_JAVA|JAVA|LAUNCHER|SUBMIT)_OPTS|SPARK_JAVA_OPT_.*"
)
JAVA_KEYS = frozenset(
    {
        "spark.driver.defaultJavaOptions",
        "spark.driver.extraJavaOptions",
        "spark.executor.defaultJavaOptions",
        "spark.executor.extraJavaOptions",
        "spark.yarn.am.extraJavaOptions",
    }
)
# Variable → the key that Spark takes from it where that is unset (SparkSubmitArguments.loadEnvironmentArguments,
# SparkContext.executorMemory).
STANDS_FOR = {
    "MASTER": "spark.master",
    "SPARK_DRIVER_MEMORY": "spark.driver.memory",
    "SPARK_EXECUTOR_CORES": "spark.executor.cores",
    "SPARK_EXECUTOR_INSTANCES": "spark.executor.instances",
    "SPARK_EXECUTOR_MEMORY": "spark.executor.memory",
}


def variable(key: str) -> str:
    """The variable that a key sets, "" where it sets none."""
    match = _VARIABLE.fullmatch(key) if "Env." in key else None
    return match["name"] if match else ""


def is_java(key: str, name: str) -> bool:
    """Whether a key, or the variable that it sets, holds options of a JVM."""
    return key in JAVA_KEYS or bool(name and _JAVA_VARIABLE.fullmatch(name))
