"""What callers were told and what AWS holds, and the checker that says whether each submission was one job run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Told:
    """One call's end: `submission` is the caller's own name for it.

    `job_run_id` is the reply's; where the call failed it is empty, and `outcome` is what the error said: `not_started`,
    `unknown`, or empty where the transport spoke.
    """

    submission: str
    caller: str
    job_run_id: str = ""
    outcome: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Run:
    """One job run that AWS holds: the submission that its body names, and the caller that its tag names."""

    job_run_id: str
    submission: str
    caller: str


def submission(caller: str, token: str) -> str:
    """The name of a submission."""
    return f"{caller}#{token}"


def runs_of(records: Iterable[dict[str, Any]]) -> list[Run]:
    """The runs that the sandbox tells of; each job's name is its token."""
    return [
        Run(record["job_run_id"], submission(caller, record["body"]["name"]), caller)
        for record in records
        for caller in [record["body"]["tags"]["emr-gateway:caller"]]
    ]


def violations(submitted: Iterable[str], told: Sequence[Told], runs: Sequence[Run]) -> list[str]:
    """All that is wrong with a history; empty where every submission is one job run and its caller knows it."""
    by_submission: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_submission[run.submission].append(run)
    known = {run.job_run_id: run for run in runs}
    submitted = set(submitted)
    found = [f"doubled: {name} has {len(its)} runs" for name, its in by_submission.items() if len(its) > 1]
    found += [f"unasked: nobody submitted {name}" for name in by_submission.keys() - submitted]
    found += [f"lost: {name} has no run" for name in submitted - by_submission.keys()]
    answered = {end.submission for end in told if end.job_run_id}
    found += [f"unanswered: {name} has no reply" for name in submitted - answered]
    found += [wrong for end in told if end.job_run_id for wrong in _of_reply(end, known)]
    replies = Counter((end.submission, end.job_run_id) for end in told if end.job_run_id)
    several = Counter(submission for submission, _ in replies)
    found += [f"wavering: {name} was told {count} runs" for name, count in several.items() if count > 1]
    return sorted(found)


def _of_reply(end: Told, known: dict[str, Run]) -> list[str]:
    run = known.get(end.job_run_id)
    if run is None:
        return [f"invented: {end.submission} was told of {end.job_run_id}, which is not there"]
    if (run.submission, run.caller) != (end.submission, end.caller):
        return [f"crossed: {end.submission} of {end.caller} was told of {run.submission} of {run.caller}"]
    return []
