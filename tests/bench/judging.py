"""What judging one large request costs, beside a boto3 call in the same run, and what rules cost that do not match.

The request has 20 tags, a configuration of three levels and 1.3 kB of Spark parameters, which differ from call to call;
30 rules speak of it, 10 of them by CEL.
"""

# ruff: noqa: T201 - a benchmark prints
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emrgateway_sandbox import Sandbox
from emrgateway_server import emr, engines
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target
from emrgateway_server.policy import Engine

from .clock import cpu_microseconds

CALLER = Caller("spiffe://prod.example.com/ns/data-eng/sa/etl", {"team": "data-eng"})
_GRANT = {"actions": ["start"], "applications": ["**"], "roles": ["arn:aws:iam::123456789012:role/emr/data-eng/*"]}


def large_request(day: int = 0) -> dict[str, Any]:
    """The request of one day."""
    confs = " ".join(f"--conf spark.sql.catalog.lake.option-{number}=value-{day:02}{number:02}" for number in range(19))
    parameters = (
        "--class com.example.orders.Daily --executor-memory 8g --executor-cores 4 --driver-memory 4g "
        "--jars s3://release-artifacts/a.jar,s3://release-artifacts/b.jar --py-files s3://release-artifacts/lib.zip "
        f"--conf spark.dynamicAllocation.maxExecutors=20 {confs}"
    )
    inner = {"classification": "export", "properties": {"LANG": "C"}}
    return {
        "applicationId": "00f1qr8s3v6pd409",
        "clientToken": "bench",
        "executionRoleArn": "arn:aws:iam::123456789012:role/emr/data-eng/etl",
        "name": "daily-orders",
        "executionTimeoutMinutes": 60,
        "tags": {f"tag-{number}": f"value-{number}" for number in range(19)} | {"cost-center": "CC-1234"},
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": "s3://release-artifacts/orders.py",
                "entryPointArguments": ["--day", "2026-11-24"],
                "sparkSubmitParameters": parameters,
            }
        },
        "configurationOverrides": {
            "applicationConfiguration": [
                {"classification": "spark-defaults", "properties": {"spark.executor.instances": "4"}},
                {"classification": "outer", "configurations": [{"classification": "env", "configurations": [inner]}]},
            ],
            "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://emr-logs/data-eng/"}},
        },
    }


def rules() -> list[dict[str, Any]]:
    """The thirty rules: ten on plain fields and tags, ten on what is derived, ten by CEL."""
    plain: list[dict[str, Any]] = [
        {"field": "execution_timeout_minutes", "default": 120, "max": 720, "otherwise": "clamp"},
        {"field": "tags.team", "set": "${caller.labels.team}"},
        {"field": "tags.cost-center", "required": True, "pattern": "CC-[0-9]{4}"},
        {"field": "mode", "deny": ["STREAMING"]},
        {"field": "name", "required": True},
        {"field": "execution_role_arn", "allow": ["arn:aws:iam::123456789012:role/emr/**"]},
        {"field": "retry_policy.max_attempts", "max": 3},
        *({"field": f"tags.tag-{number}", "required": True} for number in range(3)),
    ]
    derived: list[dict[str, Any]] = [
        {"field": "spark.conf[spark.dynamicAllocation.maxExecutors]", "default": 20, "max": 100},
        {"field": "spark.conf[spark.executor.memory]", "deny": ["32g"]},
        {"field": "spark.max_vcpus", "max": 400},
        {"field": "spark.max_memory_gb", "max": 2000},
        {"field": "artifacts", "allow": ["s3://release-artifacts/**"]},
        {"field": "destinations", "allow": ["s3://emr-logs/${caller.labels.team}/**"]},
        {"field": "roles", "allow": ["arn:aws:iam::123456789012:role/emr/${caller.labels.team}/*"]},
        {"field": "classifications", "allow": ["spark-defaults", "outer", "env", "export"]},
        {"field": "spark.conf", "allow": ["spark.executor.*", "spark.driver.*", "spark.dynamicAllocation.*", "**"]},
        {"field": "max_runtime_minutes", "max": 1440},
    ]
    expressions = [
        "request.mode != JobRunMode.JOB_RUN_MODE_STREAMING || 'approved' in request.tags",
        "request.tags.all(key, key.size() < 64)",
        "spark.max_vcpus <= 400",
        "artifacts.all(each, each.startsWith('s3://release-artifacts/'))",
        "caller.labels.team == 'data-eng'",
        "!('spark.plugins' in spark.conf)",
        "request.name.matches('[a-z-]+')",
        "request.configuration_overrides.application_configuration.size() < 10",
        "request.job_driver.spark_submit.entry_point.endsWith('.py')",
        "request.execution_timeout_minutes <= 720",
    ]
    said = [*plain, *derived, *({"check": expression} for expression in expressions)]
    return [{"id": f"r{number}", **rule} for number, rule in enumerate(said)]


def loaded(policies: int) -> Engine:
    """The engine of the rules above, among so many policies that speak to others."""
    with TemporaryDirectory() as folder:
        for number in range(policies):
            who = f"spiffe://prod.example.com/ns/team-{number}/sa/*" if number else "spiffe://prod.example.com/**"
            document: Mapping[str, object] = {
                "apiVersion": "emrgateway/v1",
                "kind": "Policy",
                "metadata": {"name": f"p{number}"},
                "match": {"callers": [who]},
                "grants": [_GRANT],
                "rules": rules() if not number else rules()[:20],
            }
            Path(folder, f"p{number}.yaml").write_text(json.dumps(document), encoding="utf-8")
        return engines.load(folder)


def main() -> None:
    """Print the figures."""
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "bench")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "bench")
    request = large_request()
    stamps = emr.reserved_tags(caller=CALLER.id, token="0" * 64, intent=emr.intent(request))
    few, many = loaded(10), loaded(1_000)
    decision = few.judge(CALLER, request, stamps)
    if not decision.allowed or len(decision.applied) != len(rules()):
        raise SystemExit(f"the benchmark's own request is refused: {decision.violations}")
    with Sandbox(seconds_per_state=0) as sandbox:
        target = Target(
            name="bench",
            account="123456789012",
            region="us-east-1",
            endpoint_url=sandbox.url,
            applications=["**"],
            version="bench",
            traffic=emr.Traffic(replicas=1, most_waiting=1, most_at_once=1),
            rates={"StartJobRun": emr.Rate(1e6, 1e6)},
        )
        sent = cpu_microseconds(lambda: target.send("StartJobRun", request, call=Call(10), caller=CALLER.id))
        target.close()
    days = cycle([large_request(day) for day in range(30)])
    ten = cpu_microseconds(lambda: few.judge(CALLER, next(days), stamps))
    thousand = cpu_microseconds(lambda: many.judge(CALLER, next(days), stamps))
    print(f"judge, 30 rules in force          {ten:8.0f} µs CPU   {ten / sent:5.2f} of boto3's call")
    print(f"the same among 1,000 policies     {thousand:8.0f} µs CPU   {thousand / ten:5.2f} of that among 10")


if __name__ == "__main__":
    main()
