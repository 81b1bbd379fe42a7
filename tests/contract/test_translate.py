"""The one translation: nothing is lost, added or blurred between the contract and AWS's form."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.validate import ParamValidator
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway.v1 import job_configuration_pb2 as conf
from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import shapes
from emrgateway_server.translate import from_aws, sayable, to_aws

from .messages import REQUESTS, TRANSLATED, everything, messages

_START = shapes.request_shape("StartJobRun")
_BY_NAME = st.sampled_from(sorted(TRANSLATED))


def _start(**fields: Any) -> pb.StartJobRunRequest:  # noqa: ANN401 - dicts where the stubs want messages
    return pb.StartJobRunRequest(**fields)


def _any_translated() -> st.SearchStrategy[tuple[str, Message]]:
    return _BY_NAME.flatmap(lambda name: st.tuples(st.just(name), messages(TRANSLATED[name][0])))


def _assert_identity(message: Message, shape: shapes.Shape) -> None:
    back = from_aws(to_aws(message, shape), type(message), shape)
    assert back == message
    # Equality forgets what was absent: bytes do not.
    assert back.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


@settings(max_examples=400, deadline=None)
@given(_any_translated())
def test_there_and_back_is_the_identity(pair: tuple[str, Message]) -> None:
    """Proto → AWS → proto gives back any message of the six operations, requests and replies, byte for byte."""
    name, message = pair
    _assert_identity(message, TRANSLATED[name][1])


@settings(max_examples=150, deadline=None)
@given(messages(conf.ConfigurationOverrides))
def test_there_and_back_is_the_identity_deep_inside(overrides: Message) -> None:
    """The same for the deepest part, where configurations nest in configurations."""
    _assert_identity(_start(configuration_overrides=overrides), _START)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "\ud800", "RUNNING"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "\udfff"]), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(_any_translated(), st.data())
def test_a_reply_with_junk_in_it_keeps_the_rest(pair: tuple[str, Message], data: st.DataObject) -> None:
    """Whatever stands in place of one member, the others are told as they are."""
    name, message = pair
    shape = TRANSLATED[name][1]
    said = to_aws(message, shape)
    assert sayable(said, shape) == said
    member = data.draw(st.sampled_from(sorted(shape.members)))
    told = from_aws(sayable({**said, member: data.draw(_JUNK)}, shape), type(message), shape)
    field = shapes.field_name(member)
    told.ClearField(field)
    message.ClearField(field)
    assert told == message


@pytest.mark.parametrize("zero", [True, False], ids=["zeros", "values"])
@pytest.mark.parametrize("name", TRANSLATED)
def test_every_field_at_once(name: str, *, zero: bool) -> None:
    """With every field of every message set, at zero and not, nothing is lost; so no field goes untranslated."""
    message_class, shape = TRANSLATED[name]
    _assert_identity(everything(message_class, zero=zero), shape)
    if not zero:
        _assert_all_there(to_aws(everything(message_class, zero=zero), shape), shape)


def _assert_all_there(value: Any, shape: shapes.Shape) -> None:  # noqa: ANN401 - AWS's form
    if shape.kind == "structure":
        members = set(shape.members)
        # Recursion ends somewhere, and of a union one is set.
        assert members - set(value) <= {"configurations"} or (shape.union and value), shape.name
        for member, inner in value.items():
            _assert_all_there(inner, shape.members[member])
    elif shape.element is not None:
        for inner in value.values() if isinstance(value, dict) else value:
            _assert_all_there(inner, shape.element)


def test_recursion_goes_as_deep_as_a_parser() -> None:
    """Configurations nested 40 deep come back as they were."""
    message = pb.StartJobRunRequest()
    inner = message.configuration_overrides.application_configuration.add(classification="c0")
    for depth in range(1, 40):
        inner = inner.configurations.add(classification=f"c{depth}")
    _assert_identity(message, _START)


PRESENCE: dict[str, tuple[pb.StartJobRunRequest, dict[str, object]]] = {
    "nothing": (_start(), {}),
    "a timeout of zero": (_start(execution_timeout_minutes=0), {"executionTimeoutMinutes": 0}),
    "an empty name": (_start(name=""), {"name": ""}),
    "a mode left open": (_start(mode=conf.JOB_RUN_MODE_UNSPECIFIED), {}),
    "a mode": (_start(mode=conf.JOB_RUN_MODE_STREAMING), {"mode": "STREAMING"}),
    "empty tags": (_start(tags={}), {}),
    "a tag without a value": (_start(tags={"k": ""}), {"tags": {"k": ""}}),
    "empty messages": (
        _start(
            configuration_overrides=conf.ConfigurationOverrides(),
            retry_policy=conf.RetryPolicy(),
            flex_execution=conf.FlexExecution(),
            execution_iam_policy=conf.JobRunExecutionIamPolicy(),
        ),
        {"configurationOverrides": {}, "retryPolicy": {}, "flexExecution": {}, "executionIamPolicy": {}},
    ),
    "no flex": (
        _start(flex_execution=conf.FlexExecution(enabled=False)),
        {"flexExecution": {"enabled": False}},
    ),
    "no driver in a driver": (_start(job_driver=conf.JobDriver()), {"jobDriver": {}}),
    "an empty driver": (
        _start(job_driver=conf.JobDriver(hive=conf.Hive())),
        {"jobDriver": {"hive": {}}},
    ),
    "an empty argument": (
        _start(job_driver={"spark_submit": {"entry_point_arguments": [""]}}),
        {"jobDriver": {"sparkSubmit": {"entryPointArguments": [""]}}},
    ),
    "empty lists": (
        _start(configuration_overrides={"application_configuration": []}),
        {"configurationOverrides": {}},
    ),
    "logging switched off": (
        _start(configuration_overrides={"monitoring_configuration": {"s3_monitoring_configuration": {}}}),
        {"configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": {}}}},
    ),
    "an empty list in a map": (
        _start(
            configuration_overrides={
                "monitoring_configuration": {
                    "cloud_watch_logging_configuration": {"log_types": {"HIVE_DRIVER": conf.StringList()}}
                }
            }
        ),
        {
            "configurationOverrides": {
                "monitoringConfiguration": {"cloudWatchLoggingConfiguration": {"logTypes": {"HIVE_DRIVER": []}}}
            }
        },
    ),
    "the gateway's own field": (_start(validate_only=True), {}),
}


@pytest.mark.parametrize(("message", "wanted"), PRESENCE.values(), ids=PRESENCE)
def test_absent_empty_and_zero_are_told_apart(message: pb.StartJobRunRequest, wanted: dict[str, object]) -> None:
    """Zero is sent, unset is not; a present, empty message is `{}`; an empty list or map is left out."""
    assert to_aws(message, _START) == wanted


CONFIGURATIONS: dict[str, tuple[conf.Configuration, dict[str, object]]] = {
    "nothing to say": (conf.Configuration(classification="c"), {"properties": {}}),
    "properties alone": (conf.Configuration(classification="c", properties={"k": "v"}), {"properties": {"k": "v"}}),
    "configurations alone": (
        conf.Configuration(classification="c", configurations=[conf.Configuration(classification="d")]),
        {"configurations": [{"classification": "d", "properties": {}}]},
    ),
}


@pytest.mark.parametrize(("configuration", "wanted"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_an_empty_configuration_keeps_its_empty_properties(
    configuration: conf.Configuration, wanted: dict[str, object]
) -> None:
    """`properties: {}` removes the application's, so it is sent where, and only where, nothing else is said."""
    message = _start(configuration_overrides={"application_configuration": [configuration]})
    assert to_aws(message, _START) == {
        "configurationOverrides": {"applicationConfiguration": [{"classification": "c", **wanted}]}
    }


@pytest.mark.parametrize("properties", [{"properties": {}}, {"properties": None}, {}], ids=["empty", "null", "absent"])
def test_a_reply_may_leave_properties_out(properties: dict[str, object]) -> None:
    """What AWS answers for "no properties" reads as none, in any spelling."""
    reply = {
        "jobRun": {"configurationOverrides": {"applicationConfiguration": [{"classification": "c", **properties}]}}
    }
    read = from_aws(reply, pb.GetJobRunResponse, shapes.response_shape("GetJobRun"))
    (configuration,) = read.job_run.configuration_overrides.application_configuration
    assert configuration == conf.Configuration(classification="c")


def test_words_to_come_are_left_out_of_replies() -> None:
    """A state, a member or a mode that AWS adds later is no error: the state is unspecified, the rest unsaid."""
    reply = {
        "jobRuns": [{"id": "a", "state": "PAUSED", "mode": "TURBO", "spot": True}, {"id": "b", "state": "RUNNING"}],
        "ResponseMetadata": {"HTTPStatusCode": 200},
    }
    read = from_aws(reply, pb.ListJobRunsResponse, shapes.response_shape("ListJobRuns"))
    running = job_run_pb2.JobRunSummary(id="b", state=job_run_pb2.JOB_RUN_STATE_RUNNING)
    assert list(read.job_runs) == [job_run_pb2.JobRunSummary(id="a"), running]


def test_times_are_utc_to_the_microsecond() -> None:
    """A Timestamp is a datetime in UTC, and a datetime of any zone is the same instant as a Timestamp."""
    shape = shapes.request_shape("ListJobRuns")
    message = pb.ListJobRunsRequest(created_at_after=Timestamp(seconds=1_767_225_600, nanos=123_456_000))
    moment = dt.datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=dt.UTC)
    assert to_aws(message, shape) == {"createdAtAfter": moment}
    elsewhere = moment.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    assert from_aws({"createdAtAfter": elsewhere}, pb.ListJobRunsRequest, shape) == message


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(REQUESTS)).flatmap(lambda name: st.tuples(st.just(name), messages(REQUESTS[name][0]))))
def test_botocore_finds_no_wrong_type_and_no_unknown_member(pair: tuple[str, Message]) -> None:
    """Whatever is said, its form is AWS's: botocore may miss a member or want more, but knows each and its type."""
    name, message = pair
    report = ParamValidator().validate(to_aws(message, REQUESTS[name][1]), shapes.service_model().shape_for(name))
    # The report's text mixes in values, which may read like anything.
    kinds = {kind for kind, _, _ in report._errors}  # noqa: SLF001 - as said
    assert kinds <= {"missing required field", "invalid length", "invalid range", "empty input"}
