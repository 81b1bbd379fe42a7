"""The chart as a cluster would get it: rendered by Helm's own engine."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from helm_python import Chart, lint

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "helm" / "emr-gateway"
VALUES = sorted((FOLDER / "ci").glob("*-values.yaml"))
NAMES = [file.stem.removesuffix("-values") for file in VALUES]
NAME = "emr-gateway"

Manifest: TypeAlias = dict[str, Any]


@cache
def _chart() -> Chart:
    return Chart.load(FOLDER)


def values(name: str) -> dict[str, Any]:
    """What one of the values files in `ci` says."""
    said: dict[str, Any] = yaml.safe_load((FOLDER / "ci" / f"{name}-values.yaml").read_text(encoding="utf-8"))
    return said


def changed(name: str, changes: Mapping[str, object]) -> dict[str, Any]:
    """Those values, with others at paths such as `tls.secretName`; None takes one away."""
    said = copy.deepcopy(values(name))
    for path, value in changes.items():
        *folders, last = path.split(".")
        at = said
        for folder in folders:
            at = at.setdefault(folder, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return said


def rendered(said: Mapping[str, Any]) -> list[Manifest]:
    """The manifests that values come to."""
    _chart().validate_schema(dict(said))
    texts = _chart().render(dict(said), name=NAME, namespace=NAME)
    documents = (
        document for path, text in texts.items() if path.endswith(".yaml") for document in yaml.safe_load_all(text)
    )
    return [document for document in documents if document]


@cache
def manifests(name: str) -> list[Manifest]:
    """The manifests of one of the values files in `ci`."""
    return rendered(values(name))


def one(documents: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The one manifest of its kind, or of its kind and name."""
    found = [each for each in documents if each["kind"] == kind and name in ("", each["metadata"]["name"])]
    (manifest,) = found
    return manifest


def linted(said: Mapping[str, Any]) -> list[str]:
    """What Helm's own linter has against the chart with these values."""
    report = lint(FOLDER, dict(said), strict=True, namespace=NAME)
    return [*report["errors"], *(each["error"] for each in report["messages"] if each["severity"] > 1)]
