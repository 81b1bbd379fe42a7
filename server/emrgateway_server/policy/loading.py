"""A policy directory → compiled policies, or every mistake in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from emrgateway_server import yamlfile, yamlmodel
from emrgateway_server.policy import document as form
from emrgateway_server.policy.compiling import Compiler
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.rules import Policies
from emrgateway_server.yamlfile import ConfigurationError, Document, Problem

_KINDS = ("Policy", "PolicyTest")


def load_directory(directory: str | Path, prices: Prices | None = None, *, serving: bool = False) -> Policies:
    """All policies of a directory, or `ConfigurationError` with every mistake of every file.

    `prices` are what `max_cost_usd` is computed with: without them, a rule on it denies, or is a mistake where this is
    `serving`.
    """
    documents, problems = read_directory(directory)
    policies: list[tuple[form.Shell, Document]] = []
    for document in documents:
        if _kind(document, problems) == "Policy":
            policy, found = yamlmodel.parsed(form.Shell, document, stand_ins=form.STAND_INS["Shell"])
            problems += found
            if policy is not None:
                policies.append((policy, document))
    compiler = Compiler(prices, serving=serving)
    for policy, document in sorted(policies, key=lambda pair: pair[0].metadata.name):
        compiler.add(policy, document)
    problems += compiler.problems()
    if problems:
        raise ConfigurationError(sorted(problems))
    digest = _digest([document for _, document in policies])
    return Policies(digest, tuple(compiler.grants), tuple(compiler.rules), tuple(compiler.exemptions), prices)


def read_directory(directory: str | Path) -> tuple[list[Document], list[Problem]]:
    """Every YAML document directly in a directory, read together.

    A ConfigMap's files are links into `..data`, which is swapped whole: it is resolved once, so that one load never
    mixes two versions.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    base = Path(directory)
    try:
        data = base / "..data"
        source = data.resolve(strict=True) if data.is_symlink() else base
        files = sorted(path for path in source.iterdir() if path.suffix in (".yaml", ".yml") and _is_meant(path))
        for path in files:
            _read_file(path, str(base / path.name), documents, problems)
    except OSError as error:
        problems.append(Problem(str(directory), 0, 0, f"cannot be read: {error.strerror}"))
    return documents, problems


def _is_meant(path: Path) -> bool:
    """Whether it is a file, or a link to one that is gone: left out without a word, its rules would be too."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _read_file(path: Path, name: str, documents: list[Document], problems: list[Problem]) -> None:
    if path.name.startswith("."):
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        problems.append(Problem(name, 0, 0, "cannot be read: not UTF-8"))
        return
    except OSError as error:
        problems.append(Problem(name, 0, 0, f"cannot be read: {error.strerror}"))
        return
    found, wrong = yamlfile.read(text, file=name)
    problems += wrong
    documents += [document for document in found if document.value is not None or document.spoiled]


def _kind(document: Document, problems: list[Problem]) -> str | None:
    value = document.value
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind in _KINDS:
        return str(kind)
    if not isinstance(value, dict):
        problems.append(document.problem((), "a policy document is a mapping with apiVersion, kind and metadata"))
        return None
    if ("kind",) not in document.spoiled:
        problems.append(document.problem(("kind",), f"kind must be one of {', '.join(_KINDS)}"))
    if not {"grants", "rules"} & value.keys():
        return None
    value["kind"] = "Policy"  # by its look: so that its other mistakes are told too
    return "Policy"


def _said(document: Document, value: object, path: yamlfile.Path = ()) -> object:
    """What stands at a path, numbers as the file writes them: where a field is a string, 1.10 is not 1.1."""
    if isinstance(value, dict):
        return {key: _said(document, item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_said(document, item, (*path, index)) for index, item in enumerate(value)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"number": document.texts[path]} if is_number else value


def _digest(documents: Sequence[Document]) -> str:
    """The digest of what the documents say, whatever their files, order of keys or comments."""
    said = sorted(
        json.dumps(_said(document, document.value), sort_keys=True, separators=(",", ":")) for document in documents
    )
    return "sha256:" + hashlib.sha256("\n".join(said).encode()).hexdigest()
