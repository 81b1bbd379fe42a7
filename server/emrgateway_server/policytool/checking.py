"""`policy check`: every mistake of a policy directory, and what a careful reviewer would say of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from emrgateway_server.policy.loading import read_directory
from emrgateway_server.policytool import cases, inputs
from emrgateway_server.policytool.arguments import DIFFERENT, DONE
from emrgateway_server.policytool.cases import Case
from emrgateway_server.policytool.reviews import Book, configured, expectations, warnings
from emrgateway_server.policytool.terminal import complain, printable, say
from emrgateway_server.yamlfile import ConfigurationError, Document, Problem


def run(arguments: argparse.Namespace) -> int:
    """Check a directory; the exit code. `ConfigurationError` with all its mistakes."""
    config = inputs.configuration(arguments)
    problems: list[Problem] = []
    engine = None
    try:
        engine = inputs.engine(arguments.directory, config)
    except ConfigurationError as error:
        problems += error.problems
    documents, _ = read_directory(arguments.directory)  # what is wrong with these, the engine's loading told
    tests, found = cases.load(documents, inputs.prices(config))
    problems += found
    if problems or engine is None:
        raise ConfigurationError(sorted(problems))
    book = Book(engine.policies, documents, arguments.today or datetime.now(UTC).date())
    told = [*warnings(book), *expectations.review(book, tests)]
    if config is not None:
        told += configured.review(book, config, arguments.config)
    for problem in sorted(told):
        complain(printable(str(problem)))
    say(_summary(arguments.directory, book, documents, tests, told))
    return DIFFERENT if arguments.strict and told else DONE


def _summary(
    directory: str, book: Book, documents: Sequence[Document], tests: Sequence[Case], told: Sequence[Problem]
) -> str:
    policies = book.policies
    parts = [
        _counted(len(book.documents), "policy", "policies"),
        _counted(len(policies.grants), "grant"),
        _counted(len(policies.rules), "rule"),
        _counted(len(policies.exemptions), "exception"),
        _counted(len(tests), "test case"),
    ]
    files = len({document.file for document in documents})
    return f"{directory}: {', '.join(parts)} in {_counted(files, 'file')}: no error, {_counted(len(told), 'warning')}"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
