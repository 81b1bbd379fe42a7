"""From bytes to a decision: the way of every StartJobRun, in the gateway and in the `policy` commands alike.

What a command says of a request is what the gateway would say, because it is the same code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from google.protobuf.message import Message

from emrgateway.v1 import decision_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import conformance, engines, record, shapes, translate, wire
from emrgateway_server.caller import Caller
from emrgateway_server.findings import Findings
from emrgateway_server.policy import Decision, Engine, Outcome, Verdict

_Message = TypeVar("_Message", bound=Message)

BROKEN_BY_POLICY = "builtin/conflict"

START = shapes.request_shape("StartJobRun")
_VERDICTS = {
    Verdict.CHANGED: decision_pb2.VERDICT_CHANGED,
    Verdict.WARNED: decision_pb2.VERDICT_WARNED,
    Verdict.DENIED: decision_pb2.VERDICT_DENIED,
}


def read(
    data: bytes,
    message_class: type[_Message],
    shape: shapes.Shape,
    *,
    most_bytes: int,
    also: Callable[[_Message, Findings], None] | None = None,
) -> tuple[_Message, dict[str, object]]:
    """The message and its one translation, or `InvalidRequest` with all that is wrong.

    `also` checks what AWS's model does not know.
    """
    found = Findings()
    message = wire.parse(data, message_class, most_bytes=most_bytes, found=found)
    request = translate.to_aws(message, shape)
    conformance.check(request, shape, found)
    if also is not None:
        also(message, found)
    found.raise_if_any()
    record.note_ids(message)
    return message, request


def judge(
    engine: Engine,
    caller: Caller,
    original: Mapping[str, object],
    stamps: Mapping[str, str],
    today: date | None = None,
    *,
    conf: Mapping[str, str] | None = None,
) -> Decision:
    """The decision on a StartJobRun in AWS's form.

    `stamps` are the gateway's own tags, which the run is stamped with, and `conf` the Spark settings that it is given
    where nobody has set them. `today`, in UTC, is the day by which exceptions hold: this one, where it is left out. The
    decision is a denial where policy's own amendments made a request that AWS's model forbids.
    """
    decision = engine.judge(caller, original, stamps, today, conf=conf)
    found = Findings()
    conformance.check(decision.request, START, found)
    broken = tuple(
        Outcome(BROKEN_BY_POLICY, Verdict.DENIED, item.field, f"policy's amendments broke it: {item.description}")
        for item in found.kept
    )
    return dataclasses.replace(decision, outcomes=(*decision.outcomes, *broken))


def effective_request(decision: Decision) -> pb.StartJobRunRequest:
    """The request as policy amended it: what is sent, but for the token."""
    return engines.message_of(decision.request)


def described(outcome: Outcome) -> decision_pb2.RuleOutcome:
    """What a rule did, in the contract's form."""
    return decision_pb2.RuleOutcome(
        rule_id=outcome.rule_id,
        verdict=_VERDICTS[outcome.verdict],
        field=outcome.field,
        message=outcome.message,
        before=outcome.before,
        after=outcome.after,
    )
