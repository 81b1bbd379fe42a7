"""What is told of a submission that AWS's conflict, or its age, leaves to a look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emrgateway_server.audit import Audit
from emrgateway_server.call import Call
from emrgateway_server.emr import lookup
from emrgateway_server.errors import Conflict, GatewayError, UpstreamUnknown
from emrgateway_server.identity import InsecureIdentity, Labels
from emrgateway_server.intake import Intake
from emrgateway_server.job_runs import JobRuns
from emrgateway_server.ledger import MemoryLedger, Submission, Submissions
from emrgateway_server.owners import Owners
from emrgateway_server.policy import Decision
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.settings import Audit as AuditSettings
from emrgateway_server.submitting import Start, Submitting

from .gateways import ALLOW_ALL
from .jobs import job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DAY = 86_400.0


class _Target:
    """An application with so many runs, none of them ours, where each start is a conflict.

    No fake of AWS's speaks in words that leave open what a conflict is about.
    """

    account = "123456789012"
    region = "us-east-1"

    def __init__(self, runs: int, *, is_of_token: bool | None) -> None:
        self.runs = runs
        self.is_of_token = is_of_token

    def send(self, name: str, _: Mapping[str, object], **__: object) -> dict[str, Any]:
        """AWS's reply."""
        if name == "StartJobRun":
            conflict = Conflict("AWS answered ConflictException")
            conflict.is_of_token = self.is_of_token
            raise conflict
        if name == "ListJobRuns":
            return {"jobRuns": [{"id": str(number)} for number in range(self.runs)]}
        return {"jobRun": {"tags": {}}}


@pytest.fixture
def submissions() -> Iterator[Submissions]:
    """In memory."""
    made = Submissions(MemoryLedger(10), ttl_seconds=_DAY, token_seconds=_DAY, goes_on=False)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("runs", "is_of_token", "want"),
    [
        (3, True, (UpstreamUnknown, "unknown", "not found yet")),
        (lookup.MOST_CANDIDATES + 1, True, (UpstreamUnknown, "unknown", "could not be looked for to the end")),
        (3, None, (Conflict, "not_started", "ConflictException")),
        (lookup.MOST_CANDIDATES + 1, None, (Conflict, "unknown", "ConflictException")),
    ],
)
def test_a_conflict_after_a_look_up(
    submissions: Submissions, runs: int, *, is_of_token: bool | None, want: tuple[type[GatewayError], str, str]
) -> None:
    """Nobody is told that a run is not found, or that nothing was started, when not all runs were looked at."""
    target: Any = _Target(runs, is_of_token=is_of_token)
    decision = Decision(request={"applicationId": "a"}, outcomes=(), policy_digest="d")
    start = Start(Submission("t", "i"), "caller", "a", target, lambda: decision, Call(30))
    with pytest.raises(GatewayError) as caught:
        Submitting(submissions).reply(start)
    told = caught.value
    assert (type(told), str(told.metadata.get("outcome", told.outcome))) == want[:2]
    assert want[2] in told.message


class _Reloading(PolicySource):
    """A source that counts how often it is asked for the engine in force."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, None)
        self.asked = 0

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - any member
        if name == "engine" and "asked" in super().__getattribute__("__dict__"):
            self.asked += 1
        return super().__getattribute__(name)


def test_one_engine_judges_one_call(submissions: Submissions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever policy is loaded again: a call that loses its claim to another replica is judged by the same engine."""
    (tmp_path / "policy.yaml").write_text(ALLOW_ALL, encoding="utf-8")
    policies = _Reloading(tmp_path)
    labels = Labels([])
    targets: Any = _Targets()
    runs = JobRuns(
        intake=Intake(InsecureIdentity("etl", labels), 65_536),
        owners=Owners(labels),
        policies=policies,
        targets=targets,
        submissions=submissions,
        audit=Audit(AuditSettings(path=str(tmp_path / "audit.jsonl"))),
        traces_jobs=True,
    )
    claim, lost = submissions.claim, iter([True, True, False])
    monkeypatch.setattr(submissions, "claim", lambda *a: None if next(lost) else claim(*a))
    with pytest.raises(Conflict):
        runs.start(job().SerializeToString(), Call(30))
    assert next(lost, None) is None
    assert policies.asked == 1


class _Targets:
    """One target for every application."""

    def of(self, _: str) -> _Target:
        """It."""
        return _Target(0, is_of_token=False)
