"""AWS's own names, and the round trip of any request through them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import botocore
import botocore.session
import pytest
import yaml
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway.v1 import job_configuration_pb2 as conf
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import DocumentError, parse_message, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import Shape
    from google.protobuf.message import Message

_MODEL = botocore.session.get_session().get_service_model("emr-serverless")


def _members(shape: Shape, message: Any, path: str, seen: frozenset[str]) -> Iterator[tuple[str, str, str]]:  # noqa: ANN401 - two descriptor types
    """Path, AWS's name and the field's JSON name of each member, all the way down."""
    if shape.name in seen:
        return
    below = seen | {shape.name}
    if shape.type_name in {"list", "map"}:
        inner = shape.member if shape.type_name == "list" else shape.value
        if message is not None:
            yield from _members(inner, message, path, below)
        return
    for name, member in getattr(shape, "members", {}).items():
        field = message.fields_by_name[botocore.xform_name(name)]
        yield f"{path}.{name}", name, field.json_name
        yield from _members(member, field.message_type, f"{path}.{name}", below)


@pytest.mark.parametrize("operation", ["StartJobRun", "GetJobRun", "ListJobRuns", "CancelJobRun", "ListJobRunAttempts"])
def test_the_camel_case_is_awss(operation: str) -> None:
    """Every member of AWS's request is accepted by exactly AWS's spelling, at every depth."""
    shape = _MODEL.operation_model(operation).input_shape
    message = pb.DESCRIPTOR.message_types_by_name[f"{operation}Request"]
    members = list(_members(shape, message, operation, frozenset()))
    assert members
    assert [path for path, aws, ours in members if aws != ours] == []


# PyYAML writes `1e3` bare, for YAML 1.1 sees no number there; 1.2 does, so that the reader asks for quotes.
_BARE_EXPONENT = re.compile(r"-?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]+")
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(
    lambda text: not _BARE_EXPONENT.fullmatch(text)
)
_TEXTS = st.lists(_TEXT, max_size=3)
_TABLE = st.dictionaries(_TEXT, _TEXT, max_size=3)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_CONFIGURATION = st.recursive(
    st.builds(conf.Configuration, classification=_TEXT, properties=_TABLE),
    lambda inner: st.builds(conf.Configuration, classification=_TEXT, configurations=st.lists(inner, max_size=3)),
    max_leaves=5,
)
_LOG_TYPES = st.dictionaries(_TEXT, st.builds(conf.StringList, values=_TEXTS), max_size=2)
_CLOUD_WATCH = _optional(enabled=st.booleans(), log_group_name=_TEXT, log_types=_LOG_TYPES)
_MONITORING = _optional(
    s3_monitoring_configuration=_optional(log_uri=_TEXT).map(lambda f: conf.S3MonitoringConfiguration(**f)),
    cloud_watch_logging_configuration=_CLOUD_WATCH.map(lambda f: conf.CloudWatchLoggingConfiguration(**f)),
)
_OVERRIDES = _optional(
    application_configuration=st.lists(_CONFIGURATION, max_size=2),
    monitoring_configuration=_MONITORING.map(lambda f: conf.MonitoringConfiguration(**f)),
)
_SPARK = st.builds(conf.SparkSubmit, entry_point=_TEXT, entry_point_arguments=_TEXTS, spark_submit_parameters=_TEXT)
_HIVE = st.builds(conf.Hive, query=_TEXT, parameters=_TEXT)
_DRIVER = (
    st.builds(conf.JobDriver, spark_submit=_SPARK) | st.builds(conf.JobDriver, hive=_HIVE) | st.builds(conf.JobDriver)
)
_REQUESTS = _optional(
    application_id=_TEXT,
    client_token=_TEXT,
    job_driver=_DRIVER,
    configuration_overrides=_OVERRIDES.map(lambda f: conf.ConfigurationOverrides(**f)),
    tags=_TABLE,
    execution_timeout_minutes=st.integers(-(2**63), 2**63 - 1),
    name=_TEXT,
    mode=st.sampled_from(conf.JobRunMode.values()),
    retry_policy=st.builds(conf.RetryPolicy, max_attempts=st.integers(-(2**31), 2**31 - 1)),
    flex_execution=_optional(enabled=st.booleans()).map(lambda f: conf.FlexExecution(**f)),
    validate_only=st.booleans(),
).map(lambda fields: pb.StartJobRunRequest(**fields))


def _value(value: Any, member: Any, spell: Callable[[Any], str]) -> Any:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, conf.StringList):
        return list(value.values)
    if member.message_type is not None:
        return _document(value, spell)
    if member.enum_type is not None:
        return member.enum_type.values_by_number[value].name.removeprefix("JOB_RUN_MODE_")
    return value


def _document(message: Message, spell: Callable[[Any], str]) -> dict[str, Any]:
    """A message as AWS writes it: the members that are set, enum values bare, lists for `StringList`."""
    document: dict[str, Any] = {}
    for member, value in message.ListFields():
        if hasattr(value, "items"):
            inner = member.message_type.fields_by_name["value"]  # type: ignore[union-attr] # a map has one
            document[spell(member)] = {key: _value(value[key], inner, spell) for key in value}
        elif hasattr(value, "append"):
            document[spell(member)] = [_value(item, member, spell) for item in value]
        else:
            document[spell(member)] = _value(value, member, spell)
    return document


@settings(deadline=None, max_examples=200)
@given(_REQUESTS)
def test_any_request_survives_any_spelling(request: pb.StartJobRunRequest) -> None:
    """In camelCase or snake_case, as JSON, YAML, plain values or proto JSON, a request is read back equal."""
    for spell in (lambda member: str(member.json_name), lambda member: str(member.name)):
        document = _document(request, spell)
        assert parse_message(document, pb.StartJobRunRequest) == request
        assert read_request(json.dumps(document), name="r.json") == request
        if document:
            assert read_request(yaml.safe_dump(document, allow_unicode=False), name="r.yaml") == request
    assert read_request(json_format.MessageToJson(request), name="r.json") == request


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80) | st.binary(max_size=80))
def test_no_text_breaks_the_reader(text: str | bytes) -> None:
    """Whatever stands in a file is read, or refused with a reason; nothing else is ever raised."""
    try:
        read_request(text, name="r")
    except DocumentError as error:
        problems = error.problems
    else:
        return
    assert problems
