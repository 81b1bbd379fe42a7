"""What is done with a question about one job run, step by step: identify, read, authorise, ask AWS, reply.

To look at a run's attempts or dashboard is to get it. What AWS's model marks sensitive is told to the run's owner
alone: another one's grant is to know how a run fares, not what its arguments hold. A dashboard is the exception that
the grant makes: it is Spark's own page, which shows the job's settings to whoever may open it. A cancel and a
dashboard do something, and so the audit has them, like a start, before AWS does.
"""

from __future__ import annotations

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import shapes, translate
from emrgateway_server.access import Access, Asked
from emrgateway_server.audit import Audit
from emrgateway_server.call import Call
from emrgateway_server.intake import Intake
from emrgateway_server.owners import Owners, stamped
from emrgateway_server.shapes import Shape

_GET, _GOT = shapes.request_shape("GetJobRun"), shapes.response_shape("GetJobRun")
_CANCEL, _CANCELLED = shapes.request_shape("CancelJobRun"), shapes.response_shape("CancelJobRun")
_ATTEMPTS, _ATTEMPTS_TOLD = shapes.request_shape("ListJobRunAttempts"), shapes.response_shape("ListJobRunAttempts")
_DASHBOARD, _DASHBOARD_TOLD = (
    shapes.request_shape("GetDashboardForJobRun"),
    shapes.response_shape("GetDashboardForJobRun"),
)


class Runs:
    """Shows job runs and stops them. Blocking and thread-safe."""

    def __init__(self, intake: Intake, access: Access, owners: Owners, audit: Audit) -> None:
        self._intake = intake
        self._access = access
        self._owners = owners
        self._audit = audit

    def get(self, data: bytes, call: Call) -> pb.GetJobRunResponse:
        """A GetJobRun, from its bytes to its reply.

        Whose a run is is known before AWS is asked for an attempt: what AWS says of one that is not there must not
        tell a stranger that the run is.
        """
        caller = self._intake.caller(call)
        message, request = self._intake.read(data, pb.GetJobRunRequest, _GET)
        asked = self._access.asked("get", caller, request)
        if message.HasField("attempt"):
            owner = asked.owner(call)
            reply = asked.target.send("GetJobRun", request, call=call, caller=caller.id)
        else:
            reply = asked.ask(call)
            told = stamped(reply["jobRun"])
            owner = self._owners.note(asked.target, message.application_id, message.job_run_id, told)
            if not asked.covers(owner):
                raise asked.refusal()
        said = translate.sayable(reply, _GOT)
        if owner is None or owner.id != caller.id:
            said = translate.public(said, _GOT)
        return translate.from_aws(said, pb.GetJobRunResponse, _GOT)

    def cancel(self, data: bytes, call: Call) -> pb.CancelJobRunResponse:
        """A CancelJobRun, from its bytes to its reply."""
        caller = self._intake.caller(call)
        _, request = self._intake.read(data, pb.CancelJobRunRequest, _CANCEL)
        asked = self._access.asked("cancel", caller, request)
        self._allow(asked, _CANCEL, call)
        reply = asked.target.send("CancelJobRun", request, call=call, caller=caller.id)
        return translate.from_aws(translate.sayable(reply, _CANCELLED), pb.CancelJobRunResponse, _CANCELLED)

    def attempts(self, data: bytes, call: Call) -> pb.ListJobRunAttemptsResponse:
        """A ListJobRunAttempts, from its bytes to its reply; its page tokens are AWS's."""
        caller = self._intake.caller(call)
        _, request = self._intake.read(data, pb.ListJobRunAttemptsRequest, _ATTEMPTS)
        asked = self._access.asked("get", caller, request)
        asked.authorise(call)
        reply = asked.target.send("ListJobRunAttempts", request, call=call, caller=caller.id)
        return translate.from_aws(
            translate.sayable(reply, _ATTEMPTS_TOLD), pb.ListJobRunAttemptsResponse, _ATTEMPTS_TOLD
        )

    def dashboard(self, data: bytes, call: Call) -> pb.GetDashboardForJobRunResponse:
        """A GetDashboardForJobRun, from its bytes to its reply: a URL that lets in whoever has it."""
        caller = self._intake.caller(call)
        _, request = self._intake.read(data, pb.GetDashboardForJobRunRequest, _DASHBOARD)
        asked = self._access.asked("get", caller, request)
        self._allow(asked, _DASHBOARD, call)
        reply = asked.target.send("GetDashboardForJobRun", request, call=call, caller=caller.id)
        return translate.from_aws(
            translate.sayable(reply, _DASHBOARD_TOLD), pb.GetDashboardForJobRunResponse, _DASHBOARD_TOLD
        )

    def _allow(self, asked: Asked, shape: Shape, call: Call) -> None:
        """Authorise what does something, and have the audit hold it before it is done."""
        asked.authorise(call)
        self._audit.granted(asked.caller, asked.request, shape, asked.engine.digest, call)
