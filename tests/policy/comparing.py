"""The engine and the naive evaluator beside each other, on what a seed makes."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.policy import Decision, Engine, Verdict
from emrgateway_server.yamlfile import ConfigurationError

from . import generating, generating_jobs, naive, naive_case
from .generating import PRICES, TODAY, Policies
from .strategies import loaded

# Submissions judged by each set of policies: loading it takes most of the time.
SUBMISSIONS = 4


@dataclass(frozen=True)
class Triple:
    """Policies, a caller and a request, with the gateway's own tags."""

    documents: Policies
    caller: tuple[str, Mapping[str, str]]
    request: dict[str, Any]
    stamps: Mapping[str, str]

    def smaller(self) -> Iterator[Triple]:
        """The same with one thing less."""
        yield from (replace(self, documents=less) for less in _less(self.documents))
        yield from (replace(self, request=less) for less in _less(self.request))
        yield from (replace(self, stamps=less) for less in _less(self.stamps))
        yield from (replace(self, caller=(self.caller[0], less)) for less in _less(self.caller[1]))


def compared(seed: int, sets: int) -> tuple[Counter[str], dict[str, Triple]]:
    """How many triples came out which way, and each kind of disagreement with the smallest triple that shows it.

    Policies that cannot be loaded, for two values of one field, are left out.
    """
    random = Random(seed)  # noqa: S311 - no secret, and the same again by its seed
    seen: Counter[str] = Counter()
    wrong: dict[str, Triple] = {}
    for _ in range(sets):
        documents = generating.documents(random)
        engine = loaded(documents)
        for _ in range(SUBMISSIONS):
            triple = Triple(
                documents, generating.caller(random), generating_jobs.request(random), generating.stamps(random)
            )
            if engine is None:
                continue
            kind, difference = _outcome(engine, triple)
            seen[kind] += 1
            if difference and difference not in wrong:
                wrong[difference] = _smallest(triple, difference)
    return seen, wrong


def _outcome(engine: Engine, triple: Triple) -> tuple[str, str]:
    """Which way a triple came out, and how the two differ.

    Where readers disagree on a job's parameters, what is said of them is not compared: that they do, is.
    """
    decision = engine.judge(Caller(*triple.caller), triple.request, triple.stamps, TODAY)
    expected = naive.judge(triple.documents, triple.caller, triple.request, triple.stamps, today=TODAY, prices=PRICES)
    unsaid = expected.reading | {"builtin/template"} if expected.is_vague else set()
    denied, warned = (_ids(decision, verdict) - unsaid for verdict in (Verdict.DENIED, Verdict.WARNED))
    differences = {
        "denied": denied != expected.denied - unsaid,
        "warned": warned != expected.warned - unsaid,
        "excepted": set(decision.excepted) != expected.excepted,
        "request": not expected.is_vague and in_words(decision.request) != in_words(expected.request),
        "verdict": not expected.is_vague and decision.allowed is bool(expected.denied),
    }
    different = [] if expected.is_open else [name for name, differs in differences.items() if differs]
    return _kind(decision, triple.request, expected), ", ".join(different)


def _smallest(triple: Triple, difference: str) -> Triple:
    """One of which nothing can be left out: else the difference is another one, or the policies do not load."""
    for less in triple.smaller():
        try:
            engine = loaded(less.documents)
            if engine is not None and _outcome(engine, less)[1] == difference:
                return _smallest(less, difference)
        except (ConfigurationError, KeyError):
            continue  # a part that must be there
    return triple


def _less(value: Any) -> Iterator[Any]:  # noqa: ANN401 - whatever JSON holds
    """A value with one key or item less, at any depth."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []:
        less = copy.copy(value)
        del less[key]
        yield less
        for part in _less(value[key]):
            changed = copy.copy(value)
            changed[key] = part
            yield changed


def _ids(decision: Decision, verdict: Verdict) -> set[str]:
    return {outcome.rule_id for outcome in decision.outcomes if outcome.verdict is verdict}


def _kind(decision: Decision, request: Mapping[str, Any], expected: naive_case.Verdict) -> str:
    changed = "changed" if _ids(decision, Verdict.CHANGED) else "as it was"
    told = "allowed" if decision.allowed else "denied"
    driver = "Spark" if "sparkSubmit" in request["jobDriver"] else "Hive"
    return f"{driver} {told} {changed}{' (open)' if expected.is_open else ' (vague)' if expected.is_vague else ''}"


def in_words(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request with its parameters as the words that they are, its blocks in the order of their classifications.

    Which blanks go with a cut option, and where a block stands, is left open.
    """
    found: dict[str, Any] = copy.deepcopy(dict(request))
    submit = found["jobDriver"].get("sparkSubmit", {})
    if "sparkSubmitParameters" in submit:
        submit["sparkSubmitParameters"] = submit["sparkSubmitParameters"].split()
    blocks = found.get("configurationOverrides", {}).get("applicationConfiguration", [])
    blocks.sort(key=lambda block: block["classification"])
    return found
