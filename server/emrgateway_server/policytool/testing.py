"""`policy test`: the cases of a directory's PolicyTest documents against its policies."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence

from emrgateway_server import settings
from emrgateway_server.policy.loading import read_directory
from emrgateway_server.policytool import cases, inputs, junit
from emrgateway_server.policytool.arguments import DIFFERENT, DONE
from emrgateway_server.policytool.coverage import Coverage, covered
from emrgateway_server.policytool.inputs import Unusable
from emrgateway_server.policytool.terminal import Paint, say
from emrgateway_server.policytool.trying import Mismatch, Result, attempt
from emrgateway_server.yamlfile import ConfigurationError


def run(arguments: argparse.Namespace) -> int:
    """Run all cases; the exit code."""
    engine = inputs.engine(arguments.directory, inputs.configuration(arguments))
    documents, _ = read_directory(arguments.directory)  # what is wrong with these, the engine's loading told
    found, problems = cases.load(documents, engine.policies.prices)
    if problems:
        raise ConfigurationError(sorted(problems))
    if not found:
        raise Unusable(f"{arguments.directory}: error: holds no case: write a document of kind: {cases.KIND}")
    results = [attempt(case, engine) for case in found]
    coverage = covered(engine.policies, results)
    say("\n".join(_told(results, coverage, arguments)))
    if arguments.junit:
        _write(arguments.junit, results)
    return DONE if all(result.passed for result in results) else DIFFERENT


def _write(file: str, results: Sequence[Result]) -> None:
    plain = Paint(io.StringIO(), {})
    try:
        junit.write(file, results, ["\n".join(_failed(result, plain)) for result in results])
    except OSError as error:
        raise Unusable(f"{file}: error: cannot be written: {error.strerror}") from error


def _told(results: Sequence[Result], coverage: Coverage, arguments: argparse.Namespace) -> Iterator[str]:
    paint = Paint(sys.stdout, settings.environment())
    failed = [result for result in results if not result.passed]
    for result in failed:
        yield from _failed(result, paint)
        yield ""
    if arguments.coverage:
        yield from _uncovered("no case put in force", coverage.never_in_force, paint)
        yield from _uncovered("in force, and never had anything to decide", coverage.never_decided, paint)
    passed = paint(f"{len(results) - len(failed)} passed", "green")
    more = f", {paint(f'{len(failed)} failed', 'red')}" if failed else ""
    hint = "" if arguments.coverage or coverage.decided == len(coverage.rules) else " (--coverage lists the others)"
    yield f"{passed}{more}; {coverage.decided} of {len(coverage.rules)} rules decided something in a case{hint}"


def _failed(result: Result, paint: Paint) -> Iterator[str]:
    case = result.case
    yield f"{paint('FAILED', 'red')} {paint(f'{case.suite}: {case.name}', 'bold')}"
    file, line = case.place
    yield paint(f"  {file}:{line}", "faint")
    for mismatch in result.mismatches:
        yield from _mismatch(mismatch, paint)


def _mismatch(mismatch: Mismatch, paint: Paint) -> Iterator[str]:
    yield f"  {paint(mismatch.what)}"
    yield f"    want {paint(mismatch.want, 'green')}"
    yield f"    got  {paint(mismatch.got, 'red')}"
    for outcome in mismatch.outcomes:
        yield f"      {paint(outcome.rule_id, 'bold')}  {paint(outcome.field)}: {paint(outcome.message)}"


def _uncovered(title: str, rules: Sequence[str], paint: Paint) -> Iterator[str]:
    if rules:
        yield f"{paint(title, 'yellow')}:"
        yield from (f"  {paint(rule)}" for rule in rules)
        yield ""
