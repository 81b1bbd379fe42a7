"""AWS's model, enforced: every limit, every violation at once, no secret told, nothing else refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import conformance, shapes, translate, wire
from emrgateway_server.findings import Findings
from emrgateway_server.shapes import Shape

from .judging import base, faults, known_places
from .places import Place, value_at, with_value, without
from .valid import FULL, requests

LIMITS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("limits.yaml").read_text(encoding="utf-8")
)


def _rows() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for operation, rows in LIMITS.items():
        for place, row in rows.items():
            yield operation, place, row


def _generic(place: str) -> str:
    """A place of the table as the walk over the model names it: of a map's values, all are one."""
    return re.sub(r"\{[^}]+\}", "{*}", place)


@pytest.mark.parametrize("name", FULL)
def test_a_full_request_has_no_faults(name: str) -> None:
    """A request with every member at once is valid: what the other cases find is what they broke."""
    assert faults(FULL[name], shapes.request_shape(name.partition(",")[0])) == []


@pytest.mark.parametrize("operation", shapes.OPERATIONS)
def test_the_table_has_every_limit_of_the_model(operation: str) -> None:
    """Each limit that AWS's model sets is in the table with the same figure, and the table has no other."""
    told = {
        _generic(place): {
            **{key: row.get(key) for key in ("min", "max", "enum")},
            **{key: bool(row.get(key)) for key in ("required", "union")},
            "pattern": "breaks" in row,
        }
        for place, row in LIMITS[operation].items()
    }
    model = {
        name: limits for name, place in known_places(operation).items() if any((limits := _limits_of(place)).values())
    }
    for name, limits in told.items():
        if limits["min"] == 0:  # of a number: a text, list or map cannot have fewer
            model[name]["min"] = 0
    assert told == model


def _limits_of(place: Place) -> dict[str, Any]:
    shape = place.shape
    return {
        "min": shape.minimum or None,
        "max": shape.maximum,
        "enum": sorted(shape.enum) or None,
        "required": place.required,
        "union": shape.union,
        "pattern": shape.pattern is not None,
    }


def _sized(shape: Shape, sample: Any, size: int) -> Any:  # noqa: ANN401 - AWS's form
    """A value of so many characters, items or entries, or that number; otherwise as valid as the sample."""
    if shape.kind in {"integer", "long"}:
        return size
    if shape.kind == "list":
        return [sample[0]] * size
    if shape.kind == "map":
        value, letters = next(iter(sample.values())), "abcdefghij"
        names = ["".join(letters[int(digit)] for digit in f"{number:03}") for number in range(size)]
        return dict.fromkeys(names, value)
    return (sample + sample[-1:] * size)[:size]


def _broken() -> Iterator[Any]:
    for operation, place, row in _rows():
        shape = known_places(operation)[_generic(place)].shape
        sample = value_at(base(operation, place), shapes.request_shape(operation), place)
        values: dict[str, Any] = {}
        if "min" in row:
            values["min"] = _sized(shape, sample, row["min"] - 1)
        if "max" in row:
            values["max"] = _sized(shape, sample, row["max"] + 1)
        if row.get("breaks") is not None:
            values["pattern"] = row["breaks"]
        if "enum" in row:
            values["enum"] = "NO_SUCH"
        if "union" in row:
            values["union"] = {}
        for limit, value in values.items():
            yield pytest.param(operation, place, row.get("field"), value, id=f"{operation}-{place}-{limit}")


@pytest.mark.parametrize(("operation", "place", "field", "value"), list(_broken()))
def test_a_broken_limit_is_one_violation_at_its_place(
    operation: str, place: str, field: str | None, value: object
) -> None:
    """Min, max, pattern, enum and union, each broken once in an otherwise full request, are each told once."""
    shape = shapes.request_shape(operation)
    (violation,) = faults(with_value(base(operation, place), shape, place, value), shape)
    if place.endswith("{}") and field is None:
        assert violation.field.startswith(place.removesuffix("{}") + ".")
    else:
        assert violation.field == (field or Place(place, shape).told)


def _required() -> Iterator[Any]:
    for operation, place, row in _rows():
        if row.get("required"):
            yield pytest.param(operation, place, id=f"{operation}-{place}")


@pytest.mark.parametrize(("operation", "place"), list(_required()))
def test_a_missing_member_is_one_violation_at_its_place(operation: str, place: str) -> None:
    """Each required member, left out of an otherwise full request, is told once, and told to be required."""
    shape = shapes.request_shape(operation)
    (violation,) = faults(without(base(operation, place), shape, place), shape)
    assert violation.field == place
    assert violation.description.startswith("is required")


def _edges() -> Iterator[Any]:
    for operation, place, row in _rows():
        for limit in ("min", "max"):
            # The workspace's URL ends in a fixed text, and cannot be made this long.
            if limit in row and not place.endswith("remote_write_url"):
                yield pytest.param(operation, place, limit, row[limit], id=f"{operation}-{place}-{limit}")


@pytest.mark.parametrize(("operation", "place", "limit", "size"), list(_edges()))
def test_the_limits_themselves_are_allowed(operation: str, place: str, limit: str, size: int) -> None:
    """At its smallest and at its largest, every value is fine (the ARNs: as far as their patterns reach down)."""
    shape, full = shapes.request_shape(operation), base(operation, place)
    inner = known_places(operation)[_generic(place)].shape
    if limit == "min" and inner.pattern:
        found = faults(with_value(full, shape, place, _sized(inner, value_at(full, shape, place), size)), shape)
        assert all("AWS's pattern" in violation.description for violation in found)
    else:
        sample = value_at(full, shape, place)
        assert faults(with_value(full, shape, place, _sized(inner, sample, size)), shape) == []


def test_all_violations_are_told_at_once() -> None:
    """A request that is wrong in many ways hears of each of them, in the model's order."""
    request = {
        "clientToken": "a/b",
        "executionRoleArn": "x" * 20,
        "jobDriver": {"sparkSubmit": {"entryPointArguments": ["\x00"]}},
        "configurationOverrides": {"applicationConfiguration": [{}, {"classification": " "}]},
        "executionTimeoutMinutes": -1,
    }
    assert sorted(violation.field for violation in faults(request, shapes.request_shape("StartJobRun"))) == [
        "application_id",
        "client_token",
        "configuration_overrides.application_configuration[0].classification",
        "configuration_overrides.application_configuration[1].classification",
        "execution_role_arn",
        "execution_timeout_minutes",
        "job_driver.spark_submit.entry_point",
        "job_driver.spark_submit.entry_point_arguments[0]",
    ]


def test_a_driver_must_be_set_and_but_one() -> None:
    """No driver, an empty one, and two (which the contract cannot say, but policy could make) are told."""
    shape, full = shapes.request_shape("StartJobRun"), FULL["StartJobRun"]
    (none,) = faults(without(full, shape, "job_driver"), shape)
    assert (none.field, none.description) == ("job_driver", "is required: set spark_submit or hive")
    (two,) = faults({**full, "jobDriver": {**full["jobDriver"], "hive": {"query": "q"}}}, shape)
    assert (two.field, "and 2 are" in two.description) == ("job_driver", True)


@pytest.mark.parametrize(("depth", "many"), [(1, 0), (16, 0), (17, 1), (90, 1)])
def test_configurations_nest_so_deep_and_no_deeper(depth: int, many: int) -> None:
    """Sixteen levels pass; one more is one violation, whose path ends where the seventeenth begins."""
    configuration: dict[str, Any] = {"classification": "c"}
    for _ in range(depth - 1):
        configuration = {"classification": "c", "configurations": [configuration]}
    request = {**FULL["StartJobRun"], "configurationOverrides": {"applicationConfiguration": [configuration]}}
    found = faults(request, shapes.request_shape("StartJobRun"))
    assert len(found) == many
    for violation in found:
        assert violation.field.count("configurations") == 16
        assert violation.description == "configurations nest more than 16 deep"


_VALID = st.sampled_from(shapes.OPERATIONS).flatmap(lambda name: st.tuples(st.just(name), requests(name)))


@settings(max_examples=150, deadline=None)
@given(_VALID)
def test_valid_requests_have_no_faults_on_the_whole_way(pair: tuple[str, dict[str, Any]]) -> None:
    """Made from AWS's own patterns and limits: through the contract's bytes and back it is the same, and faultless."""
    operation, request = pair
    shape = shapes.request_shape(operation)
    data = translate.from_aws(request, getattr(pb, shape.name), shape).SerializeToString()
    found = Findings()
    message = wire.parse(data, getattr(pb, shape.name), most_bytes=len(data), found=found)
    assert translate.to_aws(message, shape) == request
    conformance.check(request, shape, found)
    assert found.kept == []


@settings(max_examples=150, deadline=None)
@given(_VALID)
def test_botocore_takes_and_sends_every_valid_request(pair: tuple[str, dict[str, Any]]) -> None:
    """Botocore's own validator finds nothing, and its serializer puts every member but the path's into the body."""
    operation, request = pair
    model = shapes.service_model().operation_model(operation)
    assert ParamValidator().validate(request, model.input_shape).generate_report() == ""
    sent = create_serializer("rest-json").serialize_to_request(request, model)
    for text in (request["applicationId"], request.get("jobRunId", "")):
        assert text in sent["url_path"]
    if operation == "StartJobRun":
        assert json.loads(sent["body"]) == {key: value for key, value in request.items() if key != "applicationId"}
