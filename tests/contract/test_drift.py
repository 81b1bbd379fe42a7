"""The contract holds what AWS's model holds; a botocore that adds to the model turns this red."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from botocore.loaders import Loader

from emrgateway_server import shapes

from .drift import differences


def _model() -> dict[str, Any]:
    model: dict[str, Any] = copy.deepcopy(Loader().load_service_model(shapes.SERVICE, "service-2"))
    return model


def test_nothing_has_drifted() -> None:
    """Each member of the six operations, at every depth, both ways, is in the contract under the naming rules."""
    assert differences(_model(), shapes.OPERATIONS) == []


def _member(shape: str, name: str, inner: str) -> Callable[[dict[str, Any]], object]:
    return lambda model: model["shapes"][shape]["members"].update({name: {"shape": inner}})


def _set(shape: str, **traits: object) -> Callable[[dict[str, Any]], object]:
    return lambda model: model["shapes"][shape].update(traits)


def _add_shape(name: str, shape: dict[str, Any], owner: str, member: str) -> Callable[[dict[str, Any]], object]:
    def change(model: dict[str, Any]) -> None:
        model["shapes"][name] = shape
        _member(owner, member, name)(model)

    return change


MUTATIONS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a member of a request": (
        _member("StartJobRunRequest", "spotPrice", "String256"),
        "StartJobRunRequest.spotPrice: StartJobRunRequest has no field spot_price",
    ),
    "a member of a reply": (
        _member("ListJobRunAttemptsResponse", "totalCount", "Integer"),
        "ListJobRunAttemptsResponse.totalCount: ListJobRunAttemptsResponse has no field total_count",
    ),
    "a member far inside": (
        _member("S3MonitoringConfiguration", "storageClass", "String256"),
        "S3MonitoringConfiguration.storageClass: S3MonitoringConfiguration has no field storage_class",
    ),
    "a member inside a map's value": (
        _member("WorkerTypeSpecification", "architecture", "String256"),
        "WorkerTypeSpecification.architecture: WorkerTypeSpecification has no field architecture",
    ),
    "a member of the recursive shape": (
        _member("Configuration", "comment", "String256"),
        "Configuration.comment: Configuration has no field comment",
    ),
    "a driver": (
        _add_shape("Trino", {"type": "structure", "members": {}}, "JobDriver", "trino"),
        "JobDriver.trino: JobDriver has no field trino",
    ),
    "an enum value": (
        lambda model: model["shapes"]["JobRunState"]["enum"].append("PAUSED"),
        "JobRunState has no value JOB_RUN_STATE_PAUSED",
    ),
    "an enum value gone": (
        lambda model: model["shapes"]["JobRunMode"]["enum"].remove("STREAMING"),
        "AWS has no value for JOB_RUN_MODE_STREAMING",
    ),
    "a string turned enum": (_set("JobRunType", enum=["SPARK", "HIVE"]), "is no enum JobRunType"),
    "another number": (_set("Duration", type="integer"), "StartJobRunRequest.executionTimeoutMinutes: integer has"),
    "a string turned list": (
        _set("ReleaseLabel", type="list", member={"shape": "String256"}),
        "JobRun.releaseLabel: is no repeated field",
    ),
    "a map of another value": (
        _set("LogTypeMap", value={"shape": "String256"}),
        "CloudWatchLoggingConfiguration.logTypes (value): string has",
    ),
    "a time turned string": (_set("Date", type="string"), "JobRun.createdAt: string has"),
    "a member made optional": (
        lambda model: model["shapes"]["StartJobRunRequest"]["required"].remove("executionRoleArn"),
        "StartJobRunRequest.executionRoleArn: `optional` is needed",
    ),
    "a member gone": (
        lambda model: model["shapes"]["StartJobRunRequest"]["members"].pop("name"),
        "StartJobRunRequest.name: no member of AWS's",
    ),
    "a shape renamed": (
        _add_shape("LogPolicy", {"type": "structure", "members": {}}, "StartJobRunRequest", "retryPolicy"),
        "LogPolicy: the message is named emrgateway.v1.RetryPolicy",
    ),
    "the union no more": (
        lambda model: model["shapes"]["JobDriver"].pop("union"),
        "JobDriver.hive: the members of a union",
    ),
}


@pytest.mark.parametrize(("mutate", "said"), MUTATIONS.values(), ids=MUTATIONS)
def test_a_changed_model_is_told(mutate: Callable[[dict[str, Any]], object], said: str) -> None:
    """Each way in which AWS's model may move is found, and what is said names shape, member and what is missing."""
    model = _model()
    mutate(model)
    assert any(said in difference for difference in differences(model, shapes.OPERATIONS))


def test_an_operation_that_is_not_served_is_told() -> None:
    """Operations are part of the contract: one without a method is a difference."""
    assert differences(_model(), ("StartApplication",), ours={}) == [
        "StartApplication: JobRunService has no such method"
    ]


def test_left_out_members_need_an_entry_and_entries_a_member() -> None:
    """A member may be left out with a reason; an entry that leaves nothing out is itself a difference."""
    model = _model()
    _member("StartJobRunRequest", "spotPrice", "String256")(model)
    left_out = {"StartJobRunRequest.spotPrice": "not for us"}
    assert differences(model, shapes.OPERATIONS, left_out=left_out) == []
    assert differences(_model(), shapes.OPERATIONS, left_out=left_out) == [
        "StartJobRunRequest.spotPrice: listed as an exception, and is none"
    ]
