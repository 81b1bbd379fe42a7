"""What is done with a ListJobRuns, step by step: identify, read, look through AWS's list, reply.

AWS's list holds everyone's runs and no tags: whose each one is is asked once and remembered. A page does a bounded part
of that and names the place to go on from; it is short rather than late. That place is behind the last run that was
shown: what follows it is looked through again, at no cost where its owners are remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import conformance, pages, shapes, translate
from emrgateway_server.access import Access, Asked
from emrgateway_server.call import Call
from emrgateway_server.errors import (
    DeadlineNears,
    InvalidRequest,
    NotFound,
    Throttled,
    UpstreamUnknown,
    UpstreamUnreachable,
    Violation,
)
from emrgateway_server.findings import Findings
from emrgateway_server.intake import Intake
from emrgateway_server.owners import stamped
from emrgateway_server.pages import PAGE, Cursor

MOST_LISTS = 4  # AWS's lists a page of ours; with 50 runs each, a page looks at 200
# GetJobRuns a page of ours, for owners that are not known yet, beside one for a token's place; no fewer than a page of
# AWS's holds, or one without a run to show might never be got through on a replica that knows none of its owners.
MOST_LOOKS = PAGE
KEPT_SECONDS = 0.2  # for the reply, when the time to look is over

_ANY = "*"
_LIST, _LISTED = shapes.request_shape("ListJobRuns"), shapes.response_shape("ListJobRuns")
_NAME = shapes.request_shape("StartJobRun").members["name"]
# What may pass: after it, a page ends where it is, and the next one meets it, if it is still there.
_PASSING = (DeadlineNears, Throttled, UpstreamUnknown, UpstreamUnreachable)


class Listing:
    """Lists job runs. Blocking and thread-safe."""

    def __init__(self, intake: Intake, access: Access) -> None:
        self._intake = intake
        self._access = access

    def list(self, data: bytes, call: Call) -> pb.ListJobRunsResponse:
        """A ListJobRuns, from its bytes to its reply."""
        caller = self._intake.caller(call)
        message, request = self._intake.read(data, pb.ListJobRunsRequest, _LIST, _check_name)
        name = message.name if message.HasField("name") else None
        filters = {**request, "name": name}
        asked = self._access.asked("list", caller, request)
        token = str(request.get("nextToken", ""))
        cursor = pages.read(token, caller.id, filters) if token else Cursor()
        if cursor is None:
            raise _not_ours()
        page = _Page(asked, request, _matcher(name), message.max_results or PAGE, call.shortened(KEPT_SECONDS), cursor)
        page.fill()
        reply = translate.from_aws(translate.public({"jobRuns": page.found}, _LISTED), pb.ListJobRunsResponse, _LISTED)
        if page.cursor is not None:
            reply.next_token = _token(page.cursor, caller.id, filters)
        return reply


@dataclass(slots=True)
class _Page:
    """One page while it is filled: `found` in AWS's form, and the place to go on from, None at the list's end.

    `has_learned` an owner: the next page comes further, though it go on from the same place.
    """

    asked: Asked
    request: Mapping[str, object]
    matches: Callable[[str], bool] | None
    size: int
    call: Call
    cursor: Cursor | None
    found: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0
    has_learned: bool = False

    def fill(self) -> None:
        """Look on from the cursor, until the page is full, the list at its end, or enough has been done."""
        began = self.cursor
        try:
            for _ in range(MOST_LISTS):
                if self.cursor is None or len(self.found) == self.size or not self._look_through(self.cursor):
                    return
        except _PASSING:
            if self.cursor == began and not self.has_learned:
                raise

    def _look_through(self, cursor: Cursor) -> bool:
        """One page of AWS's; whether to the end: False where the rest is for the next page of ours."""
        reply = self._listed(cursor)
        runs = reply["jobRuns"]
        for index in range(self._start(cursor, [run["id"] for run in runs]), len(runs)):
            run = runs[index]
            shown = self._shows(run) if len(self.found) < self.size else None
            if shown is None:
                return False
            if shown:
                self.found.append(run)
                self.cursor = cursor.after(index, run["id"])
        next_token = reply.get("nextToken")
        self.cursor = Cursor(next_token) if next_token else None
        return True

    def _start(self, cursor: Cursor, job_run_ids: Sequence[str]) -> int:
        """Where to go on in AWS's page: behind the run that the cursor names, if the caller may see that one.

        Else from the beginning, as if it were not there, and at the same cost, or a token that was made up would tell
        whether another's run is: AWS is asked once, of any run where that one is not there; and what it says of one
        that is not the caller's is not remembered, which would spare the look that comes later.
        """
        start = cursor.start(job_run_ids)
        if not cursor.index or not job_run_ids or self.asked.covers(None):
            return start
        owners, target, application = self.asked.owners, self.asked.target, self.asked.application_id
        run = job_run_ids[max(start - 1, 0)]
        known = owners.known(target, application, run) if start else None
        if known is not None and self.asked.covers(known.owner):
            return start
        named = {"applicationId": application, "jobRunId": run}
        try:
            reply = target.send("GetJobRun", named, call=self.call, caller=self.asked.caller.id)
        except NotFound:
            return 0
        owner = stamped(reply["jobRun"])
        if not start or not self.asked.covers(owners.caller(owner)):
            return 0
        owners.note(target, application, run, owner)
        self.has_learned = True
        return start

    def _listed(self, cursor: Cursor) -> dict[str, Any]:
        # Where every run will be shown, no more are asked for than there is room for.
        most = self.size - len(self.found) if self.asked.covers(None) and self.matches is None else PAGE
        asked = {key: value for key, value in self.request.items() if key != "nextToken"}
        request = {**asked, "maxResults": max(most, cursor.index), **({"nextToken": cursor.aws} if cursor.aws else {})}
        reply = self.asked.target.send("ListJobRuns", request, call=self.call, caller=self.asked.caller.id)
        said: dict[str, Any] = translate.sayable(reply, _LISTED)
        here = self.asked.application_id
        runs = [run for run in said["jobRuns"] if run.get("id") and run.get("applicationId", here) == here]
        return {**said, "jobRuns": runs}

    def _shows(self, run: Mapping[str, Any]) -> bool | None:
        """Whether a run is for this page; None where whose it is cannot be asked on this page any more.

        Whose it is is asked whatever its name: how long a list takes would else tell what others' runs are called.
        """
        is_meant = self.matches is None or self.matches(run.get("name", ""))
        if self.asked.covers(None):
            return is_meant
        owners, target, application = self.asked.owners, self.asked.target, self.asked.application_id
        found = owners.known(target, application, run["id"])
        if found is None and self.looks == MOST_LOOKS:
            return None
        if found is None:
            self.looks += 1
            try:
                found = owners.find(target, application, run["id"], self.call, self.asked.caller.id)
                self.has_learned = True
            except NotFound:
                return False
        return is_meant and self.asked.covers(found.owner)


def _matcher(name: str | None) -> Callable[[str], bool] | None:
    if name is None:
        return None
    if name.endswith(_ANY):
        return lambda found: found.startswith(name.removesuffix(_ANY))
    return lambda found: found == name


def _check_name(message: pb.ListJobRunsRequest, found: Findings) -> None:
    if message.HasField("name"):
        conformance.check_value(message.name, _NAME, "name", found)


def _token(cursor: Cursor, caller_id: str, filters: Mapping[str, object]) -> str:
    try:
        return pages.written(cursor, caller_id, filters)
    except ValueError as error:
        raise UpstreamUnknown(f"{error}, and no room for the gateway's own: ask with other filters") from None


def _not_ours() -> InvalidRequest:
    reason = "is not one that you were given for these filters: ask for the first page"
    return InvalidRequest(
        f"the request is not valid: next_token: {reason}", violations=[Violation("next_token", reason)]
    )
