"""`policy schema`: editors accept what loads, and complain of what they can see."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from emrgateway_server import engines, yamlfile
from emrgateway_server.policytool.descriptions import DESCRIPTIONS
from emrgateway_server.yamlfile import ConfigurationError

from .support import Command, process

_ROOT = Path(__file__).parents[2]
_HERE = Path(__file__).parent
# Mistakes of form: each of these files holds one that an editor can show.
_OF_FORM = (
    *(f"policy/bad/{name}.yaml" for name in (
        "unknown_action", "empty_actions", "no_applications", "bad_runs", "bad_mode", "bad_document_mode", "no_id",
        "bad_otherwise", "silent_rule", "no_field", "empty_callers", "text_for_a_list", "text_for_a_rule", "no_kind",
        "no_version", "other_version", "bad_name", "unknown_key_of_metadata", "exception_without_reason",
        "exception_until_some_time", "exception_with_an_unknown_key", "cel_that_is_no_text",
    )),
    *(f"policytool/bad/{name}.yaml" for name in (
        "no_cases", "empty_cases", "unknown_key", "unknown_key_of_want", "no_verdict", "other_verdict", "bad_caller",
        "unknown_action", "three_mistakes", "text_for_a_case",
    )),
)  # fmt: skip


def _documents(file: Path) -> list[object]:
    found, _ = yamlfile.read(file.read_text(encoding="utf-8"), file=file.name)
    return [document.value for document in found]


def _loads(file: Path, folder: Path) -> bool:
    (folder / file.name).write_bytes(file.read_bytes())
    try:
        engines.load(folder)
    except ConfigurationError:
        return False
    finally:
        (folder / file.name).unlink()
    return True


@pytest.fixture
def validator(command: Command) -> Draft202012Validator:
    """The schema as the command prints it, in the hands of a validator."""
    ran = command("schema")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(ran.json)
    return Draft202012Validator(ran.json)


def test_what_loads_is_accepted(validator: Draft202012Validator, tmp_path: Path) -> None:
    """Every policy file of the project that loads, and every test file, is valid."""
    files = [*_ROOT.glob("deploy/**/*.yaml"), *_HERE.glob("reviews/*.yaml"), *_HERE.parent.glob("policy/**/*.yaml")]
    count = 0
    for file in files:
        documents = _documents(file)
        kinds = {document.get("kind") for document in documents if isinstance(document, dict)}
        if not (kinds & {"Policy", "PolicyTest"}) or not _loads(file, tmp_path):
            continue
        count += 1
        for document in documents:
            assert [error.message for error in validator.iter_errors(document)] == [], file
    assert count > 30


@pytest.mark.parametrize("name", _OF_FORM)
def test_what_an_editor_can_see_is_refused(validator: Draft202012Validator, name: str) -> None:
    """A document with a mistake of form is not valid."""
    documents = _documents(_HERE.parent / name)
    assert not all(validator.is_valid(document) for document in documents)


def test_a_start_needs_roles(validator: Draft202012Validator) -> None:
    """A grant of starts without roles is not valid; one of other actions is."""
    document: dict[str, Any] = {
        "apiVersion": "emrgateway/v1",
        "kind": "Policy",
        "metadata": {"name": "p"},
        "grants": [{"actions": ["get"], "applications": ["**"]}],
    }
    assert validator.is_valid(document)
    wrong = copy.deepcopy(document)
    wrong["grants"][0]["actions"].append("start")
    assert not validator.is_valid(wrong)


def test_every_key_is_described(validator: Draft202012Validator) -> None:
    """An editor shows what each key means; no description is of a key that is not there."""
    described = {
        name: {key: inner.get("description") for key, inner in definition["properties"].items()}
        for name, definition in _definitions(validator.schema)
    }
    assert described == {name: dict(keys) for name, keys in DESCRIPTIONS.items()}


def _definitions(schema: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a JSON Schema
    return iter(schema["$defs"].items())


def test_as_a_process() -> None:
    """It is printed whole and alone."""
    ran = process("schema")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["title"] == "EMR Gateway policy documents"
