"""Documents → grants, rules and exceptions, and what only their meaning shows to be wrong."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from emrgateway_server import yamlmodel
from emrgateway_server.policy import derived
from emrgateway_server.policy import document as form
from emrgateway_server.policy.conflicts import conflicts
from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.parts import Part
from emrgateway_server.policy.rules import Exemption, Grant, Match, Rule
from emrgateway_server.yamlfile import Document, Path, Problem

_Model = TypeVar("_Model", bound=BaseModel)


class Compiler:
    """Takes documents in their order; `grants`, `rules` and `exemptions` are what they come to."""

    def __init__(self, prices: Prices | None, *, serving: bool) -> None:
        self.grants: list[Grant] = []
        self.rules: list[Rule] = []
        self.exemptions: list[Exemption] = []
        self._prices = prices
        self._needs_prices = serving and prices is None
        self._placed: list[tuple[Rule, Document, Path]] = []
        self._names: dict[str, Document] = {}
        self._problems: list[Problem] = []

    def add(self, policy: form.Shell, document: Document) -> None:
        """Compile one document; its mistakes are noted."""
        name = policy.metadata.name
        named = not document.is_told(("metadata", "name"))
        if named and name in self._names:
            other = self._names[name].problem(("metadata", "name"), "")
            self._note(document, ("metadata", "name"), f"{name!r} is the name of {other.file}:{other.line} already")
        if named:
            self._names.setdefault(name, document)
        part = Part(document, self._problems, self._prices)
        match = part.match(policy.match, ("match",))
        for index in range(len(policy.grants)):
            grant = self._parsed(form.Grant, document, ("grants", index))
            if grant is not None:
                self.grants.append(part.grant(grant, ("grants", index), match))
        ids = self._add_rules(policy, document, part, match)
        for index in range(len(policy.exceptions)):
            exemption = self._parsed(form.Exemption, document, ("exceptions", index))
            if exemption is not None:
                self.exemptions.append(part.exemption(exemption, ("exceptions", index), name, ids, match))

    def _add_rules(self, policy: form.Shell, document: Document, part: Part, match: Match) -> set[str] | None:
        """The ids of the document's rules, those that do not compile included; None where some are not known."""
        name = policy.metadata.name
        seen: set[str] = set()
        ids = {document.texts.get(("rules", index, "id"), "") for index in range(len(policy.rules))}
        for index in range(len(policy.rules)):
            path: Path = ("rules", index)
            rule = self._parsed(form.Rule, document, path)
            if rule is None:
                continue
            if rule.id in seen and not document.is_told((*path, "id")):
                self._note(document, (*path, "id"), f"two rules of this policy have the id {rule.id!r}")
            seen.add(rule.id)
            mode = Mode(rule.mode or policy.mode)
            compiled = part.rule(rule, path, f"{name}/{rule.id}", match, mode)
            if compiled is not None:
                if compiled.reads_cost and self._needs_prices:
                    self._note(document, path, f"{derived.COST} needs prices: set them in gateway.yaml")
                self.rules.append(compiled)
                self._placed.append((compiled, document, path))
        return None if "" in ids or ("rules",) in document.told | document.spoiled else ids

    def _parsed(self, model: type[_Model], document: Document, path: Path) -> _Model | None:
        parsed, found = yamlmodel.parsed(model, document, at=path, stand_ins=form.STAND_INS[model.__name__])
        self._problems += found
        return parsed

    def problems(self) -> list[Problem]:
        """Every mistake, those between documents included."""
        return self._problems + conflicts(self._placed)

    def _note(self, document: Document, path: Path, message: str) -> None:
        self._problems.append(document.problem(path, message))
