"""`policy explain`: what it says is what the gateway would say, whole, and fit for a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import json_format

from emrgateway.v1 import decision_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import Client, load_request
from emrgateway_server.policy import STAMPED_CONF

from .support import APPLICATION, CALLER, COMMAND, ROLE, Command, policy, process, request, write

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "deploy" / "demo"
DEMO_CALLER = ("--caller", "spiffe://local/dev", "--label", "team=data-eng")
RULES = """\
rules:
  - {id: cap, field: execution_timeout_minutes, max: 720, otherwise: clamp, why: Long jobs are others' business.}
  - {id: code, field: job_driver.spark_submit.entry_point, allow: ["s3://released/**"]}
  - {id: named, field: name, required: true, mode: warn}
  - {id: watched, field: mode, required: true, mode: audit}
  - {id: role, field: execution_role_arn, deny: ["arn:aws:iam::*:role/Admin"]}
exceptions:
  - {rules: [code], callers: ["**"], until: "2026-06-30", reason: X-1, approved_by: cto@example.com}
"""
IN_TIME = ("--now", "2026-06-30T23:59:59Z")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A policy with a rule for everything that can be said."""
    return write(tmp_path / "policy", p=policy(RULES))


@pytest.fixture
def gateway() -> Iterator[str]:
    """A gateway with the demo's policy."""
    arguments = ["dev", "--listen", "127.0.0.1:0", "--policy", str(DEMO / "policy"), "--label", "team=data-eng"]
    running = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield next(line.split()[-1] for line in running.stdout if line.startswith("listening on "))
    finally:
        running.terminate()
        assert running.wait(timeout=30) == 0
        running.stdout.close()


@pytest.mark.parametrize("file", ["job.yaml", "refused.yaml"])
def test_says_what_the_gateway_says(gateway: str, file: str, command: Command) -> None:
    """Outcomes, digest and effective request are those of a gateway's `validate_only`.

    But for the token, which the client made, and what depends on it and on the gateway's account: two tags, and the
    job's place in a trace.
    """
    asked = load_request(DEMO / file)
    asked.validate_only = True
    with Client(gateway) as client:
        reply = client.start_job_run(asked)
    ran = command("explain", DEMO / "policy", "-f", DEMO / file, *DEMO_CALLER, "-o", "json")
    told = ran.json
    assert ran.code == (1 if file == "refused.yaml" else 0)
    assert list(told) == ["verdict", "policy_digest", "outcomes", "effective_request"]
    assert told["policy_digest"] == reply.decision.policy_digest
    assert [json_format.ParseDict(each, decision_pb2.RuleOutcome()) for each in told["outcomes"]] == list(
        reply.decision.outcomes
    )
    ours, theirs = json_format.ParseDict(told["effective_request"], pb.StartJobRunRequest()), reply.effective_request
    for each in (ours, theirs):
        assert each.client_token
        each.client_token = ""
        for tag in ("emr-gateway:submission", "emr-gateway:intent"):
            assert len(each.tags.pop(tag)) == 64
        (block,) = each.configuration_overrides.application_configuration
        for key in STAMPED_CONF:
            assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", block.properties[key])
            block.properties[key] = ""
    assert ours == theirs


def test_a_gateway_that_traces_no_jobs(directory: Path, tmp_path: Path, command: Command) -> None:
    """The job's place in a trace is shown as stamped, and not at all where the configuration leaves it out."""
    file = request(tmp_path)
    asked = ("explain", directory, "-f", file, "--caller", CALLER, *IN_TIME)
    stamped = command(*asked).out.partition("stamped by the gateway:")[2]
    assert all(key in stamped for key in STAMPED_CONF)
    config = tmp_path / "gateway.yaml"
    config.write_text(
        f"identity: {{insecure: {{caller: c}}}}\nlisten: 127.0.0.1:0\npolicy: {{directory: {directory}}}\n"
        "targets: [{name: t, account: '123456789012', region: us-east-1}]\ntelemetry: {job_traceparent: false}\n",
        encoding="utf-8",
    )
    assert "TRACEPARENT" not in command(*asked, "--config", config).out


def test_text_tells_rules_and_fields(command: Command, directory: Path, tmp_path: Path) -> None:
    """The verdict, each rule's doing and reason, both sides of each field, what was content, what was excepted."""
    file = request(tmp_path, executionTimeoutMinutes=5000)
    ran = command("explain", directory, "-f", file, "--caller", CALLER, *IN_TIME)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"ALLOWED for {CALLER}, to start on {APPLICATION}"
    assert lines[1].startswith("policy sha256:")
    text = ran.out.partition("\n\n")[2].partition("stamped by the gateway:")
    assert text[0] == (
        "changed by:\n"
        "  p/cap  execution_timeout_minutes: 5000 -> 720\n"
        "      changed by policy. Long jobs are others' business.\n"
        "\n"
        "warned of by:\n"
        "  p/named  name\n"
        "      is required\n"
        "  p/watched  mode (audit: the caller is not told)\n"
        "      is required\n"
        "\n"
        "before and after:\n"
        "  - execution_timeout_minutes: 5000\n"
        "  + execution_timeout_minutes: 720   (p/cap)\n"
        "\n"
    )
    assert f"  + tags.emr-gateway:caller: {CALLER}\n" in text[2]
    assert text[2].endswith("in force, and content: p/role\n\ntaken away by an exception: p/code\n")


def test_the_token_is_the_requests_own(command: Command, directory: Path, tmp_path: Path) -> None:
    """A request's clientToken stays; one that has none gets a fixed one, so that two explanations are the same."""
    given = ("explain", directory, "--caller", CALLER, "-o", "json", "-f")
    assert command(*given, request(tmp_path, clientToken="t-1")).json["effective_request"]["clientToken"] == "t-1"
    one, other = (command(*given, request(tmp_path)).out for _ in range(2))
    assert one == other


def test_exceptions_hold_as_of_now(command: Command, directory: Path, tmp_path: Path) -> None:
    """`--now` is the day by which exceptions hold, in UTC: a time of another zone counts as of that."""
    file = request(tmp_path)
    given = ("explain", directory, "-f", file, "--caller", CALLER)
    assert command(*given, "--now", "2026-06-30").code == 0
    assert command(*given, "--now", "2026-07-01").code == 1
    assert command(*given, "--now", "2026-07-01T01:00:00+02:00").code == 0
    assert command(*given, "--now", "2026-06-30T23:00:00-02:00").code == 1
    usage = command(*given, "--now", "2026-06-30T12:00:00")
    assert usage.code == 2
    assert "invalid date or time" in usage.err


def test_everything_refused_is_told(command: Command, tmp_path: Path) -> None:
    """300 violations, of which a gRPC reply would have room for some 50, all stand here."""
    rules = "".join(f"  - {{id: r{n}, field: tags.t{n}, required: true}}\n" for n in range(300))
    folder = write(tmp_path / "policy", p=policy(f"rules:\n{rules}"))
    ran = command("explain", folder, "-f", request(tmp_path), "--caller", CALLER, "-o", "json")
    assert (ran.code, ran.json["verdict"]) == (1, "DENIED")
    assert [each["ruleId"] for each in ran.json["outcomes"]] == [f"p/r{n}" for n in range(300)]


def test_no_sensitive_value_is_in_the_text(command: Command, tmp_path: Path) -> None:
    """What AWS marks sensitive is in the effective request alone: refused, changed, or neither."""
    body = """\
rules:
  - {id: code, field: job_driver.spark_submit.entry_point, allow: ["s3://released/**"]}
  - {id: key, field: "configurations[spark-defaults][spark.x]", set: "policy-says"}
"""
    folder = write(tmp_path / "policy", p=policy(body))
    file = request(
        tmp_path,
        jobDriver={"sparkSubmit": {"entryPoint": "s3://canary/x", "entryPointArguments": ["canary"]}},
        configurationOverrides={
            "applicationConfiguration": [{"classification": "spark-defaults", "properties": {"spark.x": "canary"}}]
        },
    )
    ran = command("explain", folder, "-f", file, "--caller", CALLER)
    assert ran.code == 1
    assert "canary" not in ran.out + ran.err
    place = "configuration_overrides.application_configuration[0].properties.spark.x"
    assert f"  - {place}: (sensitive: not shown)\n  + {place}: (sensitive: not shown)\n" in ran.out
    whole = command("explain", folder, "-f", file, "--caller", CALLER, "-o", "json").json
    assert "canary" not in json.dumps(whole["outcomes"])
    assert "policy-says" in json.dumps(whole["effective_request"])
    assert "s3://canary/x" in json.dumps(whole["effective_request"])


def test_what_is_no_request(command: Command, directory: Path, tmp_path: Path) -> None:
    """Exit 2 with every mistake in the document, as text with its place, and as JSON like that of `job start`."""
    file = tmp_path / "request.yaml"
    file.write_text("applicationId: a\nname: no\nfoo: 1\n", encoding="utf-8")
    given = ("explain", directory, "-f", file, "--caller", CALLER)
    ran = command(*given)
    assert (ran.code, ran.out) == (2, "")
    assert [line.partition(" error: ")[0] for line in ran.err.splitlines()] == [f"{file}:2:7:", f"{file}:3:1:"]
    told = json.loads(command(*given, "-o", "json").err)
    assert (told["code"], told["reason"]) == ("INVALID_ARGUMENT", "UNREADABLE")
    assert [each["field"] for each in told["violations"]] == ["name", "foo"]


def test_what_aws_refuses(command: Command, directory: Path, tmp_path: Path) -> None:
    """A request that AWS's model forbids is not judged: exit 2, with every violation, and no verdict."""
    file = request(tmp_path, executionRoleArn="admin", applicationId="A!")
    given = ("explain", directory, "-f", file, "--caller", CALLER)
    ran = command(*given)
    assert (ran.code, ran.out) == (2, "")
    fields = [line.removeprefix(f"{file}: error: ").partition(":")[0] for line in ran.err.splitlines()]
    assert fields == ["application_id", "execution_role_arn"]
    assert json.loads(command(*given, "-o", "json").err)["reason"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--caller", "a*b"), "--caller: an id has 1 to 256"),
        (("--caller", ""), "--caller: an id has 1 to 256"),
        (("--caller", CALLER, "--label", "team"), "invalid KEY=VALUE value: 'team'"),
        (("--caller", CALLER, "-f", "/nowhere.yaml"), "/nowhere.yaml: error: cannot be read: No such file"),
        (("--caller", CALLER, "--config", "/nowhere.yaml"), "/nowhere.yaml: error: cannot be read: No such file"),
        ((), "the following arguments are required: --caller"),
    ],
)
def test_usage(command: Command, directory: Path, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    """What cannot be used is exit 2, and is told on standard error alone."""
    ran = command("explain", directory, "-f", request(tmp_path), *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_policy_that_does_not_load(command: Command, tmp_path: Path) -> None:
    """Exit 2 with each mistake of the policy and its place."""
    folder = write(tmp_path / "policy", p=policy("rules: [{id: a, field: nmae, required: true}]\n"))
    ran = command("explain", folder, "-f", request(tmp_path), "--caller", CALLER)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"{folder}/p.yaml:5:24: error: unknown field 'nmae'; did you mean name")


def test_the_configuration_knows_labels_and_prices(command: Command, tmp_path: Path) -> None:
    """Labels come from its table, those of the command line before these."""
    body = 'rules: [{id: team, field: tags.team, set: "${caller.labels.team}/${caller.labels.tier}"}]\n'
    folder = write(tmp_path / "policy", p=policy(body))
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "identity: {insecure: {caller: x}}\nlisten: 127.0.0.1:0\n"
        f"policy: {{directory: {folder}}}\n"
        'targets: [{name: t, account: "123456789012", region: us-east-1}]\n'
        'callers: [{match: "spiffe://prod.example.com/**", labels: {team: a, tier: b}}]\n',
        encoding="utf-8",
    )
    ran = command("explain", folder, "-f", request(tmp_path), "--caller", CALLER, "-o", "json", "--config", config)
    assert ran.json["effective_request"]["tags"]["team"] == "a/b"
    ran = command(
        *("explain", folder, "-f", request(tmp_path), "--caller", CALLER, "-o", "json"),
        *("--config", config, "--label", "tier=c=d"),
    )
    assert ran.json["effective_request"]["tags"]["team"] == "a/c=d"


def test_a_terminal_gets_colours_and_cannot_be_steered(tmp_path: Path) -> None:
    """Colours on a terminal alone, none where NO_COLOR is set; what a request holds is escaped."""
    rules = "rules: [{id: a, field: name, set: x}, {id: b, field: mode, required: true}]\n"
    folder = write(tmp_path / "policy", p=policy(rules))
    file = request(tmp_path, name="a\u202eb")
    given = [str(COMMAND), "policy", "explain", str(folder), "-f", str(file), "--caller", CALLER]
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    said = _on_a_terminal(given, environment)
    assert "\x1b[31mDENIED\x1b[0m" in said
    assert "\x1b[31m  - name: a\\u202eb\x1b[0m" in said
    assert "\x1b" not in _on_a_terminal(given, {**environment, "NO_COLOR": "1"})
    assert "\x1b" not in _on_a_terminal(given, {**environment, "TERM": "dumb"})
    assert "\x1b" not in process(*given[2:], environment=environment).out


def _on_a_terminal(given: list[str], environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(given, stdout=theirs, env=environment) as running:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 65_536):
                said += data
        except OSError:  # how Linux tells that the other end is closed
            pass
        assert running.wait(timeout=60) == 1
    os.close(ours)
    return said.decode()


def test_a_reader_that_stops_is_no_failure(directory: Path, tmp_path: Path) -> None:
    """`explain | head -1` complains of nothing."""
    file = request(tmp_path)
    given = [str(COMMAND), "policy", "explain", str(directory), "-f", str(file), "--caller", CALLER, *IN_TIME]
    ours, theirs = os.pipe()
    os.close(ours)
    with subprocess.Popen(given, stdout=theirs, stderr=subprocess.PIPE, text=True) as running:
        os.close(theirs)
        _, told = running.communicate(timeout=60)
    assert (running.returncode, told) == (0, "")


def test_standard_input(directory: Path) -> None:
    """`-f -` reads the request from standard input, YAML or JSON."""
    text = f"applicationId: {APPLICATION}\nexecutionRoleArn: {ROLE}\njobDriver: {{hive: {{query: s3://q/x.sql}}}}\n"
    ran = process("explain", directory, "-f", "-", "--caller", CALLER, *IN_TIME, text=text)
    assert (ran.code, ran.err) == (0, "")
