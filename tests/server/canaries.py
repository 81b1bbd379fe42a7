"""Requests with a sentinel in every place that AWS's model marks sensitive, keys of maps included."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.model import ServiceModel

from .jobs import body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "canary"

_CONFIGURATIONS = {
    "applicationConfiguration": [
        {
            "classification": "spark-defaults",
            "properties": {"spark.canary.key": "canary-value"},
            "configurations": [{"classification": "inner", "properties": {"canary.inner": "canary inner"}}],
        }
    ]
}


def spark(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any member
    """A Spark job in AWS's form."""
    driver = {
        "entryPoint": "s3://canary-bucket/canary.py",
        "entryPointArguments": ["--password", "canary-argument", 'canary"quoted"', "canary\\back", "canary-\u00fc"],
        "sparkSubmitParameters": "--conf spark.canary=canary-parameter --name 'canary name'\n--verbose",
    }
    overrides = copy.deepcopy(_CONFIGURATIONS)
    return body(**{"jobDriver": {"sparkSubmit": driver}, "configurationOverrides": overrides, **members})


def hive(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any member
    """A Hive job in AWS's form."""
    driver = {
        "query": "SELECT * FROM canary\nWHERE password = 'canary-query'",
        "initQueryFile": "s3://canary-bucket/canary.sql",
        "parameters": "--hiveconf canary=canary-parameter",
    }
    overrides = copy.deepcopy(_CONFIGURATIONS)
    return body(**{"jobDriver": {"hive": driver}, "configurationOverrides": overrides, **members})


def places(value: Any, path: str = "") -> set[str]:  # noqa: ANN401 - any JSON
    """Where canaries are, by path; a list's items and a map's entries share theirs."""
    if isinstance(value, dict):
        found = set()
        for key, item in value.items():
            is_own = path.endswith("properties")
            found |= {f"{path} (key)"} if CANARY in key else set()
            found |= places(item, path if is_own else f"{path}.{key}")
        return found
    if isinstance(value, list):
        return set().union(*(places(item, path) for item in value))
    return {path} if isinstance(value, str) and CANARY in value else set()


def sensitive_places() -> set[str]:
    """The same paths of all that the model marks sensitive; a shape inside itself is walked twice."""
    model = ServiceModel(Loader().load_service_model("emr-serverless", "service-2"), "emr-serverless")
    return set(_sensitive(model.operation_model("StartJobRun").input_shape, "", [], inherited=False))


def _sensitive(shape: Any, path: str, above: list[str], *, inherited: bool) -> Iterator[str]:  # noqa: ANN401 - botocore's
    hidden = inherited or bool(shape.metadata.get("sensitive"))
    if above.count(shape.name) > 1:
        return
    above = [*above, shape.name]
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            yield from _sensitive(inner, f"{path}.{member}", above, inherited=hidden)
    elif shape.type_name == "list":
        yield from _sensitive(shape.member, path, above, inherited=hidden)
    elif shape.type_name == "map":
        if hidden or shape.key.metadata.get("sensitive"):
            yield f"{path} (key)"
        yield from _sensitive(shape.value, path, above, inherited=hidden)
    elif hidden:
        yield path


def spoiled(request: dict[str, Any], change: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    """The request with one of its canaries changed, each in its turn."""
    count = 0
    while True:
        seen = -1

        def once(text: str) -> str:
            nonlocal seen
            seen += CANARY in text
            return change(text) if CANARY in text and seen == count else text  # noqa: B023 - called within the turn

        copied = _mapped(request, once)
        if seen < count:
            return
        yield copied
        count += 1


def texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Every key and string in it."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def _mapped(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value) if isinstance(value, str) else value
