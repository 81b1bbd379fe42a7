"""Requests as people write them: what is read, and what each mistake is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format

from emrgateway.v1 import job_configuration_pb2 as conf
from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import DocumentError, load_request, parse_message, read_request
from emrgateway_client.documents import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from pathlib import Path

_YAML = """\
applicationId: 00f1qr8s3v6pd409
executionRoleArn: arn:aws:iam::123456789012:role/etl
name: "2026-11-01"
mode: STREAMING
executionTimeoutMinutes: 60
jobDriver:
  sparkSubmit:
    entryPoint: s3://code/main.py
    entryPointArguments: [--day, "2026-11-01", --dry-run, "no"]
    sparkSubmitParameters: >-
      --conf spark.executor.cores=4
      --conf spark.executor.memory=8g
configurationOverrides:
  applicationConfiguration:
    - classification: spark-defaults
      properties: {spark.dynamicAllocation.enabled: "true"}
      configurations: [{classification: nested}]
  monitoringConfiguration:
    managedPersistenceMonitoringConfiguration: {}
    cloudWatchLoggingConfiguration:
      enabled: true
      logTypes: {SPARK_DRIVER: [STDOUT, STDERR]}
tags: {team: data-eng, "a b": ""}
retryPolicy: null
"""


def _expected() -> pb.StartJobRunRequest:
    request = pb.StartJobRunRequest(
        application_id="00f1qr8s3v6pd409",
        execution_role_arn="arn:aws:iam::123456789012:role/etl",
        name="2026-11-01",
        mode=conf.JOB_RUN_MODE_STREAMING,
        execution_timeout_minutes=60,
        tags={"team": "data-eng", "a b": ""},
    )
    spark = request.job_driver.spark_submit
    spark.entry_point = "s3://code/main.py"
    spark.entry_point_arguments.extend(["--day", "2026-11-01", "--dry-run", "no"])
    spark.spark_submit_parameters = "--conf spark.executor.cores=4 --conf spark.executor.memory=8g"
    defaults = request.configuration_overrides.application_configuration.add(classification="spark-defaults")
    defaults.properties["spark.dynamicAllocation.enabled"] = "true"
    defaults.configurations.add(classification="nested")
    monitoring = request.configuration_overrides.monitoring_configuration
    monitoring.managed_persistence_monitoring_configuration.SetInParent()
    monitoring.cloud_watch_logging_configuration.enabled = True
    monitoring.cloud_watch_logging_configuration.log_types["SPARK_DRIVER"].values.extend(["STDOUT", "STDERR"])
    return request


def _problems(text: str | bytes, name: str = "job.yaml") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read_request(text, name=name)
    return str(caught.value).splitlines()


def test_yaml_as_boto3_takes_it() -> None:
    """AWS's camelCase in YAML; null is unset, an empty message is present."""
    request = read_request(_YAML, name="job.yaml")
    assert request == _expected()
    assert not request.HasField("retry_policy")


def test_what_the_client_prints_is_read_again() -> None:
    """Proto JSON in both spellings gives the message it was made of: 64-bit numbers in quotes, `values`, enum names."""
    for proto_names in (False, True):
        text = json_format.MessageToJson(_expected(), preserving_proto_field_name=proto_names)
        assert read_request(text, name="job.json") == _expected()


def test_json_keeps_its_own_meaning(tmp_path: Path) -> None:
    """Escapes that YAML reads otherwise, surrogate pairs, tabs for indentation, a byte order mark, `no` in quotes."""
    file = tmp_path / "job.json"
    text = '{\n\t"applicationId": "a\\/b",\n\t"name": "\\ud83d\\ude00", "tags": {"no": "0720", "x": "1_000"}\n}'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    request = load_request(file)
    assert (request.application_id, request.name) == ("a/b", "😀")
    assert dict(request.tags) == {"no": "0720", "x": "1_000"}


def test_all_mistakes_at_once_each_with_its_place() -> None:
    """One reading of the errors mends the whole document."""
    text = """\
ApplicationId: a
name: 12
executionTimeoutMinutes: 1.5
mode: BATHC
jobDriver:
  hive: {query: q}
  sparkSubmit:
    arguments: [x]
    entryPoint: true
    entryPointArguments: --day
tags: [team]
"""
    lines = _problems(text)
    assert [line.partition(": error: ")[0] for line in lines] == [
        "job.yaml:1:1",
        "job.yaml:2:7",
        "job.yaml:3:26",
        "job.yaml:4:7",
        "job.yaml:6:3",
        "job.yaml:8:5",
        "job.yaml:9:17",
        "job.yaml:10:26",
        "job.yaml:11:7",
    ]
    errors = [line.partition(": error: ")[2] for line in lines]
    assert errors[0].startswith("ApplicationId: unknown member; did you mean applicationId? allowed: applicationId, ")
    assert errors[1:] == [
        "name: wants a string, found a whole number: put it in quotes",
        "executionTimeoutMinutes: wants a whole number in decimal, found a number with a fraction or an exponent",
        "mode: no such value; did you mean BATCH? allowed: BATCH, STREAMING",
        "jobDriver: only one of sparkSubmit, hive may be set",
        (
            "jobDriver.sparkSubmit.arguments: unknown member; did you mean entryPointArguments? "
            "allowed: entryPoint, entryPointArguments, sparkSubmitParameters"
        ),
        "jobDriver.sparkSubmit.entryPoint: wants a string, found a boolean: put it in quotes",
        "jobDriver.sparkSubmit.entryPointArguments: wants a list, found a string",
        "tags: wants a mapping, found a list",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("name: no", "1:7: error: name: wants a string, and YAML 1.1 reads this bare word as a boolean: put it"),
        ("name: 0720", "1:7: error: name: wants a string, and YAML 1.1 reads this as a number that is not"),
        ("name: 1_000", "1:7: error: name: wants a string, and YAML 1.1 reads this as a number that is not"),
        ("name: 1e3", "1:7: error: name: wants a string, found a number with a fraction or an exponent: put"),
        ("name: .inf", "1:7: error: name: wants a string, and YAML 1.1 reads this as a number: put it in quotes"),
        ("name: 2026-11-01", "1:7: error: name: wants a string, and YAML 1.1 reads this as a date or time: put it in"),
        ("executionTimeoutMinutes: 0720", "1:26: error: executionTimeoutMinutes: wants a whole number in decimal"),
        ("executionTimeoutMinutes: yes", "1:26: error: executionTimeoutMinutes: wants a whole number in decimal"),
        ("executionTimeoutMinutes: true", "1:26: error: executionTimeoutMinutes: wants a whole number in decimal"),
        ("flexExecution: {enabled: on}", "1:26: error: flexExecution.enabled: wants a boolean, true or false, and"),
        ("flexExecution: {enabled: 1}", "1:26: error: flexExecution.enabled: wants a boolean, true or false, found"),
        ("flexExecution: [enabled]", "1:16: error: flexExecution: wants a mapping, found a list"),
        ("retryPolicy: {maxAttempts: 2147483648}", "1:28: error: retryPolicy.maxAttempts: wants a whole number from"),
        ("executionTimeoutMinutes: 9223372036854775808", "1:26: error: executionTimeoutMinutes: wants a whole number"),
        ("tags: {no: x}", "1:8: error: tags: a key must be a string, and YAML 1.1 reads this bare word as a boolean"),
        ("tags: {1: x}", "1:8: error: tags: a key must be a string, found a whole number: put it in quotes"),
        ("tags: {<<: x}", "1:8: error: tags: a key must be a string, and YAML 1.1 reads this as a merge key"),
        ("tags: {a: null}", "1:11: error: tags.a: wants a string, found null"),
        ("tags: {a: x, a: y}", "1:14: error: tags.a: given twice, first on line 1: keep one"),
        ('tags: {"a\\nb": 1}', '1:16: error: tags["a\\nb"]: wants a string, found a whole number: put it in quotes'),
        ("name: x\nname: y", "2:1: error: name: given twice, first on line 1: keep one"),
        ("jobDriver: {}\njob_driver: {}", "2:1: error: job_driver: given twice, as jobDriver and as job_driver"),
        ("name: &a x\nclientToken: *a", "2:14: error: clientToken: aliases are not read here: write the value out"),
        ("name: !!str 12", "1:7: error: name: tags are not read here: put a string in quotes instead"),
        ("tags: !!map {a: b}", "1:7: error: tags: tags are not read here: write the value without one"),
        ("mode: JOB_RUN_MODE_UNSPECIFIED", "1:7: error: mode: no such value; allowed: BATCH, STREAMING"),
        ("mode: 1", "1:7: error: mode: wants a string, found a whole number"),
        ("mode: streaming", "1:7: error: mode: no such value; did you mean STREAMING? allowed: BATCH, STREAMING"),
        ("- name: x", "1:1: error: wants a mapping, found a list"),
        ("name: x\n---\nname: y", "2:1: error: a second document: one request a file"),
        ("", "job.yaml: error: the document is empty"),
        ("name: [", ": error: not YAML: "),
        ("name: \x07", "job.yaml: error: not YAML: "),
        ("name: " + "[" * 200, "1:106: error: nested deeper than 100 levels"),
        ("name: " + "[" * 5000, "nest"),  # PyYAML has a limit of its own from 6.0.4 on
        ('{"a": ' * 200_000, "nested"),
    ],
)  # fmt: skip
def test_one_yaml_mistake(text: str, error: str) -> None:
    """Each mistake is told in words that mend it."""
    assert error in _problems(text)[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"name": "x", "name": "y"}', "job.json: error: name: given twice: keep one"),
        (
            '{"jobDriver": {"job_driver": {}}}',
            "job.json: error: jobDriver.job_driver: unknown member; allowed: spark_sub",
        ),
        (
            '{"executionTimeoutMinutes": NaN}',
            "job.json: error: executionTimeoutMinutes: NaN and Infinity are no JSON num",
        ),
        (
            '{"executionTimeoutMinutes": "1h"}',
            "job.json: error: executionTimeoutMinutes: wants a whole number in decimal,",
        ),
        (
            '{"executionTimeoutMinutes": 1.0}',
            "job.json: error: executionTimeoutMinutes: wants a whole number in decimal,",
        ),
        ('{"executionTimeoutMinutes": 1' + "0" * 5000 + "}", "executionTimeoutMinutes: wants a whole number from -922"),
        (
            '{"retryPolicy": {"maxAttempts": "3"}}',
            "retryPolicy.maxAttempts: wants a whole number in decimal, found a str",
        ),
        ('{"name": "\\ud83d"}', "job.json: error: name: wants a string, and half of a surrogate pair is no character"),
        ('{"name": "x",}', ": error: not JSON: "),
        ("name: x", "job.json:1:1: error: not JSON: "),
        ("[]", "job.json: error: wants a mapping, found a list"),
        ("null", "job.json: error: wants a mapping, found null"),
        ("[" * 100_000 + "]" * 100_000, "job.json: error: nested too deep"),
    ],
)
def test_one_json_mistake(text: str, error: str) -> None:
    """JSON is held to JSON, and told by path."""
    assert error in _problems(text, "job.json")[0]


def test_no_value_is_ever_printed() -> None:
    """Arguments and queries hold secrets: an error names place and kind alone."""
    secret = "hunter2-0720"  # noqa: S105 - no password
    value: dict[str, Any] = {
        "applicationId": [secret],
        "mode": secret,
        "executionTimeoutMinutes": secret,
        "tags": {"a": {secret: secret}},
        "jobDriver": {"sparkSubmit": {"entryPointArguments": secret, "entryPoint": {"x": secret}}, "hive": secret},
    }
    for text in (json.dumps(value), json.dumps(value)[:-1], f"name: !x {secret}", f"name: {secret}: {secret}"):
        assert secret not in "\n".join(_problems(text))


def test_bytes_and_sizes() -> None:
    """Not UTF-8, and larger than any message that could be sent."""
    assert _problems(b"name: \xff") == ["job.yaml: error: not UTF-8, at offset 6"]
    assert "larger than 8388608 bytes" in _problems(b" " * (MAX_DOCUMENT_BYTES + 1))[0]


def test_a_list_of_a_map_may_be_given_either_way() -> None:
    """AWS's list and proto JSON's `values` give the same message; a string is neither."""
    kind = conf.CloudWatchLoggingConfiguration
    wanted = kind(log_types={"HIVE_DRIVER": conf.StringList(values=["HIVE_LOG"])})
    assert parse_message({"logTypes": {"HIVE_DRIVER": ["HIVE_LOG"]}}, kind) == wanted
    assert parse_message({"log_types": {"HIVE_DRIVER": {"values": ["HIVE_LOG"]}}}, kind) == wanted
    with pytest.raises(DocumentError, match=r"request: error: logTypes\.HIVE_DRIVER: wants a list, found a string"):
        parse_message({"logTypes": {"HIVE_DRIVER": "HIVE_LOG"}}, kind)


def test_any_message_can_be_read() -> None:
    """Times and lists of enum values, which no StartJobRunRequest has."""
    value = {
        "applicationId": "a",
        "states": ["RUNNING", "JOB_RUN_STATE_FAILED"],
        "createdAtAfter": "2026-11-01T00:00:00Z",
    }
    request = parse_message(value, pb.ListJobRunsRequest)
    assert list(request.states) == [4, 6]
    assert request.created_at_after.seconds == 1793491200
    with pytest.raises(DocumentError, match="createdAtAfter: wants an RFC 3339 time"):
        parse_message({"createdAtAfter": "yesterday"}, pb.ListJobRunsRequest)
    with pytest.raises(DocumentError, match="createdAtAfter: wants an RFC 3339 time"):
        parse_message({"createdAtAfter": 5}, pb.ListJobRunsRequest)


def test_numbers_with_a_fraction() -> None:
    """A whole number is one too; a boolean and an infinity are none."""
    kind = job_run_pb2.ResourceUtilization
    assert parse_message({"vCpuHour": 1, "memoryGbHour": 0.5}, kind) == kind(v_cpu_hour=1.0, memory_gb_hour=0.5)
    for wrong in (True, float("inf"), "1"):
        with pytest.raises(DocumentError, match="vCpuHour: wants a finite number"):
            parse_message({"vCpuHour": wrong}, kind)


def test_a_value_that_no_document_has() -> None:
    """Plain values that are no document's are refused, by path; depth is bounded, cycles included."""
    with pytest.raises(DocumentError, match="name: a bytes is no value of a document"):
        parse_message({"name": b"x"}, pb.StartJobRunRequest)
    loop: list[Any] = []
    loop.append({"classification": "c", "configurations": loop})
    with pytest.raises(DocumentError, match="nested deeper than 100 levels"):
        parse_message({"configurationOverrides": {"applicationConfiguration": loop}}, pb.StartJobRunRequest)
