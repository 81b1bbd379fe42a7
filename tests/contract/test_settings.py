"""gateway.yaml and the environment: what loads, what it means, and every mistake at once with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from emrgateway_server import settings as gateway
from emrgateway_server import shapes
from emrgateway_server.emr.operations import OPERATIONS
from emrgateway_server.settings import Settings
from emrgateway_server.yamlfile import ConfigurationError

_HERE = Path(__file__).parent
FULL = (_HERE / "gateway.yaml").read_text(encoding="utf-8")
CASES: list[dict[str, Any]] = yaml.safe_load((_HERE / "settings.yaml").read_text(encoding="utf-8"))
# A flow mapping a line, so that a case can tell the places.
BASE: dict[str, Any] = {
    "listen": "127.0.0.1:50051",
    "identity": {"insecure": {"caller": "spiffe://local/dev"}},
    "policy": {"directory": "policy"},
    "targets": [{"name": "default", "account": "123456789012", "region": "us-east-1"}],
}


def _load(folder: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    file = folder / "gateway.yaml"
    file.write_text(text, encoding="utf-8")
    return gateway.load(file, environment or {})


def _written(value: dict[str, Any]) -> str:
    return "".join(
        f"{key}: {yaml.safe_dump(inner, default_flow_style=True, width=1_000, sort_keys=False).partition(chr(10))[0]}\n"
        for key, inner in value.items()
    )


def _text(case: dict[str, Any]) -> str:
    if "file" in case:
        return str(case["file"])
    return _written({**BASE, **case.get("change", {})}) + str(case.get("add", ""))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_mistakes_are_told_all_at_once_with_their_places(case: dict[str, Any], tmp_path: Path) -> None:
    """Each mistake of a file is one line FILE:LINE:COLUMN, or VARIABLE, and what is wrong; all of them, in order."""
    with pytest.raises(ConfigurationError) as raised:
        _load(tmp_path, _text(case), case.get("environment"))
    told = str(raised.value).replace(str(tmp_path / "gateway.yaml"), "FILE").splitlines()
    assert len(told) == len(case["want"]) == len(raised.value.problems), told
    for line, wanted in zip(told, case["want"], strict=True):
        place, _, message = line.partition(": error: ")
        if "place" in case:
            assert (place.partition(":")[0], message[: len(wanted)]) == (case["place"], wanted)
        else:
            assert line.startswith(wanted)


def test_what_is_no_yaml_is_told_with_its_place(tmp_path: Path) -> None:
    """A syntax error is told where the reader stumbled."""
    with pytest.raises(ConfigurationError) as raised:
        _load(tmp_path, "listen: [127.0.0.1:50051\nidentity: {}\n")
    assert (2, 9) in [(problem.line, problem.column) for problem in raised.value.problems]


def test_the_full_example_loads(tmp_path: Path) -> None:
    """Every documented key is one, and means what it says."""
    loaded = _load(tmp_path, FULL)
    assert (loaded.listen, loaded.listen_token, loaded.metrics) == ("127.0.0.1:50051", None, "127.0.0.1:9464")
    assert loaded.identity.insecure is not None
    assert loaded.identity.insecure.caller == "spiffe://local/dev"
    assert [(entry.match, entry.labels) for entry in loaded.callers] == [
        ("spiffe://prod.example.com/ns/data-eng/**", {"team": "data-eng"})
    ]
    (target,) = loaded.targets
    assert (target.name, target.account, target.region) == ("default", "123456789012", "us-east-1")
    assert (target.assume_role, target.endpoint_url, target.applications) == (None, None, ("**",))
    assert (target.rates["StartJobRun"].per_second, target.rates["StartJobRun"].burst) == (10, 20)
    assert (loaded.limits.reply_margin_seconds, loaded.limits.max_message_bytes) == (0.1, 524_288)
    assert (loaded.audit.path, loaded.prices, loaded.telemetry.job_traceparent) == ("-", None, True)


def test_the_example_says_what_is_so_by_default(tmp_path: Path) -> None:
    """The reference shows each default: without those keys the settings are the same."""
    keys = ("identity", "policy", "targets", "listen", "metrics", "tls", "callers")
    shorter = {key: value for key, value in yaml.safe_load(FULL).items() if key in keys}
    del shorter["policy"]["reload_seconds"]
    assert _load(tmp_path, _written(shorter)) == _load(tmp_path, FULL)


def test_the_example_has_every_key(tmp_path: Path) -> None:
    """No key of the settings is missing from the reference, but for those of identities and stores to come."""
    full = yaml.safe_load(FULL)
    assert set(full) == set(Settings.model_fields)
    loaded = _load(tmp_path, FULL)
    for section in ("policy", "audit", "limits", "telemetry"):
        assert set(full[section]) == set(type(getattr(loaded, section)).model_fields)


def test_rates_are_for_the_operations_that_are_called() -> None:
    """What a rate can be given for, is what has turns, and the other way round."""
    assert set(shapes.OPERATIONS) == set(OPERATIONS)


def test_settings_are_frozen(tmp_path: Path) -> None:
    """What was loaded stays as it was loaded."""
    loaded = _load(tmp_path, FULL)
    with pytest.raises(ValidationError):
        loaded.replicas = 2
    with pytest.raises(ValidationError):
        loaded.limits.max_in_flight = 2


def test_relative_paths_are_beside_the_file(tmp_path: Path) -> None:
    """A relative path is the file's neighbour, wherever the process stands; an absolute one, and "-", stay."""
    loaded = _load(tmp_path, FULL, {"EMR_GATEWAY_AUDIT__PATH": "audit.jsonl"})
    assert loaded.policy.directory == str(tmp_path / "policy")
    assert loaded.tls is not None
    assert (loaded.tls.certificate, loaded.tls.key) == (str(tmp_path / "tls" / "tls.crt"), "/tls/tls.key")
    assert loaded.audit.path == str(tmp_path / "audit.jsonl")
    assert _load(tmp_path, FULL).audit.path == "-"


def test_the_environment_overrides_scalars_at_any_depth(tmp_path: Path) -> None:
    """A variable names a scalar by its path, of a list by its index, whether or not the file has the key."""
    environment = {
        "EMR_GATEWAY_LISTEN": "127.0.0.1:0",
        "EMR_GATEWAY_REPLICAS": "3",
        "EMR_GATEWAY_POLICY__DIRECTORY": "/elsewhere",
        "EMR_GATEWAY_POLICY__RELOAD_SECONDS": "2.5",
        "EMR_GATEWAY_LIMITS__DRAIN_SECONDS": "0",
        "EMR_GATEWAY_TELEMETRY__JOB_TRACEPARENT": "false",
        "EMR_GATEWAY_TARGETS__0__REGION": "eu-west-1",
        "EMR_GATEWAY_TARGETS__0__ACCOUNT": "000000000001",
        "EMR_GATEWAY_TARGETS__0__ENDPOINT_URL": "http://127.0.0.1:1",
        "EMR_GATEWAY_IDENTITY__INSECURE__CALLER": "1234",
    }
    loaded = _load(tmp_path, _written(BASE), environment)
    (target,) = loaded.targets
    assert (loaded.listen, loaded.replicas) == ("127.0.0.1:0", 3)
    assert (loaded.policy.directory, loaded.policy.reload_seconds) == ("/elsewhere", 2.5)
    assert (loaded.limits.drain_seconds, loaded.telemetry.job_traceparent) == (0, False)
    assert (target.region, target.account, target.endpoint_url) == ("eu-west-1", "000000000001", "http://127.0.0.1:1")
    assert loaded.identity.insecure is not None
    assert loaded.identity.insecure.caller == "1234"


def test_variables_that_name_no_scalar_are_ignored(tmp_path: Path) -> None:
    """Kubernetes injects EMR_GATEWAY_PORT and its kin beside a Service of that name; sections are no scalars either."""
    environment = {
        "EMR_GATEWAY_PORT": "tcp://10.0.0.1:50051",
        "EMR_GATEWAY_PORT_50051_TCP_ADDR": "10.0.0.1",
        "EMR_GATEWAY_SERVICE_HOST": "10.0.0.1",
        "EMR_GATEWAY_SERVICE_PORT": "50051",
        "EMR_GATEWAY_": "x",
        "EMR_GATEWAY___": "x",
        "EMR_GATEWAY_LIMITS": "x",
        "EMR_GATEWAY_TARGETS": "x",
        "EMR_GATEWAY_TARGETS__0": "x",
        "EMR_GATEWAY_TARGETS__1__NAME": "x",
        "EMR_GATEWAY_TARGETS__X__NAME": "x",
        "EMR_GATEWAY_TARGETS__0__APPLICATIONS": "x",
        "EMR_GATEWAY_LISTEN__PORT": "x",
        "EMR_GATEWAYS_LISTEN": "x",
        "LISTEN": "x",
    }
    assert _load(tmp_path, FULL, environment) == _load(tmp_path, FULL)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, a directory, or not UTF-8: one problem that names the file."""
    (tmp_path / "latin1.yaml").write_bytes(b"listen: \xff\n")
    for name, words in (("missing.yaml", "No such file"), (".", "directory"), ("latin1.yaml", "not UTF-8")):
        with pytest.raises(ConfigurationError) as raised:
            gateway.load(tmp_path / name, {})
        (problem,) = raised.value.problems
        assert problem.file == str(tmp_path / name)
        assert words in problem.message


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from(["127.0.0.1:1", "**"])
)
_KEYS = st.one_of(
    st.sampled_from(sorted({*Settings.model_fields, "insecure", "mtls", "jwt", "kind"})), st.text(max_size=4)
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=8
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_any_file_loads_or_has_problems(tmp_path_factory: pytest.TempPathFactory, change: dict[str, Any]) -> None:
    """Whatever stands under whichever key, there is nothing but settings or a ConfigurationError with a problem."""
    folder = tmp_path_factory.getbasetemp()
    _load_or_refuse(folder, yaml.safe_dump({**BASE, **change}, allow_unicode=True))


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"\n\t #?,%@`0\\~\u00e9\ufeff\x85\x00"), max_size=40))
def test_any_text_loads_or_has_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """The same for texts made of YAML's own punctuation."""
    _load_or_refuse(tmp_path_factory.getbasetemp(), text)


def _load_or_refuse(folder: Path, text: str) -> None:
    problems: tuple[object, ...] = ("loaded",)
    try:
        _load(folder, text)
    except ConfigurationError as error:
        problems = error.problems
    assert problems
