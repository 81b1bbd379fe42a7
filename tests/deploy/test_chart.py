"""The chart renders what Kubernetes and the gateway itself accept, and refuses values that neither would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python import Chart, HelmError
from kubernetes_validate import utils

from emrgateway_server import settings, yamlmodel
from emrgateway_server.settings import Limits, Settings

from . import chart

COMMAND = Path(sys.executable).with_name("emr-gateway")
VERSIONS = utils.all_versions()[-4:]
# Of the operators that bring them: no version of Kubernetes knows these.
FOREIGN = {"Certificate", "PrometheusRule", "ServiceMonitor"}
LAST_WORDS_SECONDS = 5  # answers on their way out, the last spans, what the ledger writes behind
BAD = yaml.safe_load(Path(__file__).with_name("bad_values.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", chart.NAMES)
def test_helm_has_no_word_against_it(name: str) -> None:
    """`helm lint --strict` finds nothing, with any of the values files."""
    assert chart.linted(chart.values(name)) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", chart.NAMES)
def test_kubernetes_takes_it(name: str, version: str) -> None:
    """Each manifest is one of Kubernetes' last four versions, strictly: no key of it is unknown there."""
    for manifest in chart.manifests(name):
        if manifest["kind"] not in FOREIGN:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validator_looks() -> None:
    """A misspelled key of a container is seen."""
    deployment = chart.rendered(chart.values("minimal"))
    (container,) = chart.one(deployment, "Deployment")["spec"]["template"]["spec"]["containers"]
    container["readinesProbe"] = container.pop("readinessProbe")
    with pytest.raises(kubernetes_validate.ValidationError, match="readinesProbe"):
        kubernetes_validate.validate(chart.one(deployment, "Deployment"), VERSIONS[-1], strict=True)


def test_it_can_be_packed(tmp_path: Path) -> None:
    """The archive that is published renders the same, rules and dashboard with it, which are links in the folder."""
    with Chart.load(chart.FOLDER) as folder, Chart.load(folder.save(tmp_path)) as packed:
        texts = (each.render(chart.values("production"), name=chart.NAME) for each in (folder, packed))
        assert next(texts) == next(texts)
    assert "EmrGatewayDown" in str(chart.one(chart.manifests("production"), "PrometheusRule"))


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["name"])
def test_bad_values_are_refused(case: dict[str, Any]) -> None:
    """Values that could not work are refused before anything is installed, and the message names them."""
    with pytest.raises(HelmError, match=re.escape(case["says"])):
        chart.rendered(chart.changed(case["values"], case["changes"]))


@pytest.mark.parametrize("name", chart.NAMES)
def test_the_gateway_takes_its_configuration(name: str, tmp_path: Path) -> None:
    """gateway.yaml, as the ConfigMap holds it and with the pod's own environment, is read without a mistake."""
    file = tmp_path / "gateway.yaml"
    file.write_text(_configuration(name), encoding="utf-8")
    container = _container(name)
    environment = {each["name"]: str(each.get("value", "out-of-a-secret")) for each in container["env"]}
    read = settings.read(file, environment)
    assert read.problems == []
    assert read.settings is not None
    if name == "production":
        assert {target.assume_role and target.assume_role.external_id for target in read.settings.targets} == {
            "out-of-a-secret"
        }


@pytest.mark.parametrize("name", ["production", "tokens"])
def test_the_policy_loads_as_it_is_mounted(name: str, tmp_path: Path) -> None:
    """`policy check --strict` reads the ConfigMap the way the kubelet lays it out: links into `..data`."""
    files = chart.one(chart.manifests(name), "ConfigMap", f"{_fullname(name)}-policy")["data"]
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    for file, text in files.items():
        (tmp_path / "..2026" / file).write_text(text, encoding="utf-8")
        (tmp_path / file).symlink_to(f"..data/{file}")
    ran = subprocess.run(
        [COMMAND, "policy", "check", "--strict", tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_values_hold_each_key_of_the_configuration() -> None:
    """What gateway.yaml may say is in the chart's schema, section by section, or the chart writes it."""
    schema = yaml.safe_load((chart.FOLDER / "values.schema.json").read_text(encoding="utf-8"))
    said = schema["properties"]["config"]["properties"]
    assert set(said) == set(Settings.model_fields) - {"listen", "listen_token", "metrics", "tls", "replicas"}
    written = {"identity": {"insecure"}, "policy": {"directory"}}
    for name, section in said.items():
        if section.get("additionalProperties") is False:
            model: Any = yamlmodel.model_in(Settings.model_fields[name].annotation)
            assert set(section["properties"]) == set(model.model_fields) - written.get(name, set()), name


@pytest.mark.parametrize("name", chart.NAMES)
def test_the_schema_knows_every_value(name: str) -> None:
    """Each key of values.yaml is in the schema, so that none is free to be misspelled."""
    defaults = yaml.safe_load((chart.FOLDER / "values.yaml").read_text(encoding="utf-8"))
    schema = yaml.safe_load((chart.FOLDER / "values.schema.json").read_text(encoding="utf-8"))
    assert set(schema["properties"]) - {"global"} == set(defaults) >= set(chart.values(name))


@pytest.mark.parametrize("name", chart.NAMES)
def test_what_is_in_flight_has_the_time_it_is_promised(name: str) -> None:
    """Kubernetes kills no pod before its pause, its drain and its last words are over."""
    pod = _pod(name)
    limits = Limits.model_validate(yaml.safe_load(_configuration(name)).get("limits", {}))
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    served = pause + limits.drain_pause_seconds + limits.drain_seconds
    assert pod["terminationGracePeriodSeconds"] >= served + LAST_WORDS_SECONDS


@pytest.mark.parametrize(
    ("name", "changes", "replicas"),
    [("minimal", {}, 1), ("tokens", {"replicaCount": 4}, 4), ("production", {}, 9)],
)
def test_the_rates_are_shared_among_all_that_there_may_be(name: str, changes: dict[str, Any], replicas: int) -> None:
    """`replicas` is the Deployment's, or the most that the autoscaler may make, whose Deployment names none."""
    documents = chart.rendered(chart.changed(name, changes))
    said = yaml.safe_load(chart.one(documents, "ConfigMap", _fullname(name))["data"]["gateway.yaml"])
    assert said["replicas"] == replicas
    spec = chart.one(documents, "Deployment")["spec"]
    scaled = [each["spec"]["maxReplicas"] for each in documents if each["kind"] == "HorizontalPodAutoscaler"]
    assert (scaled or [spec["replicas"]]) == [replicas]
    assert bool(scaled) == ("replicas" not in spec)


@pytest.mark.parametrize(
    ("changes", "restarts"),
    [
        ({"policy.files": {"other.yaml": "x"}}, False),
        ({"monitoring.rules.enabled": False}, False),
        ({"config.limits": {"drain_seconds": 60}}, True),
        ({"autoscaling.maxReplicas": 12}, True),
    ],
)
def test_pods_restart_where_they_must(changes: dict[str, Any], restarts: bool) -> None:  # noqa: FBT001 - a table
    """A change of gateway.yaml makes new pods; one of policy, which is read again by itself, does not."""
    before, after = (
        chart.one(documents, "Deployment")["spec"]["template"]
        for documents in (chart.manifests("production"), chart.rendered(chart.changed("production", changes)))
    )
    assert (before != after) == restarts


@pytest.mark.parametrize("name", chart.NAMES)
def test_pods_hold_no_more_than_they_need(name: str) -> None:
    """Non-root by number, read-only, no capability, no token of Kubernetes', no variables of other services."""
    pod, container = _pod(name), _container(name)
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


@pytest.mark.parametrize("name", chart.NAMES)
def test_mounted_files_change_in_place(name: str) -> None:
    """No volume is mounted by subPath, and each that is mounted is there, no more."""
    mounts = _container(name)["volumeMounts"]
    assert not any("subPath" in mount for mount in mounts)
    assert {mount["name"] for mount in mounts} == {volume["name"] for volume in _pod(name)["volumes"]}


@pytest.mark.parametrize("name", chart.NAMES)
def test_what_the_configuration_names_is_mounted(name: str) -> None:
    """Certificate, key, authority and policy are where gateway.yaml looks for them."""
    said = yaml.safe_load(_configuration(name))
    folders = {mount["mountPath"]: mount["name"] for mount in _container(name)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in _pod(name)["volumes"]}
    assert volumes[folders[said["policy"]["directory"]]]["configMap"]["name"]
    sources = volumes[folders["/etc/emr-gateway/tls"]]["projected"]["sources"]
    laid = {item["path"] for source in sources for kind in source.values() for item in kind["items"]}
    assert {f"/etc/emr-gateway/tls/{path}" for path in laid} == set(said["tls"].values())
    assert ("client_ca" in said["tls"]) == ("mtls" in said["identity"])


@pytest.mark.parametrize("name", chart.NAMES)
def test_ports_agree(name: str) -> None:
    """What gateway.yaml listens on is what the container, the Service, the probes and the policy speak of."""
    said = yaml.safe_load(_configuration(name))
    listens = {"grpc": said["listen"], "grpc-token": said.get("listen_token"), "metrics": said["metrics"]}
    ports = {port: int(address.rpartition(":")[2]) for port, address in listens.items() if address}
    container, service = _container(name), chart.one(chart.manifests(name), "Service")["spec"]
    assert {each["name"]: each["containerPort"] for each in container["ports"]} == ports
    assert {each["targetPort"]: each["port"] for each in service["ports"]} == ports
    assert service["clusterIP"] == "None"
    assert {container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "readiness", "liveness")} == {
        "metrics"
    }
    for policy in (each for each in chart.manifests(name) if each["kind"] == "NetworkPolicy"):
        assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == ports.keys()


def test_a_role_comes_by_a_token_of_its_own() -> None:
    """With `aws.roleArn` the pod projects a token for STS; without, it reaches Pod Identity's agent instead."""
    environment = {each["name"]: each.get("value") for each in _container("production")["env"]}
    (token,) = [volume for volume in _pod("production")["volumes"] if volume["name"] == "aws-token"]
    assert environment["AWS_ROLE_ARN"] == chart.values("production")["aws"]["roleArn"]
    assert environment["AWS_WEB_IDENTITY_TOKEN_FILE"] == "/var/run/secrets/emr-gateway/aws/token"  # noqa: S105 - a path
    assert token["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "sts.amazonaws.com"
    assert "AWS_ROLE_ARN" not in {each["name"] for each in _container("tokens")["env"]}
    for name, reached in (("production", False), ("tokens", True)):
        egress = chart.one(chart.manifests(name), "NetworkPolicy")["spec"]["egress"]
        assert ("169.254.170.23/32" in str(egress)) == reached


def _fullname(name: str) -> str:
    return str(chart.values(name).get("fullnameOverride", "emr-gateway"))


def _configuration(name: str) -> str:
    return str(chart.one(chart.manifests(name), "ConfigMap", _fullname(name))["data"]["gateway.yaml"])


def _pod(name: str) -> dict[str, Any]:
    pod: dict[str, Any] = chart.one(chart.manifests(name), "Deployment")["spec"]["template"]["spec"]
    return pod


def _container(name: str) -> dict[str, Any]:
    (container,) = _pod(name)["containers"]
    return dict(container)
