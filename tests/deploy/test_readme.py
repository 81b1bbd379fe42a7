"""What deploy/README.md tells to do can be done."""

from __future__ import annotations

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from emrgateway_server import settings

from . import chart

FOLDER = chart.ROOT / "deploy"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
VALUES, POD = map(yaml.safe_load, re.findall(r"<!-- tested: tests/deploy -->\n```yaml\n(.*?)```", README, re.DOTALL))


class _Template(yaml.SafeLoader):
    """CloudFormation's YAML: its functions are tags, and what they give is of no matter here."""


_Template.add_multi_constructor("!", lambda *_: None)


def test_the_values_install() -> None:
    """They render, and the gateway takes the configuration that they come to."""
    assert chart.linted(VALUES) == []
    for manifest in chart.rendered(VALUES):
        if manifest["apiVersion"].partition("/")[0] not in {"cert-manager.io", "monitoring.coreos.com"}:
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_configuration_is_one(tmp_path: Path) -> None:
    """gateway.yaml of these values has no mistake."""
    file = tmp_path / "gateway.yaml"
    file.write_text(
        chart.one(chart.rendered(VALUES), "ConfigMap", "emr-gateway")["data"]["gateway.yaml"], encoding="utf-8"
    )
    assert settings.read(file, {}).problems == []


def test_the_token_is_for_this_gateway() -> None:
    """The caller's pod is one, and its token has the audience that the gateway asks for."""
    kubernetes_validate.validate(POD, kubernetes_validate.latest_version(), strict=True)
    (volume,) = POD["spec"]["volumes"]
    (issuer,) = VALUES["config"]["identity"]["jwt"]
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["audience"] == issuer["audience"]


@pytest.mark.parametrize("template", ["gateway", "target"])
def test_the_stacks_get_their_parameters(template: str) -> None:
    """Each parameter that a command gives is one of the template's, and none that is needed is left out."""
    command = README.partition(f"--template-file deploy/aws/{template}.yaml")[2].partition("$ ")[0].partition("```")[0]
    given = set(re.findall(r"(\w+)=", command.partition("--parameter-overrides")[2]))
    text = (FOLDER / "aws" / f"{template}.yaml").read_text(encoding="utf-8")
    parameters = yaml.load(text, Loader=_Template)["Parameters"]  # noqa: S506 - safe, by its base
    assert given <= parameters.keys()
    assert {name for name, parameter in parameters.items() if "Default" not in parameter} <= given


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    """Each file that the page points to is there."""
    assert (FOLDER / target).exists()


def test_sections_that_are_pointed_to_are_there() -> None:
    """Each link within the page has its heading."""
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", README, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


def test_panels_that_are_named_are_there() -> None:
    """Each panel of the dashboard that the runbook sends to is one."""
    titles = set(re.findall(r'"title": "([^"]+)"', (FOLDER / "grafana" / "emr-gateway.json").read_text("utf-8")))
    named = set(re.findall(r"\*([A-Z][^*\n]+)\*(?!\*)", README.partition("## Runbook")[2]))
    assert named
    assert named <= titles


def test_make_has_the_targets() -> None:
    """Each `make` target that the page names is in the Makefile."""
    targets = re.findall(r"^([a-z-]+):", (chart.ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make\s([a-z]+)", README)) <= set(targets)
