"""`policy check`: every mistake at once with its place, of policies and of their tests; exit codes for CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from emrgateway_server.policy import load_directory
from emrgateway_server.yamlfile import ConfigurationError

from .support import Command, policy, process, suite, write

_BAD = sorted(Path(__file__).with_name("bad").glob("*.yaml"))
_BAD_POLICIES = Path(__file__).parents[1] / "policy" / "bad"
_WANT = "# want: "
_CASE = """\
cases:
  - name: a
    caller: {id: x}
    action: get
    request: {applicationId: 00a}
    want: {verdict: ALLOWED}
"""
_CONFIG = """\
listen: 127.0.0.1:0
identity: {insecure: {caller: x}}
policy: {directory: p}
targets: [{name: t, account: "123456789012", region: us-east-1, applications: ["00a", "01*"]}]
callers: [{match: "spiffe://**", labels: {team: a, tier: b}}]
"""


@pytest.mark.parametrize("file", _BAD, ids=lambda file: file.stem)
def test_mistakes_of_tests_are_told(command: Command, file: Path, tmp_path: Path) -> None:
    """A PolicyTest's mistakes are told as the file says itself, by `check` and by `test`: exit 2, nothing is run."""
    (tmp_path / file.name).write_bytes(file.read_bytes())
    for name in ("check", "test"):
        ran = command(name, tmp_path)
        assert (ran.code, ran.out) == (2, "")
        told = ran.err.replace(f"{tmp_path}/", "").splitlines()
        lines = file.read_text(encoding="utf-8").splitlines()
        wanted = [line.removeprefix(_WANT) for line in lines if line.startswith(_WANT)]
        assert told == [f"{file.name}:{want}" for want in wanted]


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """The mistakes of all policies, as loading tells them, and those of all tests, by file: one a line, exit 2."""
    for file in [*_BAD_POLICIES.glob("*.yaml"), *_BAD]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ConfigurationError) as raised:
        load_directory(tmp_path)
    ran = process("check", tmp_path)
    told = ran.err.splitlines()
    assert (ran.code, ran.out) == (2, "")
    assert [each for each in map(str, raised.value.problems) if each not in told] == []
    assert {line.partition(":")[0] for line in told} >= {str(tmp_path / file.name) for file in _BAD}
    files = [line.partition(":")[0] for line in told]
    assert files == sorted(files)


def test_a_good_directory(command: Command, tmp_path: Path) -> None:
    """What there is, counted on standard output; nothing on standard error; exit 0."""
    rules = "rules: [{id: a, field: name, required: true}, {id: b, field: mode, required: true}]\n"
    folder = write(tmp_path / "p", a=policy(rules) + "---\n" + suite(_CASE), b=policy("", name="q"))
    ran = command("check", folder, "--strict")
    assert (ran.code, ran.err) == (0, "")
    counts = "2 policies, 2 grants, 2 rules, 0 exceptions, 1 test case in 2 files"
    assert ran.out == f"{folder}: {counts}: no error, 0 warnings\n"


def test_warnings_fail_where_they_should(tmp_path: Path) -> None:
    """A warning is exit 0, and 1 with --strict; it stands on standard error with its place."""
    folder = write(tmp_path / "p", p=policy('rules: [{id: a, check: "true"}]\n'))
    ran = process("check", folder)
    assert ran.code == 0
    assert ran.err == f"{folder}/p.yaml:5:24: warning: the check of p/a is always true: it refuses nothing\n"
    assert ran.out.endswith("no error, 1 warning\n")
    assert process("check", folder, "--strict").code == 1


def test_an_empty_directory(command: Command, tmp_path: Path) -> None:
    """An empty directory is valid: it allows nothing."""
    ran = command("check", tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"{tmp_path}: 0 policies, 0 grants")


def test_no_directory(command: Command, tmp_path: Path) -> None:
    """A directory that is not there is an error."""
    ran = command("check", tmp_path / "gone")
    assert (ran.code, ran.err) == (2, f"{tmp_path}/gone: error: cannot be read: No such file or directory\n")


def test_what_the_configuration_does_not_give(command: Command, tmp_path: Path) -> None:
    """With --config: labels that no caller has, applications that no target serves, prices that are not there."""
    body = """\
match: {labels: {team: [a], region: [eu]}}
grants:
  - actions: [start, get]
    applications: ["00a", "012", "00b", "0*", "${caller.labels.app}"]
    roles: ["arn:aws:iam::1:role/${caller.labels.tier}/${caller.labels.dept}"]
    runs: label:unit
rules:
  - {id: a, field: tags.x, set: "${caller.labels.floor}"}
  - {id: b, field: tags.y, allow: ["${caller.labels.team}", "${caller.labels.room}"]}
  - {id: c, field: name, required: true, match: {labels: {desk: [a]}}}
"""
    folder = write(tmp_path / "p", p=policy(body))
    config = tmp_path / "gateway.yaml"
    config.write_text(_CONFIG, encoding="utf-8")
    assert command("check", folder).err == ""
    ran = command("check", folder, "--config", config)
    assert ran.code == 0
    assert [line.removeprefix(f"{folder}/p.yaml:") for line in ran.err.splitlines()] == [
        f"4:8: warning: no caller in {config} has the label 'region'",
        f"6:5: warning: no caller in {config} has the label 'app'",
        f"6:5: warning: no caller in {config} has the label 'dept'",
        f"6:5: warning: no caller in {config} has the label 'unit'",
        f"7:34: warning: no target in {config} serves the application 00b",
        f"11:5: warning: no caller in {config} has the label 'floor'",
        f"12:5: warning: no caller in {config} has the label 'room'",
        f"13:5: warning: no caller in {config} has the label 'desk'",
    ]


def test_cost_needs_prices(command: Command, tmp_path: Path) -> None:
    """A rule on what a run costs is an error where the gateway's configuration has no prices, as it is to serve."""
    folder = write(tmp_path / "p", p=policy('rules: [{id: a, check: "max_cost_usd < 100.0"}]\n'))
    config = tmp_path / "gateway.yaml"
    config.write_text(_CONFIG, encoding="utf-8")
    assert command("check", folder).code == 0
    ran = command("check", folder, "--config", config)
    assert (ran.code, "max_cost_usd needs prices" in ran.err) == (2, True)
    prices = "prices: {currency: USD, vcpu_hour: 0.05, memory_gb_hour: 0.005, disk_gb_hour: 0.0001}\n"
    config.write_text(_CONFIG + prices, encoding="utf-8")
    assert command("check", folder, "--config", config).code == 0


def test_a_configuration_with_mistakes(command: Command, tmp_path: Path) -> None:
    """Exit 2 with the configuration's mistakes."""
    config = tmp_path / "gateway.yaml"
    config.write_text("lisen: x\n", encoding="utf-8")
    ran = command("check", tmp_path, "--config", config)
    assert (ran.code, ran.out) == (2, "")
    assert f"{config}:1:1: error: unknown key 'lisen'" in ran.err
