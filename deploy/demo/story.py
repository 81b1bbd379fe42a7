"""The demo: a sandbox, a gateway, a job that policy amends, one that it refuses, and the trace of it all.

Everything is real and on loopback: `emr-gateway sandbox` and `emr-gateway serve` run as processes of their own, and
this one, which demo.py starts, is the calling service.
"""

# ruff: noqa: T201 - a demo prints
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from emrgateway.v1.decision_pb2 import Verdict
from emrgateway.v1.job_run_service_pb2 import StartJobRunResponse
from emrgateway_client import Client, PolicyViolation, load_request
from tracetree import SpanReceiver

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("emr-gateway")


def main() -> int:
    """Show it all; 0 when all of it came true."""
    with SpanReceiver() as spans, _running(["sandbox"], {}) as sandbox_lines:
        sandbox = next(sandbox_lines).split()[-1]
        with _running(["serve", "--config", str(HERE / "gateway.yaml")], _environment(sandbox, spans.url)) as lines:
            target = next(lines).split()[-1]
            tracer = _tracer(spans.url)
            with Client(target) as client:
                trace_id = _accepted(client, tracer, sandbox)
                _refused(client)
        # The gateway exported its last spans before it stopped.
        _title("The trace, from the calling service to AWS")
        lines_of_trace = list(spans.tree(trace_id))
        print("\n".join(f"  {line}" for line in lines_of_trace))
        if not any("EMR Serverless/StartJobRun" in line for line in lines_of_trace):
            sys.exit("the trace is not whole")
    print("\nThat was real gRPC, real policy and real boto3 against a sandbox. Next: make test, then README.md.")
    return 0


def _accepted(client: Client, tracer: trace.Tracer, sandbox: str) -> int:
    """Submit a job that policy amends; the id of its trace."""
    _title("A service submits deploy/demo/job.yaml")
    with tracer.start_as_current_span("orders-service: submit daily-orders") as span:
        reply = client.start_job_run(load_request(HERE / "job.yaml"))
        trace_id = span.get_span_context().trace_id
    print(f"  job run {reply.job_run_id}")
    _title("What policy changed on the way")
    for outcome in reply.decision.outcomes:
        verdict = Verdict.Name(outcome.verdict).removeprefix("VERDICT_").lower()
        print(f"  {verdict} by {outcome.rule_id}")
        print(f"    {outcome.field}: {outcome.before or '(unset)'} -> {outcome.after}")
        print(f"    {outcome.message}")
    _show_held(sandbox, reply)
    return trace_id


def _show_held(sandbox: str, reply: StartJobRunResponse) -> None:
    _title("What AWS (here: the sandbox) holds")
    with urllib.request.urlopen(f"{sandbox}/_sandbox/job-runs?jobRunId={reply.job_run_id}") as answer:  # noqa: S310 - loopback
        (held,) = json.load(answer)["job_runs"]
    body = held["body"]
    print(f"  {held['job_run_id']} {held['state']}, timeout {body['executionTimeoutMinutes']} minutes, tags:")
    for key, value in sorted(body["tags"].items()):
        print(f"    {key} = {value}")


def _refused(client: Client) -> None:
    _title("Another one, deploy/demo/refused.yaml, is refused: every reason at once, nothing sent")
    try:
        client.start_job_run(load_request(HERE / "refused.yaml"))
    except PolicyViolation as error:
        print(f"  {error.code.name} {error.reason}, outcome {error.outcome}")
        for violation in error.violations:
            print(f"  {violation.rule}")
            print(f"    {violation.field} {violation.description}")
    else:
        sys.exit("it was not refused")


def _title(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def _environment(sandbox: str, collector: str) -> Mapping[str, str]:
    return {
        "EMR_GATEWAY_TARGETS__0__ENDPOINT_URL": sandbox,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
    }


@contextmanager
def _running(arguments: list[str], environment: Mapping[str, str]) -> Iterator[Iterator[str]]:
    """A process of ours and the lines that it prints; stopped in good order at the end."""
    process = subprocess.Popen(  # noqa: S603 - the project's own command
        [COMMAND, *arguments, *(["--log-level", "WARNING"] if arguments[0] == "serve" else [])],
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        text=True,
    )
    if process.stdout is None:
        raise AssertionError("asked for above")
    try:
        yield iter(process.stdout)
    finally:
        process.send_signal(signal.SIGTERM)
        if process.wait(timeout=60) != 0:
            sys.exit(f"emr-gateway {arguments[0]} did not stop in good order")


def _tracer(collector: str) -> trace.Tracer:
    """The calling service's own tracing; its current span travels in the client's metadata."""
    provider = TracerProvider(resource=Resource.create({"service.name": "orders-service"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{collector}/v1/traces")))
    trace.set_tracer_provider(provider)
    return trace.get_tracer("demo")


if __name__ == "__main__":
    sys.exit(main())
