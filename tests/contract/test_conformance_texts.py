"""Texts and AWS's patterns: whole matches, no control characters, no secret told, no pattern that runs away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emrgateway_server import conformance, shapes
from emrgateway_server.findings import Findings
from emrgateway_server.shapes import Shape

from .judging import base, faults, known_places
from .places import Place, places, value_at, with_value
from .valid import FULL, REMOTE_WRITE

SENTINEL = "hunter2secret"

# Roles that Python's own matching would let pass.
ROLES = {
    "trailing newline": "arn:aws:iam::123456789012:role/etl\n",
    "trailing carriage return": "arn:aws:iam::123456789012:role/etl\r",
    "leading blank": " arn:aws:iam::123456789012:role/etl",
    "Cyrillic homoglyph": "arn:aws:iam::123456789012:role/\u0430dmin",
    "digits of another script": "arn:aws:iam::12345678901\u0662:role/etl",
    "fullwidth letters": "arn:aws:iam::123456789012:role/\uff45tl",
    "accented letter": "arn:aws:iam::123456789012:role/\u00e9tl",
    "two lines": "arn:aws:iam::123456789012:role/etl\narn:aws:iam::123456789012:role/admin",
    "a user": "arn:aws:iam::123456789012:user/etl-and-so-on",
    "no name": "arn:aws:iam::123456789012:role/",
    "a path with DEL": "arn:aws:iam::123456789012:role/a\x7f/etl",
}


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_a_role_that_only_looks_like_one_is_refused(role: str) -> None:
    """Patterns match the whole text with ASCII classes, and control characters never pass."""
    shape = shapes.request_shape("StartJobRun")
    (violation,) = faults({**FULL["StartJobRun"], "executionRoleArn": role}, shape)
    assert violation.field == "execution_role_arn"
    assert violation.description.isascii()
    assert violation.description.isprintable()


# Where several lines are of the essence.
MAY_HOLD_LINES = {
    "job_driver.spark_submit.entry_point_arguments[0]",
    "job_driver.spark_submit.spark_submit_parameters",
    "job_driver.hive.query",
    "job_driver.hive.parameters",
}
# AWS's pattern decides here: botocore's copy of it holds blanks where AWS names tab, line feed and carriage return.
POLICY_DOCUMENT = "execution_iam_policy.policy"
CONTROLS = [chr(number) for number in (*range(0x20), *range(0x7F, 0xA0))]


def _texts() -> Iterator[Any]:
    for operation in shapes.OPERATIONS:
        for name, place in known_places(operation).items():
            if place.shape.kind == "string" and not place.shape.enum:
                yield pytest.param(operation, place, id=f"{operation}-{name}")


@pytest.mark.parametrize(("operation", "place"), list(_texts()))
def test_control_characters_are_refused_everywhere(operation: str, place: Place) -> None:
    """Of all 65, in every text and key of every request, only line breaks and tabs pass, and only where they belong."""
    shape, full = shapes.request_shape(operation), base(operation, place.name)
    sample = value_at(full, shape, place.name)
    for control in CONTROLS:
        for text in (sample + control, control + sample, sample[:3] + control + sample[3:]):
            found = faults(with_value(full, shape, place.name, text), shape)
            if place.name in MAY_HOLD_LINES and control in "\n\r\t":
                assert found == []
            elif place.name != POLICY_DOCUMENT or control not in "\n\r\t":
                (violation,) = found
                assert f"holds the control character U+{ord(control):04X} at character" in violation.description
                assert control not in violation.field + violation.description


def test_several_lines_pass_where_they_belong() -> None:
    """A text of several lines, blank ones among them, is whole to AWS's patterns."""
    shape = shapes.request_shape("StartJobRun")
    lines = "\n  --conf a=b \\\r\n\t--conf c=d\n\n"
    for place in MAY_HOLD_LINES:
        assert faults(with_value(base("StartJobRun", place), shape, place, lines), shape) == []


def _sensitive() -> Iterator[Any]:
    for name, place in known_places("StartJobRun").items():
        if place.shape.kind == "string" and place.sensitive:
            yield pytest.param(place, id=name)


@pytest.mark.parametrize("place", list(_sensitive()))
def test_no_sensitive_value_is_told(place: Place) -> None:
    """However a sensitive value, or a key beside it, is broken, no text of a violation holds any of it."""
    shape, full = shapes.request_shape("StartJobRun"), base("StartJobRun", place.name)
    broken = [f"{SENTINEL}\x00", f"\x1b{SENTINEL}", f"{SENTINEL}\x85"]
    if place.shape.maximum is not None:
        broken.append(SENTINEL * (place.shape.maximum // len(SENTINEL) + 1))
    for value in broken:
        found = faults(with_value(full, shape, place.name, value), shape)
        assert found
        assert not any(SENTINEL in violation.field + violation.description for violation in found)


_NARROW = Shape("Narrow", "string", pattern="[a]+")
# Today's sensitive shapes have patterns that only blanks break: a narrower one to come must not tell its values either.
NARROW = {
    "a text": (Shape("Secret", "string", pattern="[a]+", sensitive=True), SENTINEL),
    "in a list": (Shape("Secrets", "list", element=_NARROW, sensitive=True), [SENTINEL]),
    "in a map": (Shape("Secrets", "map", key=_NARROW, element=_NARROW, sensitive=True), {SENTINEL: SENTINEL}),
    "in a message": (Shape("Secrets", "structure", members={"x": _NARROW}, sensitive=True), {"x": SENTINEL}),
    "deep inside": (
        Shape("Secrets", "structure", members={"x": Shape("List", "list", element=_NARROW)}, sensitive=True),
        {"x": [SENTINEL, SENTINEL]},
    ),
    "after one that is not": (
        Shape("Outer", "structure", members={"y": _NARROW, "x": Shape("X", "string", pattern="b", sensitive=True)}),
        {"y": "a", "x": SENTINEL},
    ),
}


@pytest.mark.parametrize(("shape", "value"), NARROW.values(), ids=NARROW)
def test_no_value_inside_a_sensitive_shape_is_told(shape: Shape, value: object) -> None:
    """Whatever stands inside what is sensitive is sensitive, however AWS's pattern refuses it."""
    found = Findings()
    conformance.check_value(value, shape, "place", found)
    assert found.kept
    assert not any(SENTINEL in violation.field + violation.description for violation in found.kept)


def test_a_value_after_a_sensitive_one_is_told() -> None:
    """What is not sensitive is shown: a caller should see what was refused."""
    members = {"x": Shape("X", "string", pattern="b", sensitive=True), "y": _NARROW}
    found = Findings()
    conformance.check_value({"x": "b", "y": "why"}, Shape("Outer", "structure", members=members), "place", found)
    assert [violation.description for violation in found.kept] == ['"why" does not match AWS\'s pattern [a]+']


def test_the_sensitive_places_are_those_of_the_model() -> None:
    """What AWS marks sensitive, written down: a mark that vanishes in a new model is seen."""
    assert {name for name, place in known_places("StartJobRun").items() if place.sensitive} == {
        "job_driver.spark_submit.entry_point",
        "job_driver.spark_submit.entry_point_arguments[0]",
        "job_driver.spark_submit.spark_submit_parameters",
        "job_driver.hive.query",
        "job_driver.hive.init_query_file",
        "job_driver.hive.parameters",
        *(f"configuration_overrides.application_configuration[0].properties{part}" for part in ("", "{}", "{*}")),
    }


EVIL_URLS = {
    "a's": "https://aps-workspaces.us-east-1.amazonaws" + "a" * 5_000,
    "labels": "https://aps-workspaces.us-east-1.amazonaws" + ".aaaa" * 1_000 + "!",
    "a's in a label": "https://aps-workspaces.us-east-1.amazonaws.com" + "a" * 5_000 + "/x",
    "dashes": "https://aps-workspaces.aa-" + "-" * 5_000,
}


@pytest.mark.parametrize("url", EVIL_URLS.values(), ids=EVIL_URLS)
def test_no_text_makes_a_pattern_run_away(url: str) -> None:
    """The workspace pattern takes exponential time in a backtracking engine; here it answers, and short."""
    shape = shapes.request_shape("StartJobRun")
    place = "configuration_overrides.monitoring_configuration.prometheus_monitoring_configuration.remote_write_url"
    (violation,) = faults(with_value(FULL["StartJobRun"], shape, place, url), shape)
    assert violation.field == place
    assert len(violation.description) < 500
    assert faults(with_value(FULL["StartJobRun"], shape, place, REMOTE_WRITE), shape) == []


def test_every_pattern_compiles() -> None:
    """Each pattern of the six operations, requests and replies, is one that RE2 takes."""
    sources = {
        place.shape.pattern
        for operation in shapes.OPERATIONS
        for shape in (shapes.request_shape(operation), shapes.response_shape(operation))
        for place in places(shape)
        if place.shape.pattern
    }
    assert len(sources) > 10
    for source in sources:
        assert conformance.pattern(source).fullmatch("\x00") is None or source.startswith((".*", "[^"))


def test_long_keys_and_values_are_cut_in_violations() -> None:
    """A key or a value that is not sensitive is told quoted, in ASCII, and never whole when it is long."""
    shape = shapes.request_shape("StartJobRun")
    (violation,) = faults({**FULL["StartJobRun"], "tags": {"\u00e4" * 100: "v"}}, shape)
    assert violation.field.isascii()
    assert len(violation.field) < 600
    (violation,) = faults({**FULL["StartJobRun"], "executionRoleArn": "\u00e4" * 2_000}, shape)
    assert len(violation.description) < 800
