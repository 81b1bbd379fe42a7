"""The job's own place in a trace: what reaches AWS, what stays the caller's, and what links to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from . import canaries
from .faulty_aws import faulty_aws
from .gateways import ALLOW_ALL
from .jobs import body, job, message
from .otlp import attributes, collecting
from .statuses import refused
from .traceparents import DRIVER, EXECUTOR, traceparent

if TYPE_CHECKING:
    from .conftest import Serve

_OWN = "00-11111111111111111111111111111111-2222222222222222-01"


def _defaults(**properties: str) -> dict[str, Any]:
    return {"applicationConfiguration": [{"classification": "spark-defaults", "properties": properties}]}


def _sent(serve: Serve, request: dict[str, Any], policy: str = ALLOW_ALL, **sections: Any) -> dict[str, Any]:  # noqa: ANN401
    """What AWS gets of a request."""
    with faulty_aws() as aws:
        serve(aws.url, policy, sections=sections).start(message(request))
        (received,) = aws.seen[request["applicationId"]]
    sent: dict[str, Any] = json.loads(received)
    return sent


def _properties(sent: dict[str, Any]) -> list[dict[str, str]]:
    blocks = sent.get("configurationOverrides", {}).get("applicationConfiguration", [])
    return [block.get("properties", {}) for block in blocks if block["classification"] == "spark-defaults"]


def test_it_is_told_in_the_first_spark_defaults(serve: Serve) -> None:
    """In driver and executors, beside what stands there; other configuration stays as it was."""
    other = {"classification": "spark-log4j2", "properties": {"a": "b"}}
    given = _defaults(**{"spark.a": "b"})["applicationConfiguration"]
    request = body(configurationOverrides={"applicationConfiguration": [other, *given, *given]})
    sent = _sent(serve, request)
    place = traceparent(sent["clientToken"])
    assert _properties(sent) == [{"spark.a": "b", DRIVER: place, EXECUTOR: place}, {"spark.a": "b"}]
    assert sent["configurationOverrides"]["applicationConfiguration"][0] == other


def test_it_is_the_same_for_the_same_submission(serve: Serve) -> None:
    """A retry sends the same bytes, from another replica too; another submission has another place."""
    request = job()
    with faulty_aws() as aws:
        aws.faults[request.application_id] = {"status": 500}
        refused(lambda: serve(aws.url).start(request))
        del aws.faults[request.application_id]
        serve(aws.url).start(request)
        first, *others = aws.seen.pop(request.application_id)
        assert len(others) == 3
        assert set(others) == {first}
        serve(aws.url).start(job())
        (another,) = aws.seen[request.application_id]
    assert _properties(json.loads(another)) != _properties(json.loads(first)) != []


@pytest.mark.parametrize("name", [DRIVER, EXECUTOR])
def test_the_callers_own_stays(name: str, serve: Serve) -> None:
    """Wherever it says so; the other one is the gateway's."""
    other = EXECUTOR if name == DRIVER else DRIVER
    sent = _sent(serve, body(configurationOverrides=_defaults(**{name: _OWN})))
    assert _properties(sent) == [{name: _OWN, other: traceparent(sent["clientToken"])}]
    driver = {"entryPoint": "s3://release/app.py", "sparkSubmitParameters": f"--conf {name}={_OWN}"}
    sent = _sent(serve, body(jobDriver={"sparkSubmit": driver}))
    assert _properties(sent) == [{other: traceparent(sent["clientToken"])}]
    assert sent["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"] == driver["sparkSubmitParameters"]


def test_policys_own_stays(serve: Serve) -> None:
    """A value that policy sets is not written over."""
    rule = f'rules:\n  - {{id: own, field: "spark.conf[{EXECUTOR}]", set: "{_OWN}"}}\n'
    sent = _sent(serve, body(), ALLOW_ALL + rule)
    assert _properties(sent) == [{EXECUTOR: _OWN, DRIVER: traceparent(sent["clientToken"])}]


_LEFT_OUT = {
    "hive": ({"jobDriver": canaries.hive()["jobDriver"]}, None),
    "full": ({"configurationOverrides": _defaults(**{f"spark.k{n}": "v" for n in range(99)})}, "no_room"),
    "many": (
        {"configurationOverrides": {"applicationConfiguration": [{"classification": f"c{n}"} for n in range(100)]}},
        "no_room",
    ),
    "swallowing": ({"configurationOverrides": _defaults(**{"spark.a": "b\\"})}, "unreadable"),
    "removing": (
        {"configurationOverrides": {"applicationConfiguration": [{"classification": "spark-defaults"}]}},
        "unreadable",
    ),
    "misspelt": (
        {"configurationOverrides": {"applicationConfiguration": [{"classification": "Spark-Defaults"}]}},
        "unreadable",
    ),
}


@pytest.mark.parametrize("name", _LEFT_OUT)
def test_it_is_left_out(name: str, serve: Serve) -> None:
    """Where there is no room, or where it would change what the rest means; a span event says so, without a value."""
    members, reason = _LEFT_OUT[name]
    request = body(**members)
    with collecting() as collector, faulty_aws() as aws:
        gateway = serve(aws.url, environment=collector.environment)
        gateway.start(message(request))
        gateway.stop()
        (received,) = aws.seen[request["applicationId"]]
        (judged,) = [span for span in collector.spans if span.name == "policy.evaluate"]
    assert "TRACEPARENT" not in str(received)
    events = [(event.name, attributes(event)) for event in judged.events]
    assert events == ([("traceparent.left_out", {"emrgateway.reason": reason})] if reason else [])


def test_policy_is_not_broken_by_it(serve: Serve) -> None:
    """A job that policy allows is not refused for what the gateway adds: where a rule forbids it, it is left out."""
    rules = "rules:\n  - {id: known, field: classifications, allow: [hive-site]}\n"
    with collecting() as collector, faulty_aws() as aws:
        gateway = serve(aws.url, ALLOW_ALL + rules, environment=collector.environment)
        gateway.start(job(applicationId="allowed"))
        request = job(applicationId="refused", configurationOverrides=_defaults(**{"spark.a": "b"}))
        assert refused(lambda: gateway.start(request)).reason == "POLICY_VIOLATION"
        gateway.stop()
        assert "configurationOverrides" not in json.loads(aws.seen["allowed"][0])
        first = next(span for span in collector.spans if span.name == "policy.evaluate")
    assert [attributes(event)["emrgateway.reason"] for event in first.events] == ["policy"]
    keys = "rules:\n  - {id: keys, field: spark.conf, allow: [spark.a]}\n"
    sent = _sent(serve, body(configurationOverrides=_defaults(**{"spark.a": "b"})), ALLOW_ALL + keys)
    assert set(_properties(sent)[0]) == {"spark.a", DRIVER, EXECUTOR}


def test_it_can_be_switched_off(serve: Serve) -> None:
    """`telemetry.job_traceparent: false` sends what was asked for."""
    sent = _sent(serve, body(), telemetry={"job_traceparent": False})
    assert "configurationOverrides" not in sent


def test_the_live_span_links_to_it(serve: Serve) -> None:
    """From the CLIENT span of each try one comes to the job's trace."""
    with collecting() as collector, faulty_aws() as aws:
        gateway = serve(aws.url, environment=collector.environment)
        gateway.start(job(applicationId="linked"))
        gateway.stop()
        token = json.loads(aws.seen["linked"][0])["clientToken"]
    (link,) = collector.named("EMR Serverless/StartJobRun").links
    assert f"00-{link.trace_id.hex()}-{link.span_id.hex()}-01" == traceparent(token)
