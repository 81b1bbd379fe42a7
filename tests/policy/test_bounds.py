"""What one request can make the engine say is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("settings", "quote", "allowed"), [(3_000, "'", False), (3_000, "", True), (500, "'", True)])
def test_so_much_is_read_again_for_amendments(tmp_path: Path, settings: int, quote: str, *, allowed: bool) -> None:
    """Fifty amendments of a long string that is read in several ways are refused with the mend; a plain one's are not.

    Without the bound, such a request took seconds of CPU.
    """
    sets = [{"id": f"s{number}", "field": f"spark.conf[spark.k{number}]", "set": "x"} for number in range(50)]
    waiver = {"id": "waiver", "field": "spark.parameters", "allow": ["quotes"]}
    judge = engine(tmp_path, [document(grants=[GRANT_ALL], rules=[waiver, *sets])])
    string = " ".join(f"--conf spark.k{number}={quote}v{number}{quote}" for number in range(settings))
    driver = {"sparkSubmit": {"entryPoint": "s3://good/x.py", "sparkSubmitParameters": string}}
    decision = judge.judge(Caller(CALLER), request({"jobDriver": driver}), {})
    assert decision.allowed is allowed
    assert all("too much to read again" in violation.description for violation in decision.violations)
