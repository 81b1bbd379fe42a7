"""What AWS's model marks sensitive is in no log, span, status or decision, whatever becomes of the request."""

from __future__ import annotations

import json
import sys
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from emrgateway.v1 import decision_pb2

from . import canaries
from .canaries import CANARY, hive, spark
from .faulty_aws import FaultyAws, faulty_aws
from .gateways import ACCOUNT, ALLOW_ALL, PATIENCE_SECONDS, REGION
from .jobs import APPLICATION, message
from .otlp import Collector, collecting
from .statuses import Refused, read, refused
from .test_services import fetched
from .wire import block, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve
    from .gateways import Gateway

_JOBS = [spark, hive]


class Watched:
    """A gateway at DEBUG whose spans are collected; `finish` looks at all that it said."""

    def __init__(self, gateway: Gateway, collector: Collector) -> None:
        self.gateway = gateway
        self._collector = collector
        self.told: list[Refused] = []

    def send(self, data: bytes, timeout: float = PATIENCE_SECONDS) -> None:
        """Send a request, and keep what a failure says."""
        try:
            self.gateway.send(data, timeout=timeout)
        except grpc.RpcError as error:
            self.told.append(read(cast("grpc.Call", error)))

    def finish(self, *reasons: str) -> None:
        """Stop it; there is no canary anywhere, and the failures were these."""
        ended = self.gateway.stop()
        assert {told.reason for told in self.told} == set(reasons)
        for told in self.told:
            assert CANARY.encode() not in told.raw.lower(), told.message
        assert CANARY not in (ended.stdout + ended.stderr).lower()
        assert self._collector.spans
        assert CANARY.encode() not in b"".join(self._collector.bodies).lower()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    with collecting() as running:
        yield running


def _watched(serve: Serve, collector: Collector, endpoint: str, policy: str = ALLOW_ALL) -> Watched:
    gateway = serve(endpoint, policy, log_level="DEBUG", environment=collector.environment)
    return Watched(gateway, collector)


def test_every_sensitive_place_has_a_canary() -> None:
    """By AWS's own model, so that the next botocore's sensitive field fails here."""
    assert canaries.places(spark()) | canaries.places(hive()) == canaries.sensitive_places()


@pytest.mark.parametrize("job", _JOBS)
def test_success(job: Any, collector: Collector, sandbox: Sandbox, serve: Serve) -> None:  # noqa: ANN401
    """A job that starts, the same again, a dry run, and reading it back."""
    watched = _watched(serve, collector, sandbox.url)
    request = message(job())
    run = watched.gateway.start(request).job_run_id
    assert watched.gateway.start(request).job_run_id == run
    dry = watched.gateway.start(message(job(), validate_only=True))
    assert CANARY.encode() not in dry.decision.SerializeToString()
    assert dry.effective_request.job_driver == request.job_driver
    assert watched.gateway.get(APPLICATION, run).job_run.job_driver == request.job_driver
    watched.finish()


_FIELDS = {
    spark: [f"job_driver.spark_submit.{name}" for name in ("entry_point", "spark_submit_parameters")],
    hive: [f"job_driver.hive.{name}" for name in ("query", "init_query_file", "parameters")],
}
_LISTS = {spark: ["job_driver.spark_submit.entry_point_arguments"], hive: []}
_CONSTRAINTS = ['allow: ["s3://release/**"]', 'deny: ["**"]', 'pattern: "[0-9]+"', "forbidden: true"]
_AMENDMENTS = ["fixed: other", "max: 1", 'set: "s3://release/x"']


def _rules(job: Any, verbs: list[str], fields: list[str], mode: str) -> str:  # noqa: ANN401
    rules = [
        f"  - {{id: {job.__name__}-{mode}-{field}-{verb}, field: {name}, {said}, mode: {mode}}}\n"
        for field, name in enumerate(fields)
        for verb, said in enumerate(verbs)
    ]
    return "".join(rules)


@pytest.mark.parametrize("job", _JOBS)
@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_denial(job: Any, mode: str, collector: Collector, sandbox: Sandbox, serve: Serve) -> None:  # noqa: ANN401
    """Rules on every sensitive field, with every verb: place and what is allowed are told, never the value."""
    rules = _rules(job, _CONSTRAINTS, _FIELDS[job] + _LISTS[job], mode)
    watched = _watched(serve, collector, sandbox.url, f"{ALLOW_ALL}rules:\n{rules}")
    watched.send(message(job()).SerializeToString())
    decision = watched.gateway.start(message(job(), validate_only=True)).decision
    wanted = decision_pb2.VERDICT_DENIED if mode == "enforce" else decision_pb2.VERDICT_WARNED
    assert len({item.rule_id for item in decision.outcomes if item.verdict == wanted}) == rules.count("\n")
    assert CANARY.encode() not in decision.SerializeToString()
    watched.finish(*(["POLICY_VIOLATION"] if mode == "enforce" else []))


@pytest.mark.parametrize("job", _JOBS)
@pytest.mark.parametrize("amendment", _AMENDMENTS)
def test_amendment(job: Any, amendment: str, collector: Collector, sandbox: Sandbox, serve: Serve) -> None:  # noqa: ANN401
    """Amending a sensitive field, or failing to: before and after stay empty."""
    rules = _rules(job, [amendment], _FIELDS[job], "enforce")
    watched = _watched(serve, collector, sandbox.url, f"{ALLOW_ALL}rules:\n{rules}")
    watched.send(message(job()).SerializeToString())
    decision = watched.gateway.start(message(job(), validate_only=True)).decision
    assert {item.rule_id for item in decision.outcomes}
    assert {(item.before, item.after) for item in decision.outcomes} == {("", "")}
    assert CANARY.encode() not in decision.SerializeToString()
    watched.finish(*([] if amendment.startswith("set") else ["POLICY_VIOLATION"]))


_SPOILERS = {
    "too long": lambda text: text * 20_000,
    "control character": lambda text: text + "\0",
    "escape first": lambda text: "\x1b" + text,
}


@pytest.mark.parametrize("job", _JOBS)
def test_invalid(job: Any, collector: Collector, sandbox: Sandbox, serve: Serve) -> None:  # noqa: ANN401
    """Each canary too long and with control characters, one by one; damage on the wire around them."""
    watched = _watched(serve, collector, sandbox.url)
    for spoil in _SPOILERS.values():
        requests = list(canaries.spoiled(job(), spoil))
        assert len(requests) > 5
        for request in requests:  # some are valid: a token of its own for each
            watched.send(message({**request, "clientToken": str(uuid.uuid4())}).SerializeToString())
    whole = message(job()).SerializeToString()
    entry = block(6, block(1, block(1, "c"), block(2, block(1, "canary-key"), block(2, "canary-value"))))
    double = block(6, block(1, block(1, "c"), block(2, block(1, "canary-key")), block(2, block(1, "canary-key"))))
    unknown = block(777, "canary-unknown")
    for data in (
        whole[:-3],
        whole + unknown,
        whole + entry,
        whole + double,
        whole + whole,
        whole + b"\xff",
        whole * 900,
    ):
        watched.send(data)
    watched.send(whole.replace(b"canary", b"c\xffnary"))
    watched.send(whole + number(10, 99))
    many = {f"canary-{n}": "canary" for n in range(101)}
    overrides = {"applicationConfiguration": [{"classification": "c", "properties": many}]}
    watched.send(message(job(configurationOverrides=overrides)).SerializeToString())
    assert len(watched.told) > 20
    watched.finish("INVALID_REQUEST")


def _bare(job: dict[str, Any]) -> str:
    """Every text of the driver and the configurations, without quotes of ours."""
    return " and ".join(canaries.texts([job["jobDriver"], job["configurationOverrides"]]))


_QUOTES: dict[str, Callable[[dict[str, Any]], str]] = {
    "bare": _bare,
    "JSON": lambda job: json.dumps(job["jobDriver"]) + json.dumps(job["configurationOverrides"]),
    "repr": lambda job: f"{job['jobDriver']} {job['configurationOverrides']}",
}


@pytest.mark.parametrize("job", _JOBS)
def test_upstream_errors(job: Any, collector: Collector, serve: Serve) -> None:  # noqa: ANN401
    """AWS quotes the request in its errors, in several ways; lost and senseless answers beside them."""
    with faulty_aws() as aws:
        watched = _watched(serve, collector, aws.url)
        for status in (400, 403, 409, 402, 429, 500):
            for quote in _QUOTES.values():
                text = "Failed: " + quote(job())
                aws.faults[APPLICATION] = {"status": status, "type": "SomeException", "message": text}
                # AWS's throttles are waited out, for as long as the caller waits.
                watched.send(message(job()).SerializeToString(), timeout=3 if status == 429 else PATIENCE_SECONDS)
        for fault in ({"how": "reset"}, {"how": "truncated"}, {"status": 200, "body": '{"canary": "canary"}'}):
            aws.faults[APPLICATION] = fault
            watched.send(message(job()).SerializeToString())
        watched.finish(
            "UPSTREAM_VALIDATION",
            "UPSTREAM_ACCESS_DENIED",
            "CONFLICT",
            "UPSTREAM_QUOTA",
            "THROTTLED",
            "UPSTREAM_UNKNOWN",
        )


_REQUESTS = 2_000
_MORE = 10_000


@pytest.mark.parametrize("count", [_REQUESTS, pytest.param(_MORE, marks=pytest.mark.soak)])
def test_thousands(count: int, collector: Collector, serve: Serve, tmp_path: Path) -> None:
    """Requests of every kind, with sentinels in every sensitive place, to every end: none in all that is told of them.

    Spans, metrics, logs at DEBUG, audit and statuses are looked through; that they tell of all of it is counted.
    """
    audit = tmp_path / "audit.jsonl"
    with faulty_aws() as aws:
        target = {"name": "default", "account": ACCOUNT, "region": REGION, "endpoint_url": aws.url}
        sections = {
            "metrics": "127.0.0.1:0",
            "audit": {"path": str(audit)},
            "targets": [{**target, "rates": {"StartJobRun": {"per_second": 1e5, "burst": 100_000}}}],
        }
        environment = {**collector.environment, "OTEL_BSP_SCHEDULE_DELAY": "200", "BUG_AT": "some"}
        command = (sys.executable, str(Path(__file__).parent / "broken_gateway.py"))
        gateway = serve(
            aws.url, _THOUSANDS, log_level="DEBUG", environment=environment, command=command, sections=sections
        )
        address = gateway.metrics
        watched = Watched(gateway, collector)
        random = Random(0)  # noqa: S311 - the same again
        with ThreadPoolExecutor(4) as callers:
            list(callers.map(lambda data: _sent(watched, aws, *data), _thousands(random, count)))
        metrics = fetched(address, "/metrics")[2]
        watched.finish(*_ENDS)
    assert CANARY not in metrics.lower()
    lines = audit.read_text(encoding="utf-8")
    assert CANARY not in lines.lower()
    endings = [line for line in map(json.loads, lines.splitlines()) if "code" in line["result"]]
    assert len(endings) == count
    codes = Counter(line["result"].get("reason", "OK") for line in endings)
    assert set(codes) == {"OK", *_ENDS}
    assert min(codes.values()) >= count // 100, codes


_ENDS = ("POLICY_VIOLATION", "INVALID_REQUEST", "UPSTREAM_VALIDATION", "UPSTREAM_UNKNOWN", "INTERNAL")
_THOUSANDS = (
    ALLOW_ALL
    + """\
rules:
  - {id: place, field: artifacts, deny: ["**"], when: "request.name == 'denied'"}
  - {id: hive, field: job_driver.hive.query, pattern: "[0-9]+", when: "request.name == 'denied'"}
  - {id: keys, field: spark.conf, deny: ["**"], mode: warn}
  - {id: read, field: spark.max_vcpus, max: 1, mode: audit}
"""
)


def _thousands(random: Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Each with what is to become of it."""
    for _ in range(count):
        job = random.choice(_JOBS)()
        end = random.choice(["fine", "fine", "denied", "invalid", "damaged", "upstream", "lost", "bug"])
        if end == "invalid":
            job = random.choice(list(canaries.spoiled(job, _SPOILERS["control character"])))
        job |= {"clientToken": str(uuid.UUID(int=random.getrandbits(128))), "name": end, "applicationId": end}
        data = message(job, validate_only=end == "fine" and random.random() < 0.2).SerializeToString()
        yield end, data[: random.randrange(len(data) - 30)] + b"\xff" if end == "damaged" else data


def _sent(watched: Watched, aws: FaultyAws, end: str, data: bytes) -> None:
    if end == "upstream":
        text = "Failed: " + canaries.spark()["jobDriver"]["sparkSubmit"]["entryPoint"] + _bare(canaries.hive())
        aws.faults[end] = {"status": 400, "type": "ValidationException", "message": text}
    if end == "lost":
        aws.faults[end] = {"status": 200, "body": '{"canary": "canary-value"}'}
    watched.send(data)


_BUGS = [("translation", "not_started"), ("judgement", "not_started"), ("call", "unknown"), ("event loop", "unknown")]


@pytest.mark.parametrize(("place", "outcome"), _BUGS)
def test_a_bug(place: str, outcome: str, collector: Collector, sandbox: Sandbox, serve: Serve) -> None:
    """INTERNAL without the exception's text, which holds the request; the log says where it broke, not with what."""
    command = (sys.executable, str(Path(__file__).parent / "broken_gateway.py"))
    environment = {**collector.environment, "BUG_AT": place}
    gateway = serve(sandbox.url, log_level="DEBUG", environment=environment, command=command)
    watched = Watched(gateway, collector)
    told = refused(lambda: gateway.start(message(spark())))
    assert (told.code, told.outcome, set(told.details)) == ("INTERNAL", outcome, {"ErrorInfo"})
    watched.told.append(told)
    watched.finish("INTERNAL")
    log = gateway.wait().stderr
    assert "bug: RuntimeError" in log
    assert "in _broken" in log
