"""What is counted as calls go by, through the OpenTelemetry API.

Labels come from bounded sets alone: methods of the contract, codes, reasons, targets of the configuration, rules of the
policy. No caller, application or run is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from emrgateway_server.errors import GatewayError, Outcome
from emrgateway_server.record import Record

# The buckets that the RPC conventions advise, in seconds.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_Figures = Callable[[], Iterable[tuple[float, Mapping[str, str]]]]

_meter = metrics.get_meter("emrgateway_server")
_calls = _meter.create_histogram(
    "rpc.server.call.duration",
    unit="s",
    description="How long calls took.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_tries = _meter.create_histogram(
    "rpc.client.call.duration",
    unit="s",
    description="How long tries toward AWS took, one each; error_type is the contract's reason where one failed.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_submissions = _meter.create_counter(
    "emr_gateway.submissions", description="StartJobRun calls by what came of them, and why where nothing did."
)
_rules = _meter.create_counter(
    "emr_gateway.policy.outcomes",
    description="Judgements, dry runs included, in which a rule changed, warned of or denied something.",
)
_unauthenticated = _meter.create_counter(
    "emr_gateway.unauthenticated", description="Calls refused because no identity held, by the reason."
)
_lookups = _meter.create_counter(
    "emr_gateway.ledger.lookups", description="Submissions looked for in the ledger, by what was found."
)
_waits = _meter.create_histogram(
    "emr_gateway.throttle.wait",
    unit="s",
    description="How long calls waited for their turn toward AWS; those that had it at once are not counted.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)


def count_call(record: Record, code: str, *, starts: bool) -> None:
    """Count a call that has its answer, and the submission, where it `starts` one."""
    _calls.record(
        record.seconds,
        {"rpc.system.name": "grpc", "rpc.method": record.path, "rpc.response.status_code": code},
    )
    if starts:
        outcome, reason = _outcome(record, code)
        _submissions.add(1, {"outcome": outcome, "reason": reason})


def count_try(name: str, target: str, seconds: float, error: GatewayError | None) -> None:
    """Count one try toward AWS; `name` is its span's."""
    _tries.record(
        seconds,
        {
            "rpc.system.name": "aws-api",
            "rpc.method": name,
            "emrgateway.target": target,
            "error.type": error.reason if error else "",
        },
    )


def count_outcomes(outcomes: Iterable[tuple[str, str, str]]) -> None:
    """Count what rules made of one request: the rule's full id, its verdict and its mode, each once a request."""
    for rule, verdict, mode in set(outcomes):
        _rules.add(1, {"rule": rule, "verdict": verdict, "mode": mode})


def count_lookup(result: str) -> None:
    """Count a look into the ledger: `hit`, `pending`, `miss` or `unavailable`."""
    _lookups.add(1, {"result": result})


def count_unauthenticated(reason: str, number: int = 1) -> None:
    """Count callers whose identity did not hold."""
    _unauthenticated.add(number, {"reason": reason})


def count_wait(operation: str, target: str, seconds: float) -> None:
    """Count a wait for a turn."""
    _waits.record(seconds, {"operation": operation, "target": target})


def observe(name: str, description: str, figures: _Figures, *, only_grows: bool = False) -> None:
    """Tell figures whenever somebody looks: each a number and its labels."""

    def observations(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(number, labels) for number, labels in figures()]

    make = _meter.create_observable_counter if only_grows else _meter.create_observable_gauge
    make(name, callbacks=[observations], description=description)


def _outcome(record: Record, code: str) -> tuple[str, str]:
    error = record.error
    if error is not None:
        return str(error.metadata.get("outcome", error.outcome)), error.reason
    if code != "OK":
        return str(Outcome.UNKNOWN), code
    if record.only_validates:
        return "validated", ""
    return ("recalled" if record.was_recalled else "started"), ""
