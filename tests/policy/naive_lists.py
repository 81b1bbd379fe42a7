"""What a request names, channel by channel, as the design's words go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import naive_configurations, naive_spark

# Settings that name code or data, comma by comma.
CODE = ("spark.archives", "spark.files", "spark.jars", "spark.jars.repositories", "spark.submit.pyFiles")
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]+:role/[^\s,\"']+")


def artifacts(request: Mapping[str, Any], reading: naive_spark.Reading | None) -> list[str]:
    """All code and data: the entry point, the lists, Hive's init file, and its query where it names a file."""
    driver = request["jobDriver"]
    if reading is None:
        # What `spark-defaults` names is named, though no Hive job reads it.
        settings = list(naive_configurations.entries(request, "spark-defaults"))
        hive = driver.get("hive", {})
        query = [hive["query"]] if re.match(r"[a-z0-9]+://", hive.get("query", "")) else []
        files = query + ([hive["initQueryFile"]] if "initQueryFile" in hive else [])
        return files + _named(settings)
    return [driver["sparkSubmit"]["entryPoint"], *reading.bare, *_named(reading.said)]


def destinations(request: Mapping[str, Any], _: naive_spark.Reading | None) -> list[str]:
    """Where logs and metrics go."""
    members = (
        ("s3MonitoringConfiguration", "logUri"),
        ("cloudWatchLoggingConfiguration", "logGroupName"),
        ("prometheusMonitoringConfiguration", "remoteWriteUrl"),
    )
    return list(_monitored(request, members))


def kms_keys(request: Mapping[str, Any], _: naive_spark.Reading | None) -> list[str]:
    """What encrypts logs."""
    parts = ("s3MonitoringConfiguration", "managedPersistenceMonitoringConfiguration", "cloudWatchLoggingConfiguration")
    return list(_monitored(request, tuple((part, "encryptionKeyArn") for part in parts)))


def roles(request: Mapping[str, Any], _: naive_spark.Reading | None) -> list[str]:
    """Every role anywhere."""
    return [role for text in _texts(dict(request)) for role in _ROLE.findall(text)]


def classifications(request: Mapping[str, Any], _: naive_spark.Reading | None) -> list[str]:
    """Those of all configurations, at any depth."""
    return [block["classification"] for block in naive_configurations.blocks(request)]


def _named(settings: Iterable[tuple[str, str]]) -> list[str]:
    """The code and data of settings."""
    said = [(key, item) for key, value in settings for item in items(value)]
    found = [item for key, item in said if key in CODE]
    return found + [f"maven:{item}" for key, item in said if key == "spark.jars.packages"]


def items(text: str) -> list[str]:
    """A list as Spark splits it."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _monitored(request: Mapping[str, Any], members: tuple[tuple[str, str], ...]) -> Iterator[str]:
    monitoring = request.get("configurationOverrides", {}).get("monitoringConfiguration", {})
    for part, member in members:
        if member in monitoring.get(part, {}):
            yield monitoring[part][member]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _texts(each)
