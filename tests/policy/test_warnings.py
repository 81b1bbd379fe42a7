"""What `policy check` warns of is certain: no request shows it to be untrue."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import assume, event, given, settings

from emrgateway_server import engines
from emrgateway_server.caller import Caller
from emrgateway_server.policy import Engine, Verdict
from emrgateway_server.policy.loading import read_directory
from emrgateway_server.policytool.reviews import Book, warnings
from emrgateway_server.yamlfile import ConfigurationError

from .generating import Policies
from .strategies import CALLERS, DOCUMENTS, REQUESTS, SETTINGS
from .support import written

_TODAY = date(2026, 11, 1)
_OF_A_RULE = re.compile(r"(\w/r\d+) (decides nothing|can never match|refuses every start)")
_OF_A_VALUE = re.compile(r"(\w/r\d+) refuses (?:its own|(\w/r\d+)'s)")
_OF_A_GRANT = re.compile(r"this grant can never match|no start can come by this grant")


def _loaded(documents: Policies) -> tuple[Engine, Book] | None:
    with TemporaryDirectory() as folder:
        written(Path(folder), documents)
        try:
            engine = engines.load(folder)
        except ConfigurationError:
            return None
        return engine, Book(engine.policies, read_directory(folder)[0], _TODAY)


def _without(engine: Engine, **parts: Any) -> Engine:  # noqa: ANN401 - grants or rules
    return Engine(dataclasses.replace(engine.policies, **parts), engines.message_of)


def _grants_by_place(book: Book) -> dict[tuple[int, int], int]:
    places: dict[tuple[int, int], int] = {}
    for index, (_, (document, path)) in enumerate(book.grants):
        for inner in ((), ("roles",), ("applications",)):
            told = document.problem((*path, *inner), "")
            places[told.line, told.column] = index
    return places


@given(DOCUMENTS, CALLERS, REQUESTS)
@settings(SETTINGS, max_examples=300)
def test_warnings_are_true(documents: Policies, caller: tuple[str, Mapping[str, str]], request: dict[str, Any]) -> None:
    """Whatever the request, each warning that tells of what a rule or a grant does not do is true of it.

    Without a rule that decides nothing, or a grant that starts nothing, the request is treated the same; a rule that
    never matches is not in force; one that refuses everything does; where a value is given that is refused, the request
    is.
    """
    loaded = _loaded(documents)
    assume(loaded is not None)
    assert loaded is not None
    engine, book = loaded
    decision = engine.judge(Caller(*caller), request, {}, _TODAY)

    def treats_the_same(other: Engine) -> bool:
        judged = other.judge(Caller(*caller), request, {}, _TODAY)
        return (judged.allowed, judged.request) == (decision.allowed, decision.request)

    for problem in warnings(book):
        rule, grant = _OF_A_RULE.match(problem.message), _OF_A_GRANT.match(problem.message)
        value = _OF_A_VALUE.match(problem.message)
        event((rule and rule[2]) or (grant and grant[0]) or (value and "refuses a value") or "another")
        if rule and rule[2] == "decides nothing":
            rest = tuple(each for each in engine.policies.rules if each.id != rule[1])
            assert treats_the_same(_without(engine, rules=rest))
        elif rule and rule[2] == "can never match":
            assert rule[1] not in decision.applied
        elif rule and rule[2] == "refuses every start":
            assert rule[1] not in decision.applied or not decision.allowed
        elif value:
            gave = {outcome.rule_id for outcome in decision.outcomes if outcome.verdict is Verdict.CHANGED}
            assert (value[2] or value[1]) not in gave or not decision.allowed
        elif grant:
            index = _grants_by_place(book)[problem.line, problem.column]
            grants = engine.policies.grants
            assert treats_the_same(_without(engine, grants=grants[:index] + grants[index + 1 :]))
