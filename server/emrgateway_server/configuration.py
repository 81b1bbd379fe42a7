"""gateway.yaml with all that it names: every mistake of both is told at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from emrgateway_server import engines, outside, settings
from emrgateway_server.settings import Settings
from emrgateway_server.yamlfile import ConfigurationError, Document, Problem


@contextmanager
def loaded(file: str, environment: Mapping[str, str]) -> Iterator[Settings]:
    """The settings of a file, or `ConfigurationError` with every mistake of the file and of what it names.

    Where one is raised inside and tells no more than a key's name, that key's place is added.
    """
    read = settings.read(file, environment)
    base = Path(file).parent
    problems = [*read.problems, *outside.mistakes(read.document, base)]
    if problems or read.settings is None:
        raise ConfigurationError(sorted([*problems, *_mistakes_of_policy(read.document, base)]))
    try:
        yield read.settings
    except ConfigurationError as error:
        raise ConfigurationError(sorted(map(read.document.placed, error.problems))) from error


def _mistakes_of_policy(document: Document, base: Path) -> tuple[Problem, ...]:
    """Told here for a file that does not serve: one that does loads its policy anyway."""
    directory = outside.directory(document, base)
    try:
        if directory is not None:
            engines.load(directory)
    except ConfigurationError as error:
        return error.problems
    return ()
