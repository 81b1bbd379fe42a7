"""Whose a job run is: by the tag that the gateway stamped on it at its start, which no caller can set.

A run's owner never changes, so that AWS is asked once; the owner's labels are today's, and looked up at every look.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from emrgateway_server import emr
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target
from emrgateway_server.errors import DeadlineNears, GatewayError
from emrgateway_server.identity import Labels

MOST_KNOWN = 50_000  # of some 250 bytes each; the least recently looked at is forgotten first
GAIN_SECONDS = 0.25  # how much more time than the first one had is worth another try

_Key = tuple[str, str, str, str]  # account, region, application, job run


@dataclass(frozen=True, slots=True)
class Found:
    """A run's owner, None where no tag of ours names one; `by_asking` where AWS was asked during this very look."""

    owner: Caller | None
    by_asking: bool


@dataclass(slots=True)
class _Look:
    """One question to AWS while it is on its way, and how it ended; neither `is_told` nor an error where the call did.

    `owner_id` is None where the run is nobody's.
    """

    call: Call
    ended: threading.Event = field(default_factory=threading.Event)
    is_told: bool = False
    owner_id: str | None = None
    error: GatewayError | None = None

    def error_for(self, call: Call) -> GatewayError | None:
        """The error that a call shares; not one that its longer time may spare it."""
        if self.error is None or (
            self.error.is_of_clock and call.remaining_seconds > self.call.remaining_seconds + GAIN_SECONDS
        ):
            return None
        return self.error.copied()


class Owners:
    """The owners of job runs, as far as they are known. Blocking and thread-safe."""

    def __init__(self, labels: Labels, most_known: int = MOST_KNOWN) -> None:
        self._labels = labels
        self._most_known = most_known
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, str | None] = OrderedDict()
        self._looks: dict[_Key, _Look] = {}

    def of(self, target: Target, application_id: str, job_run_id: str, call: Call, caller_id: str) -> Caller | None:
        """A run's owner, None where no tag of ours names one; `NotFound`, and what else AWS may say.

        Where it must be asked, it is `caller_id`'s turn that is taken.
        """
        return self.find(target, application_id, job_run_id, call, caller_id).owner

    def find(self, target: Target, application_id: str, job_run_id: str, call: Call, caller_id: str) -> Found:
        """The same, and whether AWS was asked. Those who miss one run at the same time share one question."""
        key = _key(target, application_id, job_run_id)
        while True:
            call.check()
            with self._lock:
                if key in self._known:
                    self._known.move_to_end(key)
                    return Found(self.caller(self._known[key]), by_asking=False)
                look = self._looks.get(key)
                if look is None or look.call.remaining_seconds <= 0:
                    look = self._looks[key] = _Look(call)
                    break
            with call.parked():
                look.ended.wait(max(0.0, min(call.remaining_seconds, look.call.remaining_seconds)))
            if look.is_told:
                return Found(self.caller(look.owner_id), by_asking=True)
            error = look.error_for(call)
            if error is not None:
                raise error
        return Found(self.caller(self._asked(key, look, target, caller_id)), by_asking=True)

    def known(self, target: Target, application_id: str, job_run_id: str) -> Found | None:
        """The owner, where AWS need not be asked."""
        key = _key(target, application_id, job_run_id)
        with self._lock:
            if key not in self._known:
                return None
            self._known.move_to_end(key)
            return Found(self.caller(self._known[key]), by_asking=False)

    def note(self, target: Target, application_id: str, job_run_id: str, owner_id: str | None) -> Caller | None:
        """Remember whose a run is, which AWS or a start has just told; the owner."""
        key = _key(target, application_id, job_run_id)
        with self._lock:
            self._known[key] = owner_id if owner_id is None else intern(owner_id)
            self._known.move_to_end(key)
            if len(self._known) > self._most_known:
                self._known.popitem(last=False)
        return self.caller(owner_id)

    def caller(self, owner_id: str | None) -> Caller | None:
        """The owner of an id, with today's labels; None of none."""
        return None if owner_id is None else Caller(owner_id, self._labels.of(owner_id))

    def _asked(self, key: _Key, look: _Look, target: Target, caller_id: str) -> str | None:
        _, _, application_id, job_run_id = key
        request = {"applicationId": application_id, "jobRunId": job_run_id}
        try:
            reply = target.send("GetJobRun", request, call=look.call, caller=caller_id)
            look.owner_id = stamped(reply["jobRun"])
            look.is_told = True
            self.note(target, application_id, job_run_id, look.owner_id)
        except GatewayError as error:
            if not isinstance(error, DeadlineNears):
                look.error = error.copied()
            raise
        finally:
            with self._lock:
                if self._looks.get(key) is look:
                    del self._looks[key]
            look.ended.set()
        return look.owner_id


def stamped(run: Mapping[str, Any]) -> str | None:
    """The id that the gateway stamped on a run, in AWS's form; None where it stamped none."""
    tag = (run.get("tags") or {}).get(emr.CALLER_TAG)
    return tag if isinstance(tag, str) else None


def _key(target: Target, application_id: str, job_run_id: str) -> _Key:
    return target.account, target.region, intern(application_id), job_run_id
