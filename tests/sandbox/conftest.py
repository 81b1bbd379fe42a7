"""A sandbox, boto3 clients of it that are closed again, and a checker of raw replies against botocore's model."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import Loader

from emrgateway_sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Run a sandbox whose job runs take 0.2 s in all."""
    with Sandbox(seconds_per_state=0.05) as running:
        yield running


@pytest.fixture
def still() -> Iterator[Sandbox]:
    """Run a sandbox whose job runs stay SUBMITTED."""
    with Sandbox(seconds_per_state=3600) as running:
        yield running


@pytest.fixture
def client() -> Iterator[Callable[..., Any]]:
    """Make boto3 clients, `client(sandbox, "s3", region=...)`, that try once and check no parameters."""
    made = []

    def make(
        sandbox: Sandbox,
        service: str = "emr-serverless",
        *,
        region: str = "us-east-1",
        credentials: tuple[str, str, str | None] = ("AKIAIOSFODNN7EXAMPLE", "secret", None),
    ) -> Any:  # noqa: ANN401 - boto3's clients have no type
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, max_pool_connections=64)
        key, secret, token = credentials
        made.append(
            boto3.client(
                service,
                endpoint_url=sandbox.url,
                region_name=region,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=config,
            )
        )
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def job() -> dict[str, Any]:
    """Give the smallest StartJobRun, without a token: boto3 makes one."""
    return {
        "applicationId": "00f1qr8s3v6pd409",
        "executionRoleArn": "arn:aws:iam::999999999999:role/emr/etl",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
    }


@pytest.fixture
def wait_for() -> Callable[[Any, str, str, str], None]:
    """Wait until a job run is in a state, for 10 seconds."""

    def wait(emr: Any, application: str, job_run: str, state: str) -> None:  # noqa: ANN401 - boto3's clients have no type
        deadline = time.monotonic() + 10
        while (seen := emr.get_job_run(applicationId=application, jobRunId=job_run)["jobRun"]["state"]) != state:
            assert time.monotonic() < deadline, f"still {seen}"
            time.sleep(0.01)

    return wait


@pytest.fixture
def replies() -> Callable[[Any], list[tuple[str, int, Any]]]:
    """Record what a client receives, before it is parsed: (operation, status, JSON)."""

    def watch(emr: Any) -> list[tuple[str, int, Any]]:  # noqa: ANN401 - boto3's clients have no type
        seen: list[tuple[str, int, Any]] = []

        def note(operation_model: Any, response_dict: Mapping[str, Any], **_: object) -> None:  # noqa: ANN401
            content = json.loads(response_dict["body"])
            seen.append((operation_model.name, response_dict["status_code"], content))

        emr.meta.events.register("before-parse.emr-serverless", note)
        return seen

    return watch


@pytest.fixture(scope="session")
def model() -> Mapping[str, Any]:
    """Load botocore's model of EMR Serverless."""
    loaded: Mapping[str, Any] = Loader().load_service_model("emr-serverless", "service-2")
    return loaded


@pytest.fixture(scope="session")
def violations(model: Mapping[str, Any]) -> Callable[[str, Any], list[str]]:
    """Tell what in a raw reply is not as its output shape has it."""
    return lambda name, value: list(_wrong(model["shapes"], name, value, name))


_KINDS: Mapping[str, tuple[type[Any], ...]] = {
    "boolean": (bool,),
    "double": (int, float),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "map": (dict,),
    "string": (str,),
    "structure": (dict,),
    "timestamp": (int, float),
}


def _wrong(shapes: Mapping[str, Any], name: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    shape = shapes[name]
    kind = shape["type"]
    if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path} is not a {kind}: {value!r}"
    elif kind == "structure":
        yield from (f"{path}.{key} is unknown" for key in value.keys() - shape["members"].keys())
        yield from (f"{path}.{key} is missing" for key in set(shape.get("required", ())) - value.keys())
        for key in value.keys() & shape["members"].keys():
            yield from _wrong(shapes, shape["members"][key]["shape"], value[key], f"{path}.{key}")
    elif kind == "list":
        for item in value:
            yield from _wrong(shapes, shape["member"]["shape"], item, f"{path}[]")
    elif kind == "map":
        for key, item in value.items():
            yield from _wrong(shapes, shape["key"]["shape"], key, f"{path}.{key} (key)")
            yield from _wrong(shapes, shape["value"]["shape"], item, f"{path}.{key}")
    else:
        yield from _wrong_scalar(shape, value, path)


def _wrong_scalar(shape: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - any scalar
    size = len(value) if isinstance(value, str) else value
    if not shape.get("min", size) <= size <= shape.get("max", size):
        yield f"{path} is out of bounds: {value!r}"
    if "pattern" in shape and not re.fullmatch(shape["pattern"], value, re.DOTALL | re.ASCII):
        yield f"{path} does not match {shape['pattern']}: {value!r}"
    if value not in shape.get("enum", [value]):
        yield f"{path} is not in the enum: {value!r}"
