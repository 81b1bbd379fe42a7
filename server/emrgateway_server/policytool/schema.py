"""`policy schema`: JSON Schema of the policy documents, for editors, made from the models that load them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import models_json_schema

from emrgateway_server.policy import document as form
from emrgateway_server.policytool import testform
from emrgateway_server.policytool.arguments import DONE
from emrgateway_server.policytool.descriptions import DESCRIPTIONS
from emrgateway_server.policytool.terminal import say

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_VERBS = ("set", "default", "fixed", "required", "forbidden", "allow", "deny", "pattern", "min", "max", "check")


class Policy(form.Shell):
    """What callers may run, and how: grants allow, rules amend and refuse, exceptions take rules away for a time."""

    grants: tuple[form.Grant, ...] = ()
    rules: tuple[form.Rule, ...] = ()
    exceptions: tuple[form.Exemption, ...] = ()


class PolicyTest(testform.SuiteShell):
    """Requests, and what the policies of the same directory must make of them (`emr-gateway policy test`)."""

    cases: Annotated[tuple[testform.Case, ...], Field(min_length=1)]


# What the models say in code, of the whole and of its keys.
_BESIDES_OF_KEYS: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("Exemption", "until"): {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
}
_BESIDES: Mapping[str, Mapping[str, object]] = {
    "Grant": {
        "if": {"properties": {"actions": {"contains": {"const": "start"}}}, "required": ["actions"]},
        "then": {"required": ["roles"]},
    },
    "Rule": {
        "allOf": [
            {"anyOf": [{"required": [verb]} for verb in _VERBS]},
            {"anyOf": [{"required": ["field"]}, {"required": ["check"]}]},
        ]
    },
}


def run(_: argparse.Namespace) -> int:
    """Print the schema; 0."""
    say(json.dumps(schema(), indent=2))
    return DONE


def schema() -> dict[str, Any]:
    """The schema of either kind of document, told apart by `kind`, so that an editor complains of the right one."""
    _, made = models_json_schema([(Policy, "validation"), (PolicyTest, "validation")], ref_template="#/$defs/{model}")
    definitions = made["$defs"]
    for name, definition in definitions.items():
        definition.update(_BESIDES.get(name, {}))
        for key, described in definition.get("properties", {}).items():
            _clean(described)
            described.update(_BESIDES_OF_KEYS.get((name, key), {}), description=DESCRIPTIONS[name][key])
    kinds = ("Policy", "PolicyTest")
    return {
        "$schema": DIALECT,
        "title": "EMR Gateway policy documents",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"kind": {"enum": list(kinds), "description": "What the document is."}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": f"#/$defs/{kind}"}}
            for kind in kinds
        ],
        "$defs": definitions,
    }


def _clean(described: dict[str, Any]) -> None:
    """Without what pydantic says for programs: a title that is the key again, and null, which no file may say."""
    described.pop("title", None)
    if described.get("default", ...) is None:
        del described["default"]
    branches = [each for each in described.pop("anyOf", []) if each != {"type": "null"}]
    described.update({"anyOf": branches} if len(branches) > 1 else dict(*branches))
