"""What one request can make the engine say is bounded."""

from __future__ import annotations

from pathlib import Path

from emrgateway_server.caller import Caller
from emrgateway_server.policy.engine import MAX_COMPLAINTS

from .support import CALLER, GRANT_ALL, document, engine, request


def test_one_rule_tells_so_many_items(tmp_path: Path) -> None:
    """Fifty thousand bad jars are refused with the first hundred, and the sign that there are more."""
    judge = engine(
        tmp_path,
        [document(grants=[GRANT_ALL], rules=[{"id": "a", "field": "artifacts", "allow": ["s3://good/**"]}])],
    )
    jars = ",".join(f"s3://e/{number}" for number in range(5_000))
    driver = {"sparkSubmit": {"entryPoint": "s3://good/x.py", "sparkSubmitParameters": f"--jars {jars}"}}
    decision = judge.judge(Caller(CALLER), request({"jobDriver": driver}), {})
    assert not decision.allowed
    assert len(decision.outcomes) == MAX_COMPLAINTS + 1
    assert "perhaps more" in decision.outcomes[-1].message
