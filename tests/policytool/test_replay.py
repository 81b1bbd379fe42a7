"""`policy replay`: what would differ is told, by rule and by caller; what cannot be judged is never called allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .support import CALLER, REQUEST, Command, policy, process, request, write

_CAP = "rules: [{id: cap, field: execution_timeout_minutes, max: 720, otherwise: clamp}]\n"
_CODE = 'rules: [{id: code, field: job_driver.spark_submit.entry_point, allow: ["s3://code/**"]}]\n'
_NAMED = "rules: [{id: named, field: name, required: true}]\n"
_ENTRY_POINT = "/input/request/jobDriver/sparkSubmit/entryPoint"
_REDACTED: dict[str, Any] = {**REQUEST, "jobDriver": {"sparkSubmit": {}}}
_OTHER = "spiffe://prod.example.com/ns/ml/sa/train"


def _line(
    number: int,
    verdict: str = "ALLOWED",
    *,
    request: Mapping[str, Any] = _REDACTED,
    erased: tuple[str, ...] = (_ENTRY_POINT,),
    outcomes: tuple[dict[str, str], ...] = (),
    caller: str = CALLER,
) -> dict[str, Any]:
    """A line of an audit, with more in it than replay reads."""
    return {
        "decision_id": f"d{number}",
        "timestamp": "2026-11-01T00:00:00Z",
        "labels": {"id": "gateway-0"},
        "path": "emrgateway.v1.JobRunService/StartJobRun",
        "input": {"caller": {"id": caller, "labels": {"team": "data"}}, "request": request},
        "erased": list(erased),
        "result": {"verdict": verdict, "policy_digest": "sha256:0", "outcomes": list(outcomes), "more": 1},
        "trace_id": "0" * 32,
    }


def _audit(folder: Path, *lines: dict[str, Any] | str) -> Path:
    file = folder / "audit.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return file


def _originals(audit: Path, requests: Mapping[str, Mapping[str, Any]]) -> None:
    lines = [json.dumps({"decision_id": each, "request": request}) for each, request in requests.items()]
    audit.with_name(audit.name + ".requests").write_text("\n".join(lines), encoding="utf-8")


def _policy(folder: Path, body: str, name: str = "new") -> Path:
    return write(folder / name, p=policy(body))


def _totals(told: dict[str, Any]) -> dict[str, int]:
    kinds = ("would_be_denied", "would_be_changed", "newly_allowed", "not_judgeable")
    return {kind: told[kind]["total"] for kind in kinds if told[kind]["total"]}


def test_plain_requests(command: Command, tmp_path: Path) -> None:
    """A folder of requests, against there being no gateway: refused, changed, invalid, as before; one told each."""
    folder = tmp_path / "requests"
    folder.mkdir()
    requests: dict[str, dict[str, object]] = {
        "same": {"name": "x", "executionTimeoutMinutes": 60},
        "changed": {"name": "x", "executionTimeoutMinutes": 5000},
        "denied": {"executionTimeoutMinutes": 60},
        "invalid": {"name": "x", "applicationId": "A!"},
    }
    for name, changes in requests.items():
        (folder / f"{name}.json").write_text(json.dumps({**REQUEST, **changes}), encoding="utf-8")
    (folder / "notes.txt").write_text("no request", encoding="utf-8")
    new = write(tmp_path / "new", a=policy(_CAP, name="a"), b=policy(_NAMED, name="b"))
    ran = command("replay", folder, "--policy", new, "--caller", CALLER, "-o", "json")
    assert (ran.code, ran.err) == (1, "")
    told = ran.json
    assert (told["requests"], told["unreadable"], told["against"]) == (4, 0, None)
    assert _totals(told) == {"would_be_denied": 2, "would_be_changed": 1}
    assert told["would_be_denied"]["by_rule"] == {"b/named": 1, "INVALID_REQUEST": 1}
    assert told["would_be_denied"]["by_caller"] == {CALLER: 2}
    assert told["would_be_denied"]["requests"][0] == {
        "source": str(folder / "denied.json"),
        "caller": CALLER,
        "rules": {"b/named": "name: is required"},
    }
    assert told["would_be_changed"]["by_rule"] == {"a/cap": 1}
    assert told["would_be_changed"]["requests"][0]["rules"] == {"a/cap": "execution_timeout_minutes"}


def test_text(command: Command, tmp_path: Path) -> None:
    """The same for people: counts by rule and by caller, the requests, the rules in warn mode, the rest."""
    file = request(tmp_path, executionTimeoutMinutes=5000)
    body = "rules: [{id: a, field: name, required: true}, {id: b, field: mode, required: true, mode: warn}]\n"
    new = _policy(tmp_path, body)
    ran = command("replay", file, "--policy", new, "--caller", CALLER)
    assert ran.code == 1
    assert ran.out.splitlines() == [
        f"1 requests by {new}, compared with what was decided, or with no gateway at all",
        "would be denied: 1",
        "  by rule",
        "          1  p/a",
        "  by caller",
        f"          1  {CALLER}",
        "  requests",
        f"    {file}",
        "      p/a  name: is required",
        "would be changed: 0",
        "newly allowed: 0",
        "warned of, and not refused for it:",
        "  by rule",
        "          1  p/b",
        "no difference: 0",
    ]


def test_the_text_names_ten_requests(command: Command, tmp_path: Path) -> None:
    """Of each kind, ten requests are named, and the number of the others."""
    files = []
    for number in range(13):
        files.append(tmp_path / f"{number:02}.yaml")
        files[-1].write_text(json.dumps(REQUEST), encoding="utf-8")
    ran = command("replay", *files, "--policy", _policy(tmp_path, _NAMED), "--caller", CALLER)
    assert ran.out.count("p/named  name: is required") == 10
    assert "    and 3 more (-o json has them all)\n" in ran.out


def test_two_policies(command: Command, tmp_path: Path) -> None:
    """With --against, both policies judge: what the new one would refuse, change and allow, for each caller."""
    audit = _audit(
        tmp_path,
        _line(1, request={**_REDACTED, "executionTimeoutMinutes": 5000}),
        _line(2, request={**_REDACTED, "name": "x"}, caller=_OTHER),
        _line(3),
    )
    given = ("replay", audit, "-o", "json", "--policy")
    one, other = _policy(tmp_path, _NAMED, "one"), _policy(tmp_path, _CAP, "other")
    told = command(*given, one, "--against", other).json
    assert _totals(told) == {"would_be_denied": 2, "would_be_changed": 1}
    assert told["would_be_denied"]["by_caller"] == {CALLER: 2}
    assert told["would_be_changed"]["by_caller"] == {_OTHER: 1}
    assert told["would_be_changed"]["by_rule"] == {"p/cap": 1}
    told = command(*given, other, "--against", one).json
    assert _totals(told) == {"newly_allowed": 2, "would_be_changed": 1}
    assert told["newly_allowed"]["by_rule"] == {"p/named": 2}
    same = command(*given, one, "--against", one)
    assert (same.code, _totals(same.json)) == (0, {})
    assert same.json["against_digest"] == same.json["policy_digest"]


def test_a_sensitive_change_is_a_difference(command: Command, tmp_path: Path) -> None:
    """Two policies that set a sensitive field to two values differ, though neither value is told."""
    one, other = (
        _policy(tmp_path, f'rules: [{{id: key, field: "configurations[c][k]", set: {value}}}]\n', value)
        for value in ("canary-one", "canary-two")
    )
    given = ("replay", request(tmp_path, tags={"a": "b"}), "--caller", CALLER, "--policy", one, "-o", "json")
    ran = command(*given, "--against", other)
    assert (ran.code, _totals(ran.json)) == (1, {"would_be_changed": 1})
    assert ran.json["would_be_changed"]["by_rule"] == {"p/key": 1}
    assert "canary" not in ran.out.replace(str(one), "").replace(str(other), "")
    assert command(*given, "--against", one).code == 0


def test_recorded_verdicts(command: Command, tmp_path: Path) -> None:
    """Without --against, each line is compared with the verdict and the changes that stand in it."""
    capped = {"ruleId": "old/cap", "verdict": "VERDICT_CHANGED", "field": "execution_timeout_minutes", "after": "720"}
    denied = {"ruleId": "old/named", "verdict": "VERDICT_DENIED", "field": "name"}
    long = {**_REDACTED, "executionTimeoutMinutes": 5000}
    audit = _audit(
        tmp_path,
        _line(1, request=long, outcomes=(capped,)),
        _line(2, request=long, outcomes=({**capped, "after": "600"},)),
        _line(3, "DENIED", request=_REDACTED | {"executionTimeoutMinutes": 60}, outcomes=(denied,)),
        _line(4, "DENIED", request=_REDACTED | {"executionTimeoutMinutes": 60, "tags": {"aws:x": "y"}}),
    )
    told = command("replay", audit, "-o", "json", "--policy", _policy(tmp_path, _CAP)).json
    assert _totals(told) == {"would_be_changed": 1, "newly_allowed": 1}
    assert told["would_be_changed"]["requests"][0]["source"] == f"{audit}:2"
    assert told["newly_allowed"]["by_rule"] == {"old/named": 1}


def test_what_cannot_be_judged_is_not_allowed(command: Command, tmp_path: Path) -> None:
    """Without the originals, rules on what was erased are named as not judgeable; the requests count as nothing else.

    A request that another rule refuses is refused all the same.
    """
    audit = _audit(tmp_path, _line(1, request={**_REDACTED, "name": "x"}), _line(2), _line(3, "DENIED"))
    new = write(tmp_path / "new", a=policy(_CODE, name="a"), b=policy(_NAMED, name="b"))
    ran = command("replay", audit, "--policy", new)
    assert ran.code == 1
    assert "would be denied: 1\n" in ran.out
    assert "newly allowed: 0\n" in ran.out
    assert "not judgeable: 1 rules\n  a/code\n  1 requests, whose originals are not there" in ran.out
    told = command("replay", audit, "--policy", new, "-o", "json").json
    assert _totals(told) == {"would_be_denied": 1, "not_judgeable": 1}
    assert told["not_judgeable"]["rules"] == ["a/code"]
    assert told["not_judgeable"]["requests"][0]["source"] == f"{audit}:1"


def test_originals_are_judged_whole(command: Command, tmp_path: Path) -> None:
    """With the originals beside the audit, every rule is judged; a line without one stays not judgeable."""
    audit = _audit(tmp_path, _line(1), _line(2), _line(3))
    bad = {**REQUEST, "jobDriver": {"sparkSubmit": {"entryPoint": "s3://canary/x"}}}
    _originals(audit, {"d1": REQUEST, "d2": bad})
    ran = command("replay", audit, "--policy", _policy(tmp_path, _CODE), "-o", "json")
    assert ran.code == 1
    assert _totals(ran.json) == {"would_be_denied": 1, "not_judgeable": 1}
    assert ran.json["would_be_denied"]["requests"][0]["source"] == f"{audit}:2"
    assert "canary" not in ran.out
    _originals(audit, {"d1": REQUEST, "d2": REQUEST, "d3": REQUEST})
    assert command("replay", audit, "--policy", _policy(tmp_path, _CODE)).code == 0


def test_one_decision_is_counted_once(command: Command, tmp_path: Path) -> None:
    """Lines of one decision are one request; lines of other methods, and without a verdict, are none."""
    read = {**_line(9), "path": "emrgateway.v1.JobRunService/GetJobRun"}
    unjudged = {**_line(10), "result": {"code": "UNAUTHENTICATED"}}
    audit = _audit(tmp_path, _line(1), _line(1), read, unjudged, "", _line(2))
    ran = command("replay", audit, "--policy", _policy(tmp_path, _NAMED), "-o", "json")
    assert (ran.json["requests"], _totals(ran.json)) == (2, {"would_be_denied": 2})


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ('{"decision_id": "d', "is no JSON object: cut off, or damaged"),
        ("[1]", "is no JSON object: cut off, or damaged"),
        (json.dumps(_line(1) | {"input": {"request": {}}}), "is no decision as a gateway writes it: input.caller"),
        (json.dumps(_line(1) | {"decision_id": 1}), "is no decision as a gateway writes it: decision_id"),
        (json.dumps(_line(1, request={**_REDACTED, "canary": "x"})), "is no StartJobRun: canary"),
        (json.dumps(_line(1, request={"jobDriver": {"sparkSubmit": {}}})), "is no StartJobRun"),
    ],
)
def test_damaged_lines(command: Command, tmp_path: Path, damage: str, told: str) -> None:
    """A line that cannot be read is told with its place, the others are replayed, and the exit code is 2."""
    audit = _audit(tmp_path, _line(8), damage, _line(9))
    ran = command("replay", audit, "--policy", _policy(tmp_path, _NAMED), "-o", "json")
    assert ran.code == 2
    assert ran.err.startswith(f"{audit}:2: error: {told}")
    assert (ran.json["requests"], ran.json["unreadable"]) == (2, 1)


def test_unreadable_requests(command: Command, tmp_path: Path) -> None:
    """A plain file that is no request is told, the others are replayed, and the exit code is 2."""
    good, bad = request(tmp_path), tmp_path / "bad.yaml"
    bad.write_text("applicationid: x\n", encoding="utf-8")
    ran = command("replay", good, bad, "--policy", _policy(tmp_path, _CAP), "--caller", CALLER)
    assert ran.code == 2
    assert ran.err.startswith(f"{bad}:1:1: error: applicationid: unknown member")
    assert "unreadable: 1 (told on standard error)" in ran.out


def test_an_audit_is_known_by_what_it_holds(command: Command, tmp_path: Path) -> None:
    """A rotated audit has another name; a plain request may end in .json."""
    audit = _audit(tmp_path, _line(1)).rename(tmp_path / "audit.log.1")
    assert command("replay", audit, "--policy", _policy(tmp_path, _CAP)).code == 1
    assert command("replay", audit, "--policy", _policy(tmp_path, "rules: []\n")).code == 0


def test_nothing_to_judge_is_no_success(command: Command, tmp_path: Path) -> None:
    """A folder without a request, or a file of originals given for the audit, is exit 2: nothing was compared."""
    (tmp_path / "empty").mkdir()
    _originals(tmp_path / "audit.jsonl", {"d1": REQUEST})
    for file in (tmp_path / "empty", tmp_path / "audit.jsonl.requests"):
        ran = command("replay", file, "--policy", _policy(tmp_path, _CAP))
        assert (ran.code, ran.out, ran.err) == (2, "", f"{file}: error: holds no request to judge\n")


def test_usage(command: Command, tmp_path: Path) -> None:
    """A plain file needs --caller; a file that is not there, or a policy that does not load, is exit 2."""
    new = _policy(tmp_path, _CAP)
    ran = command("replay", request(tmp_path), "--policy", new)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("request.json: error: is no audit: say by --caller (and --label) who makes the request\n")
    ran = command("replay", tmp_path / "gone", "--policy", new)
    assert (ran.code, ran.err) == (2, f"{tmp_path}/gone: error: cannot be read: No such file or directory\n")
    bad = _policy(tmp_path, "rules: [{id: a}]\n", "bad")
    for given in (("--policy", bad), ("--policy", new, "--against", bad)):
        ran = command("replay", request(tmp_path), "--caller", CALLER, *given)
        assert (ran.code, ran.out) == (2, "")
        assert f"{bad}/p.yaml:5:9: error" in ran.err
    assert command("replay", "--policy", new).code == 2


def test_as_a_process(tmp_path: Path) -> None:
    """The exit codes that CI sees."""
    audit = _audit(tmp_path, _line(1))
    assert process("replay", audit, "--policy", _policy(tmp_path, "rules: []\n")).code == 0
    ran = process("replay", audit, "--policy", _policy(tmp_path, _NAMED))
    assert (ran.code, ran.err) == (1, "")
    assert process("replay", audit, "--policy", tmp_path / "gone").code == 2
