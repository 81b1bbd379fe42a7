"""Replies and errors as text for people; `-o json` is proto JSON and needs none of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emrgateway.v1.decision_pb2 import Verdict
from emrgateway.v1.job_run_pb2 import JobRunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway.v1.decision_pb2 import Decision, RuleOutcome
    from emrgateway.v1.job_run_pb2 import JobRun
    from emrgateway.v1.job_run_service_pb2 import StartJobRunResponse

_TITLES: Final = {
    Verdict.VERDICT_DENIED: "refused by policy:",
    Verdict.VERDICT_CHANGED: "changed by policy:",
    Verdict.VERDICT_WARNED: "warned of by policy:",
}


def start_reply(reply: StartJobRunResponse) -> str:
    """What became of a submission: the job run, then what policy changed and warned of."""
    if reply.job_run_id:
        lines = [f"job run {reply.job_run_id} of application {reply.application_id}"]
    else:
        lines = ["validated: nothing was started"]
    lines += _decision(reply.decision)
    return printable("\n".join(lines))


def job_run(run: JobRun) -> str:
    """A job run: how it stands, then what else is known of it, a line a thing."""
    state = JobRunState.Name(run.state) if run.state in JobRunState.values() else str(run.state)
    facts = {
        "state": state.removeprefix("JOB_RUN_STATE_"),
        "details": run.state_details,
        "name": run.name,
        "attempt": str(run.attempt) if run.HasField("attempt") else "",
        "role": run.execution_role,
        "created": run.created_at.ToJsonString() if run.HasField("created_at") else "",
        "updated": run.updated_at.ToJsonString() if run.HasField("updated_at") else "",
        "arn": run.arn,
    }
    lines = [f"job run {run.job_run_id} of application {run.application_id}"]
    lines += [f"  {name + ':':9}{value}" for name, value in facts.items() if value]
    lines += [f"  tag {key}: {value}" for key, value in sorted(run.tags.items())]
    return printable("\n".join(lines))


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control characters, but for line ends and tabs, are escaped."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _decision(decision: Decision) -> Iterator[str]:
    for verdict, title in _TITLES.items():
        outcomes = [outcome for outcome in decision.outcomes if outcome.verdict == verdict]
        if outcomes:
            yield title
        for outcome in outcomes:
            yield f"  {outcome.rule_id}: {outcome.field}{_change(outcome)}"
            if outcome.message:
                yield f"    {outcome.message}"


def _change(outcome: RuleOutcome) -> str:
    if outcome.verdict != Verdict.VERDICT_CHANGED:
        return ""
    # Both are empty where AWS marks the field sensitive, and then only there: a change has two sides.
    if not outcome.before and not outcome.after:
        return " (values not shown)"
    return f": {outcome.before or '(unset)'} -> {outcome.after or '(unset)'}"
