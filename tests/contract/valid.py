"""Requests in AWS's form that AWS's model allows: a full one an operation, and a strategy for any."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from emrgateway_server import shapes
from emrgateway_server.shapes import Shape

MAX_DEPTH = 7
MAX_ITEMS = 3
MAX_SHORT = 60

ROLE = "arn:aws:iam::123456789012:role/emr/data-eng/etl"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab"
REMOTE_WRITE = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1234/api/v1/remote_write"

_SPARK = {
    "entryPoint": "s3://code/etl.py",
    "entryPointArguments": ["--day", "2026-01-01"],
    "sparkSubmitParameters": "--conf spark.executor.cores=2",
}
_HIVE = {"query": "s3://code/q.sql", "initQueryFile": "s3://code/init.sql", "parameters": "--hiveconf a=b"}
_MONITORING = {
    "s3MonitoringConfiguration": {"logUri": "s3://logs/", "encryptionKeyArn": KEY},
    "managedPersistenceMonitoringConfiguration": {"enabled": True, "encryptionKeyArn": KEY},
    "cloudWatchLoggingConfiguration": {
        "enabled": False,
        "logGroupName": "/emr/jobs",
        "logStreamNamePrefix": "etl",
        "encryptionKeyArn": KEY,
        "logTypes": {"SPARK_DRIVER": ["STDOUT", "STDERR"]},
    },
    "prometheusMonitoringConfiguration": {"remoteWriteUrl": REMOTE_WRITE},
}
_START = {
    "applicationId": "00f1qr8s3v6pd409",
    "clientToken": "token-1",
    "executionRoleArn": ROLE,
    "executionIamPolicy": {"policy": "{}", "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]},
    "configurationOverrides": {
        "applicationConfiguration": [
            {
                "classification": "spark-defaults",
                "properties": {"spark.executor.memory": "4g"},
                "configurations": [{"classification": "export", "properties": {}}],
            }
        ],
        "monitoringConfiguration": _MONITORING,
        "diskEncryptionConfiguration": {"encryptionContext": {"purpose": "etl"}, "encryptionKeyArn": KEY},
    },
    "tags": {"team": "data-eng"},
    "executionTimeoutMinutes": 60,
    "name": "nightly",
    "mode": "BATCH",
    "retryPolicy": {"maxAttempts": 2, "maxFailedAttemptsPerHour": 3},
    "flexExecution": {"enabled": True},
}
_RUN = {"applicationId": "00f1qr8s3v6pd409", "jobRunId": "00f1run"}
_MOMENT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

# With every member of the operation's input; of the union, one a request.
FULL: dict[str, dict[str, Any]] = {
    "StartJobRun": {**_START, "jobDriver": {"sparkSubmit": _SPARK}},
    "StartJobRun, Hive": {**_START, "jobDriver": {"hive": _HIVE}},
    "GetJobRun": {**_RUN, "attempt": 1},
    "ListJobRuns": {
        "applicationId": "00f1qr8s3v6pd409",
        "nextToken": "next",
        "maxResults": 10,
        "createdAtAfter": _MOMENT,
        "createdAtBefore": _MOMENT,
        "states": ["RUNNING"],
        "mode": "STREAMING",
    },
    "CancelJobRun": {**_RUN, "shutdownGracePeriodInSeconds": 60},
    "ListJobRunAttempts": {**_RUN, "nextToken": "next", "maxResults": 10},
    "GetDashboardForJobRun": {**_RUN, "attempt": 1, "accessSystemProfileLogs": False},
}

# What a Python regex cannot say: the model writes surrogates, which Java matches and no Python string holds.
_BY_HAND = {
    "UriString": st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40),
}
# The contract's required besides AWS's.
_ALWAYS = {"StartJobRunRequest": {"jobDriver"}}


@cache
def requests(operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any valid request of an operation that the contract can say: no empty list or map, which are left out."""
    return _value(shapes.request_shape(operation), 0)


@cache
def _value(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    makers: dict[str, Callable[[Shape, int], st.SearchStrategy[Any]]] = {
        "structure": _structure,
        "list": _list,
        "map": _map,
        "string": _string,
        "integer": _number,
        "long": _number,
        "boolean": lambda *_: st.booleans(),
        "timestamp": lambda *_: st.datetimes(timezones=st.just(dt.UTC)),
    }
    return makers[shape.kind](shape, depth)


def _structure(shape: Shape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    if shape.union:
        return st.one_of(
            [st.fixed_dictionaries({name: _value(inner, depth + 1)}) for name, inner in shape.members.items()]
        )
    always = shape.required | _ALWAYS.get(shape.name, set())
    members = {
        name: _value(inner, depth + 1)
        for name, inner in shape.members.items()
        if depth < MAX_DEPTH or inner.name != "ConfigurationList"
    }
    made = st.fixed_dictionaries(
        {name: inner for name, inner in members.items() if name in always},
        optional={name: inner for name, inner in members.items() if name not in always},
    )
    return made.map(_said_by_the_contract) if shape.name == "Configuration" else made


def _said_by_the_contract(configuration: dict[str, Any]) -> dict[str, Any]:
    """A Configuration with neither properties nor configurations is one whose properties are empty."""
    return configuration if len(configuration) > 1 else {**configuration, "properties": {}}


def _list(shape: Shape, depth: int) -> st.SearchStrategy[list[Any]]:
    assert shape.element is not None
    return st.lists(_value(shape.element, depth + 1), min_size=1, max_size=MAX_ITEMS)


def _map(shape: Shape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    assert shape.element is not None
    assert shape.key is not None
    return st.dictionaries(
        _value(shape.key, depth + 1), _value(shape.element, depth + 1), min_size=1, max_size=MAX_ITEMS
    )


def _number(shape: Shape, _: int) -> st.SearchStrategy[int]:
    bits = 31 if shape.kind == "integer" else 63
    low = -(2**bits) if shape.minimum is None else shape.minimum
    return st.integers(low, 2**bits - 1 if shape.maximum is None else shape.maximum)


def _string(shape: Shape, _: int) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(sorted(shape.enum))
    if shape.name in _BY_HAND:
        return _BY_HAND[shape.name]
    low = shape.minimum or 0
    high = min(shape.maximum or MAX_SHORT, max(MAX_SHORT, low * 3))
    letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
    if shape.pattern is None:
        return st.text(letters, min_size=low, max_size=high)
    regex = re.compile(shape.pattern, re.ASCII | re.DOTALL)
    made = st.from_regex(regex, fullmatch=True, alphabet=letters)
    if low > 1:  # the patterns bound nothing: make what they may hold once, longer
        made = made.map(lambda text: _lengthened(text, low))
    return made.filter(lambda text: low <= len(text) <= (shape.maximum or len(text)) and bool(regex.fullmatch(text)))


def _lengthened(text: str, low: int) -> str:
    """A text that ends in more of its last character, up to a length."""
    return text + text[-1:] * (low - len(text))
