"""The tries of one call to AWS: the gateway's alone, with one token, inside the caller's deadline.

botocore's own retries are off: they know neither the deadline nor that nobody waits any more, and tell nobody that
an earlier try may have started a job.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.credentials import ReadOnlyCredentials

from emrgateway_server import telemetry
from emrgateway_server.call import Call
from emrgateway_server.emr import faults
from emrgateway_server.emr.carrier import ending
from emrgateway_server.emr.faults import Again, Fault
from emrgateway_server.emr.keys import Keys
from emrgateway_server.emr.operations import OPERATIONS, Operation
from emrgateway_server.emr.turns import WORTH_SECONDS, Turns
from emrgateway_server.errors import GatewayError, Outcome

TRIES = 3  # as in the AWS SDKs' standard mode; throttles do not count, their turns come at a pace
TRY_SECONDS = 15.0  # AWS answers within one or two; a connection that is silent for so long is lost
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LAST_MOMENT_SECONDS = 0.005  # libcurl counts milliseconds


@dataclass(slots=True)
class _Tries:
    """How the tries of a call ended, and the credentials that the last one was signed with."""

    ends: list[Again] = field(default_factory=list)
    keys: ReadOnlyCredentials | None = None


class Attempts:
    """The way to one target, shared by threads."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 - boto3's client has no type
        keys: Keys,
        turns: Mapping[str, Turns],
        *,
        target: str,
        region: str,
    ) -> None:
        self._client = client
        self._keys = keys
        self._turns = turns
        self._target = target
        self._region = region
        self._server = _address(client.meta.endpoint_url)

    def send(self, name: str, request: Mapping[str, object], *, call: Call, caller: str) -> dict[str, Any]:
        """AWS's reply, which holds what was asked for, or the contract's error with the outcome of all tries."""
        operation = OPERATIONS[name]
        tries = _Tries()
        while True:
            try:
                tries.keys = self._keys.ready(call)
                result = self._in_turn(operation, request, call, caller, tries)
            except GatewayError as error:
                raise call.told(error) from error.__cause__
            if not isinstance(result, Fault):
                return result
            if call.remaining_seconds <= LAST_MOMENT_SECONDS:
                raise call.abandon()
            pause = self._pause(tries, call)
            if pause is None or pause + WORTH_SECONDS >= call.remaining_seconds:
                result.error.is_of_clock = pause is not None
                raise call.told(result.error)
            call.pause(pause)

    def _in_turn(
        self, operation: Operation, request: Mapping[str, object], call: Call, caller: str, tries: _Tries
    ) -> dict[str, Any] | Fault:
        """One try, when its turn has come."""
        turns = self._turns[operation.name]
        waiting = partial(telemetry.throttle_wait, operation.name, self._target)
        with turns.turn(caller, call, again=bool(tries.ends), waiting=waiting):
            call.begin_send(starts=operation.starts)
            result = self._tried(operation, request, call, len(tries.ends) + 1)
        if isinstance(result, Fault):
            tries.ends.append(result.again)
        if isinstance(result, Fault) and operation.starts:
            call.end_send(may_have_started=result.error.outcome is Outcome.UNKNOWN)
        if isinstance(result, Fault) and result.again is Again.AT_PACE:
            turns.throttled()
        elif not isinstance(result, Fault) or result.is_answer:  # what never reached AWS says nothing of its pace
            turns.accepted()
        return result

    def _pause(self, tries: _Tries, call: Call) -> float | None:
        """How long to wait before the next try; None where there is none."""
        last, count = tries.ends[-1], tries.ends.count(tries.ends[-1])
        if last is Again.RENEWED:
            return 0.0 if count == 1 and self._keys.renew(tries.keys, call) else None
        if last is Again.NEVER or (last is Again.SOON and count >= TRIES):
            return None
        return random.uniform(0, min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**count))  # noqa: S311 - jitter, no secret

    def _tried(
        self, operation: Operation, request: Mapping[str, object], call: Call, number: int
    ) -> dict[str, Any] | Fault:
        with telemetry.aws_try(
            operation.name,
            region=self._region,
            target=self._target,
            server=self._server,
            number=number,
            upstream_token=str(request["clientToken"]) if operation.starts else "",
        ) as told:
            result = self._exchanged(operation, request, min(call.remaining_seconds, TRY_SECONDS))
            if isinstance(result, Fault):
                told.failed(result.error)
            else:
                request_id = str(result.get("ResponseMetadata", {}).get("RequestId", ""))
                told.answered(request_id, str(result.get("jobRunId") or request.get("jobRunId", "")))
        return result

    def _exchanged(self, operation: Operation, request: Mapping[str, object], seconds: float) -> dict[str, Any] | Fault:
        try:
            with ending(seconds):
                reply: dict[str, Any] = getattr(self._client, operation.method)(**request)
        except Exception as error:  # noqa: BLE001 - botocore meets what is no answer with errors of any kind
            fault = faults.explained(error, request)
            fault.error.__cause__ = error  # whoever raises it later, raises it from here
            return fault
        if not operation.is_answered_by(reply):
            return faults.unknown(f"AWS answered without {operation.answer}", request)
        return reply


def _address(url: str) -> tuple[str, int]:
    """The host and port of an endpoint."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
