"""Which job runs are a caller's to look at and to stop: the grant, then the target, then the owner.

What is not there and what is not theirs gets one answer, in content and in what it costs: whoever is refused has waited
for AWS once, whether the owner was known, had to be asked for, or the run does not exist. A cache that answered for
itself would tell by its haste that there is something to know. Without a grant nothing is asked: that says nothing of
runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emrgateway_server import emr
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target, Targets
from emrgateway_server.errors import NotFound
from emrgateway_server.owners import Owners
from emrgateway_server.policy import Engine
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.submitting import existing


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a caller who may ask it of some runs of an application: judged by one policy to its end.

    `request` is in AWS's form. `action` is a grant's: get, list, cancel or watch.
    """

    action: str
    caller: Caller
    application_id: str
    request: Mapping[str, object]
    target: Target
    engine: Engine
    owners: Owners

    def covers(self, owner: Caller | None) -> bool:
        """Whether the caller may do this to a run of that owner; None: of nobody that we know."""
        return self.engine.may_touch(self.action, self.caller, self.application_id, owner)

    def authorise(self, call: Call) -> None:
        """Raise `NotFound` unless the run is one that the caller may do this to."""
        if not self.covers(None):  # else whosever it is; whether it is there, AWS says
            self.owner(call)

    def owner(self, call: Call) -> Caller | None:
        """Whose the run is, None where it is nobody's; `NotFound` unless the caller may do this to it."""
        run = str(self.request["jobRunId"])
        found = self.owners.find(self.target, self.application_id, run, call, self.caller.id)
        if not self.covers(found.owner):
            if not found.by_asking:
                self.ask(call)
            raise self.refusal()
        return found.owner

    def ask(self, call: Call) -> dict[str, Any]:
        """A GetJobRun's reply, of the run's latest attempt."""
        named = {"applicationId": self.application_id, "jobRunId": self.request["jobRunId"]}
        return self.target.send("GetJobRun", named, call=call, caller=self.caller.id)

    def refusal(self) -> NotFound:
        """The one answer for what is not there and for what is not theirs."""
        return emr.not_found(self.request)


class Access:
    """Who may ask at all. Thread-safe."""

    def __init__(self, policies: PolicySource, targets: Targets, owners: Owners) -> None:
        self._policies = policies
        self._targets = targets
        self._owners = owners

    def asked(self, action: str, caller: Caller, request: Mapping[str, object]) -> Asked:
        """The question, where any grant lets the caller ask it; `NotFound` where none does, then `NoTarget`."""
        engine = self._policies.engine
        application_id = str(request["applicationId"])
        if not engine.has_grant(action, caller, application_id):
            raise emr.not_found(request)
        target = existing(self._targets.of(application_id), application_id)
        return Asked(action, caller, application_id, request, target, engine, self._owners)
