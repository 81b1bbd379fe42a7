"""Replies and errors as text for people; `-o json` is proto JSON and needs none of this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emrgateway.v1.decision_pb2 import Verdict
from emrgateway.v1.job_configuration_pb2 import JobRunMode
from emrgateway.v1.job_run_pb2 import JobRunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emrgateway.v1.decision_pb2 import Decision, RuleOutcome
    from emrgateway.v1.job_run_pb2 import JobRun, JobRunSummary, ResourceUtilization, TotalResourceUtilization
    from emrgateway.v1.job_run_service_pb2 import CancelJobRunResponse, StartJobRunResponse

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
    facts = {
        "state": _state(run.state),
        "details": run.state_details,
        "name": run.name,
        "mode": _mode(run.mode),
        "attempt": str(run.attempt) if run.HasField("attempt") else "",
        "role": run.execution_role,
        "created": run.created_at.ToJsonString() if run.HasField("created_at") else "",
        "queued": f"{run.queued_duration_milliseconds / 1000:g} s" if run.queued_duration_milliseconds else "",
        "started": run.started_at.ToJsonString() if run.HasField("started_at") else "",
        "updated": run.updated_at.ToJsonString() if run.HasField("updated_at") else "",
        "ended": run.ended_at.ToJsonString() if run.HasField("ended_at") else "",
        "ran": f"{run.total_execution_duration_seconds} s" if run.total_execution_duration_seconds else "",
        "used": _figures(run.total_resource_utilization) if run.HasField("total_resource_utilization") else "",
        "billed": _figures(run.billed_resource_utilization) if run.HasField("billed_resource_utilization") else "",
        "arn": run.arn,
    }
    lines = [f"job run {run.job_run_id} of application {run.application_id}"]
    lines += [f"  {name + ':':9}{value}" for name, value in facts.items() if value]
    lines += [f"  tag {key}: {value}" for key, value in sorted(run.tags.items())]
    return printable("\n".join(lines))


def job_runs(runs: Sequence[JobRunSummary]) -> str:
    """Job runs, a line each, in columns."""
    if not runs:
        return "no job runs"
    rows = [("JOB RUN", "STATE", "NAME", "MODE", "CREATED", "UPDATED")]
    rows += [
        (
            run.id,
            _state(run.state),
            run.name,
            _mode(run.mode),
            run.created_at.ToDatetime().isoformat("T", "seconds") + "Z" if run.HasField("created_at") else "",
            run.updated_at.ToDatetime().isoformat("T", "seconds") + "Z" if run.HasField("updated_at") else "",
        )
        for run in runs
    ]
    cells = [[printable(cell).replace("\n", "\\n").replace("\t", "\\t") or "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "\n".join(lines)


def cancelled(reply: CancelJobRunResponse) -> str:
    """What was asked for: a run is stopped when its state says so."""
    return printable(f"job run {reply.job_run_id} of application {reply.application_id} is being cancelled")


def _state(number: JobRunState.ValueType) -> str:
    """AWS's word; a state that the gateway has no word for comes without one."""
    if number not in JobRunState.values():
        return str(number)
    return JobRunState.Name(number).removeprefix("JOB_RUN_STATE_") if number else "(newer)"


def _mode(number: JobRunMode.ValueType) -> str:
    return JobRunMode.Name(number).removeprefix("JOB_RUN_MODE_") if number and number in JobRunMode.values() else ""


def _figures(used: TotalResourceUtilization | ResourceUtilization) -> str:
    return f"{used.v_cpu_hour:g} vCPU-h, {used.memory_gb_hour:g} GB-h, {used.storage_gb_hour:g} GB-h disk"


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
