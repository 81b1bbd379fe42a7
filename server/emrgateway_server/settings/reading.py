"""A file and the environment → settings, and every mistake in them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emrgateway_server import yamlfile, yamlmodel
from emrgateway_server.settings.contradictions import contradictions
from emrgateway_server.settings.overrides import override
from emrgateway_server.settings.sections import Settings
from emrgateway_server.yamlfile import ConfigurationError, Document, Problem


def environment() -> Mapping[str, str]:
    """The process's environment."""
    return os.environ


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: `settings` is None where it says too little, and what the rest of it says beside `problems`."""

    document: Document
    settings: Settings | None
    problems: Sequence[Problem]


def load(file: str | Path, environment: Mapping[str, str]) -> Settings:
    """The settings of a file with the environment's overrides, or `ConfigurationError` with every mistake in it."""
    reading = read(file, environment)
    if reading.problems or reading.settings is None:
        raise ConfigurationError(reading.problems)
    return reading.settings


def read(file: str | Path, environment: Mapping[str, str]) -> Reading:
    """What a file says with the environment's overrides; `ConfigurationError` where it cannot be read at all."""
    name = str(file)
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigurationError([Problem(name, 0, 0, f"cannot be read: {reason}")]) from error
    documents, problems = yamlfile.read(text, file=name)
    if len(documents) > 1:
        problems.append(documents[1].problem((), "one document is expected, and this is a second"))
    if problems and not documents:
        raise ConfigurationError(sorted(problems))
    document = documents[0] if documents else Document(name, {})
    document.value = {} if document.value is None else document.value
    if isinstance(document.value, dict):
        override(document, environment)
    settings, found = yamlmodel.parsed(Settings, document, context={"directory": Path(file).parent})
    return Reading(document, settings, sorted([*problems, *found, *contradictions(document)]))
