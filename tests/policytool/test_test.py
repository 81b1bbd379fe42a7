"""`policy test`: cases pass and fail as they should, a failure says why, and CI can read it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from .support import Command, policy, process, suite, write

_RULES = """\
rules:
  - {id: cap, field: execution_timeout_minutes, max: 720, otherwise: clamp}
  - {id: team, field: tags.team, set: "${caller.labels.team}"}
  - {id: version, field: tags.version, default: "1.10"}
  - {id: mode, field: mode, default: BATCH}
  - {id: code, field: job_driver.spark_submit.entry_point, allow: ["s3://released/**"]}
  - {id: named, field: name, required: true, mode: warn}
  - {id: noted, field: name, required: true, mode: audit}
  - {id: hive, field: job_driver.hive.query, deny: ["x"]}
  - {id: key, field: "configurations[c][k]", default: policy-says}
exceptions:
  - {rules: [code], callers: ["**/tmp"], until: "2026-06-30", reason: X-1, approved_by: cto@example.com}
"""
_ROLE = "arn:aws:iam::123456789012:role/x"
_REQUEST = """{
      applicationId: 00a, executionRoleArn: "%s", executionTimeoutMinutes: 5000,
      jobDriver: {sparkSubmit: {entryPoint: "%s"}}}"""
_GRANTS = f"""\
grants:
  - {{actions: [start, list], applications: ["00a"], roles: ["{_ROLE}"]}}
  - {{actions: [get], applications: ["00a"], runs: "label:team"}}
  - {{actions: [cancel], applications: ["00a"], runs: all}}
"""


def _case(want: str, *, name: str = "one", more: str = "", code: str = "s3://released/x.py") -> str:
    return f"""\
  - name: {name}
    caller: {{id: spiffe://d/a, labels: {{team: data}}}}
    request: {_REQUEST % (_ROLE, code)}
    want: {want}
    {more}
"""


def _run(command: Command, folder: Path, cases: str, *arguments: str) -> tuple[int, list[str]]:
    write(folder / "p", p=policy(_GRANTS + _RULES), t=suite(f"cases:\n{cases}", name="t"))
    ran = command("test", folder / "p", *arguments)
    assert ran.err == ""
    return ran.code, ran.out.splitlines()


@pytest.mark.parametrize(
    ("want", "more"),
    [
        ("{verdict: ALLOWED}", ""),
        ("{verdict: ALLOWED, changed: {}, denied_by: [], warned_by: [p/named], audited_by: [p/noted]}", ""),
        ("{verdict: ALLOWED, changed: {execution_timeout_minutes: 720, tags.team: data}}", ""),
        ("{verdict: ALLOWED, changed: {tags.version: 1.10, mode: BATCH}}", ""),
        ("{verdict: ALLOWED, changed: {mode: JOB_RUN_MODE_BATCH}}", ""),
        ('{verdict: ALLOWED, changed: {"configurations[c][k]": policy-says}}', ""),
    ],
)
def test_what_passes(command: Command, tmp_path: Path, want: str, more: str) -> None:
    """What is as wanted passes: subsets of what changed, in policy's own words; exact sets of rules."""
    code, lines = _run(command, tmp_path, _case(want, more=more))
    assert (code, lines[0]) == (0, "1 passed; 7 of 9 rules decided something in a case (--coverage lists the others)")


@pytest.mark.parametrize(
    ("want", "told"),
    [
        ("{verdict: DENIED}", ["verdict", "want DENIED", "got  ALLOWED"]),
        (
            "{verdict: ALLOWED, changed: {execution_timeout_minutes: 700}}",
            [
                "changed: execution_timeout_minutes",
                "want 700",
                "got  720",
                "p/cap  execution_timeout_minutes: changed by policy",
            ],
        ),
        ("{verdict: ALLOWED, changed: {name: x}}", None),
        ("{verdict: ALLOWED, changed: {tags.other: x}}", ["changed: tags.other", "want x", "got  (unset), unchanged"]),
        (f'{{verdict: ALLOWED, changed: {{execution_role_arn: "{_ROLE}"}}}}', None),
        ("{verdict: ALLOWED, changed: {tags.version: 1.1}}", None),
        ("{verdict: ALLOWED, denied_by: [p/code]}", ["denied_by", "want [p/code]", "got  []"]),
        (
            "{verdict: ALLOWED, warned_by: []}",
            ["warned_by", "want []", "got  [p/named]", "p/named  name: is required"],
        ),
        (
            "{verdict: ALLOWED, warned_by: [p/named, p/noted]}",
            ["warned_by", "want [p/named, p/noted]", "got  [p/named]"],
        ),
        ("{verdict: ALLOWED, audited_by: [p/named]}", None),
    ],
)
def test_what_fails(command: Command, tmp_path: Path, want: str, told: list[str] | None) -> None:
    """What is not as wanted fails: exit 1, what was wanted, what came, and the rules that made it so."""
    code, lines = _run(command, tmp_path, _case(want))
    assert code == 1
    assert lines[0] == "FAILED t: one"
    assert lines[1] == f"  {tmp_path}/p/t.yaml:5"
    if told is not None:
        assert [line.strip() for line in lines[2 : 2 + len(told)]] == told
    assert lines[-1].startswith("0 passed, 1 failed; ")


def test_a_denial_says_which_rules_refuse(command: Command, tmp_path: Path) -> None:
    """An unwanted denial names every rule that refuses, and no sensitive value."""
    code, lines = _run(command, tmp_path, _case("{verdict: ALLOWED, denied_by: []}", code="s3://canary/x.py"))
    assert code == 1
    refused = "      p/code  job_driver.spark_submit.entry_point: is not allowed; allowed: s3://released/**"
    assert lines[2:10] == [
        *("  verdict", "    want ALLOWED", "    got  DENIED", refused),
        *("  denied_by", "    want []", "    got  [p/code]", refused),
    ]
    assert "canary" not in "".join(lines)


def test_an_unchanged_sensitive_value_is_not_told(command: Command, tmp_path: Path) -> None:
    """What the request itself holds at a sensitive field is not told; what policy makes of it is policy's own text."""
    write(
        tmp_path / "p",
        p=policy('rules: [{id: key, field: "configurations[c][k]", default: policy-says}]\n'),
        t=suite(f"""\
cases:
  - name: unchanged
    caller: {{id: x}}
    request:
      applicationId: 00a
      executionRoleArn: {_ROLE}
      jobDriver: {{hive: {{query: q}}}}
      configurationOverrides: {{applicationConfiguration: [{{classification: c, properties: {{k: canary}}}}]}}
    want: {{verdict: ALLOWED, changed: {{"configurations[c][k]": other}}}}
  - name: changed
    caller: {{id: x}}
    request: {{applicationId: 00a, executionRoleArn: "{_ROLE}", jobDriver: {{hive: {{query: q}}}}}}
    want: {{verdict: ALLOWED, changed: {{"configurations[c][k]": other}}}}
"""),
    )
    ran = command("test", tmp_path / "p")
    assert ran.code == 1
    assert "canary" not in ran.out
    assert [line.strip() for line in ran.out.splitlines() if "got" in line] == [
        "got  (sensitive: not shown), unchanged",
        "got  policy-says",
    ]


def test_spark_settings(command: Command, tmp_path: Path) -> None:
    """A setting of Spark is told by its effective value, whichever way the request says it."""
    settings = """\
rules:
  - {id: memory, field: "spark.conf[spark.executor.memory]", max: 16g, otherwise: clamp}
  - {id: cores, field: "spark.conf[spark.executor.cores]", default: 4}
"""
    case = f"""\
cases:
  - name: one
    caller: {{id: x}}
    request:
      applicationId: 00a
      executionRoleArn: {_ROLE}
      jobDriver: {{sparkSubmit: {{entryPoint: s3://a/b, sparkSubmitParameters: --executor-memory 64g}}}}
    want:
      verdict: ALLOWED
      changed: {{"spark.conf[spark.executor.memory]": %s, "spark.conf[spark.executor.cores]": 4}}
"""
    folder = write(tmp_path / "p", p=policy(settings), t=suite(case % "16g"))
    assert command("test", folder).code == 0
    write(folder, t=suite(case % "8g"))
    ran = command("test", folder)
    assert ran.code == 1
    assert "    want 8g\n    got  16g\n      p/memory  spark.conf[spark.executor.memory]: changed" in ran.out


def test_now_is_the_day_of_exceptions(command: Command, tmp_path: Path) -> None:
    """A case is judged as of its `now`; without one, as of today, when this exception is over or not."""
    tmp_case = _case("{verdict: ALLOWED}", code="s3://other/x", more="now: 2026-06-30T23:59:59Z").replace(
        "d/a", "d/tmp"
    )
    late = _case("{verdict: DENIED}", code="s3://other/x", more="now: 2026-07-01").replace("d/a", "d/tmp")
    code, lines = _run(command, tmp_path, tmp_case + late)
    assert (code, lines[0].partition(";")[0]) == (0, "2 passed")


@pytest.mark.parametrize(
    ("action", "owner", "verdict"),
    [
        ("list", None, "ALLOWED"),
        ("list", "{id: spiffe://d/b}", "DENIED"),
        ("list", "{id: spiffe://d/a}", "ALLOWED"),
        ("list", "nobody", "DENIED"),
        ("get", None, "ALLOWED"),
        ("get", "{id: spiffe://d/b, labels: {team: data}}", "ALLOWED"),
        ("get", "{id: spiffe://d/b, labels: {team: other}}", "DENIED"),
        ("cancel", "nobody", "ALLOWED"),
        ("watch", None, "DENIED"),
    ],
)
def test_other_actions_ask_the_grants(
    command: Command, tmp_path: Path, action: str, owner: str | None, verdict: str
) -> None:
    """Whose run it is decides what get, list, cancel and watch may touch; a start's rules have no say."""
    case = f"""\
  - name: one
    caller: {{id: spiffe://d/a, labels: {{team: data}}}}
    action: {action}
    request: {{application_id: 00a}}
    want: {{verdict: %s, denied_by: []}}
    {f"owner: {owner}" if owner else ""}
"""
    assert _run(command, tmp_path, case % verdict)[0] == 0
    other = {"ALLOWED": "DENIED", "DENIED": "ALLOWED"}[verdict]
    code, lines = _run(command, tmp_path, case % other)
    assert code == 1
    note = " (NOT_FOUND: no grant lets this caller touch this run)" if verdict == "DENIED" else ""
    assert f"    got  {verdict}{note}" in lines


def test_coverage(command: Command, tmp_path: Path) -> None:
    """The rules that no case put in force, and those that were in force and never had anything to decide."""
    code, lines = _run(command, tmp_path, _case("{verdict: ALLOWED}"), "--coverage")
    assert code == 0
    assert lines == [
        "no case put in force:",
        "  p/hive",
        "",
        "in force, and never had anything to decide:",
        "  p/code",
        "",
        "1 passed; 7 of 9 rules decided something in a case",
    ]
    hive = f"""\
  - name: hive
    caller: {{id: spiffe://d/a, labels: {{team: data}}}}
    request: {{applicationId: 00a, executionRoleArn: "{_ROLE}", jobDriver: {{hive: {{query: x}}}}}}
    want: {{verdict: DENIED}}
"""
    every = _case("{verdict: DENIED}", code="s3://x/y") + hive
    assert _run(command, tmp_path, every)[1] == ["2 passed; 9 of 9 rules decided something in a case"]


def test_junit(tmp_path: Path) -> None:
    """A suite a document, a case a case with its place; a failure holds its diff; control characters are escaped."""
    cases = _case("{verdict: ALLOWED}", name='"one\\u0007 <&>"') + _case("{verdict: DENIED}", name="two")
    folder = write(
        tmp_path / "p",
        p=policy(_GRANTS + _RULES),
        t=suite(f"cases:\n{cases}", name="t"),
        u=suite(f"cases:\n{_case('{verdict: ALLOWED}')}", name="u"),
    )
    file = tmp_path / "junit.xml"
    ran = process("test", folder, "--junit", file)
    assert ran.code == 1
    root = ET.parse(file).getroot()  # noqa: S314 - our own
    assert {key: root.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
    }
    assert [(each.get("name"), each.get("tests"), each.get("failures")) for each in root] == [
        ("t", "2", "1"),
        ("u", "1", "0"),
    ]
    first, second = root[0]
    assert (first.get("name"), first.get("classname"), len(first)) == ("one\\x07 <&>", "t", 0)
    assert (second.get("file"), second.get("line")) == (f"{folder}/t.yaml", "12")
    assert float(second.get("time", "")) > 0
    (failure,) = second
    assert failure.get("message") == "not as wanted: verdict"
    assert "    want DENIED\n    got  ALLOWED" in (failure.text or "")


@pytest.mark.parametrize("name", ["missing/junit.xml", "."])
def test_junit_that_cannot_be_written(command: Command, tmp_path: Path, name: str) -> None:
    """A report that cannot be written is exit 2, or CI would read an old one."""
    write(tmp_path / "p", p=policy(_GRANTS + _RULES), t=suite(f"cases:\n{_case('{verdict: ALLOWED}')}"))
    ran = command("test", tmp_path / "p", "--junit", tmp_path / name)
    assert ran.code == 2
    assert f"{tmp_path / name}: error: cannot be written: " in ran.err


def test_no_case_is_no_success(command: Command, tmp_path: Path) -> None:
    """A directory without a case tests nothing: exit 2, or a wrong DIR would pass for ever."""
    folder = write(tmp_path / "p", p=policy(_GRANTS + _RULES))
    ran = command("test", folder)
    assert (ran.code, ran.err) == (2, f"{folder}: error: holds no case: write a document of kind: PolicyTest\n")


def test_policies_that_do_not_load(command: Command, tmp_path: Path) -> None:
    """Exit 2 with the policy's mistakes; no case is run."""
    folder = write(tmp_path / "p", p=policy("rules: [{id: a}]\n"), t=suite(f"cases:\n{_case('{verdict: ALLOWED}')}"))
    ran = command("test", folder)
    assert (ran.code, ran.out) == (2, "")
    assert f"{folder}/p.yaml:5:9: error: " in ran.err
