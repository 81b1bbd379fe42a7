"""One request being judged naively: the rules in force for it, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from . import naive_cel, naive_fields, naive_spark
from .naive_fields import View
from .naive_sizes import Prices
from .naive_templates import Caller, Missing, matches_any, rendered


@dataclass
class Verdict:
    """What comes of a request: the ids that deny it, those that warn, those excepted, and the request as amended.

    Where it `is_vague`, readers disagree on the job's parameters so that the rules in `reading` have no one answer;
    where it `is_open`, those parameters were to be amended, and nothing has.
    """

    denied: set[str] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)
    excepted: set[str] = field(default_factory=set)
    request: dict[str, Any] = field(default_factory=dict)
    reading: set[str] = field(default_factory=set)
    is_vague: bool = False
    is_open: bool = False


@dataclass
class Rule:
    """A rule that speaks of the caller and the application, or may."""

    id: str
    says: Mapping[str, Any]
    enforces: bool
    is_clear: bool  # whether it is known to

    @property
    def field(self) -> str:
        """Empty where it speaks of the request as a whole."""
        return str(self.says.get("field", ""))

    @property
    def amends(self) -> bool:
        """Whether it may change the request."""
        return bool({"set", "default", "fixed", "otherwise"} & self.says.keys())

    @property
    def reads_parameters(self) -> bool:
        """Whether it has the job's Spark parameters read where it applies."""
        named = {self.field, *naive_cel.derived_in(self.says.get("check", ""))}
        return any(map(naive_fields.reads_parameters, named))

    @property
    def condition_reads_parameters(self) -> bool:
        """Whether they are read to tell if it applies."""
        return any(map(naive_fields.reads_parameters, naive_cel.derived_in(self.says.get("when", ""))))


@dataclass
class Case:
    """One request being judged."""

    caller: Caller
    prices: Prices
    verdict: Verdict

    def views(self) -> list[View]:
        """The request as it stands, as each of its readers has it."""
        return naive_fields.views(self.verdict.request, self.prices)

    def tell(self, rule: Rule, rule_id: str = "") -> None:
        """A rule is broken; `rule_id` names the built-in one that says so in its place."""
        (self.verdict.denied if rule.enforces else self.verdict.warned).add(rule_id or rule.id)

    def rules(self, documents: Sequence[Mapping[str, Any]], today: date) -> Iterator[Rule]:
        """Those that speak of caller and application, on fields that the job has, and are not excepted."""
        for each in documents:
            excepted = set(self._excepted(each, today))
            for rule in each.get("rules", []):
                answers = [self.speaks_to(part.get("match", {})) for part in (each, rule)]
                if False in answers:
                    continue
                mode = rule.get("mode", each.get("mode", "enforce"))
                found = Rule(f"{each['metadata']['name']}/{rule['id']}", rule, mode == "enforce", None not in answers)
                if rule["id"] in excepted:
                    self.verdict.excepted.add(found.id)
                elif "field" not in rule or naive_fields.exists(rule["field"], self.verdict.request):
                    yield found

    def speaks_to(self, match: Mapping[str, Any]) -> bool | None:
        """Whether a match holds; None where it takes a label that the caller lacks to know."""
        name, labels = self.caller
        wanted = [(match.get("callers"), name), (match.get("applications"), self.verdict.request["applicationId"])]
        wanted += [(globs, labels.get(label)) for label, globs in match.get("labels", {}).items()]
        answers = [
            globs is None or (value is not None and matches_any(globs, value, self.caller)) for globs, value in wanted
        ]
        return False if False in answers else None if None in answers else True

    def applies(self, rule: Rule) -> bool:
        """Whether its `when` holds, or errs, under some reading of the request as it stands."""
        answers = [self.holds(rule.says.get("when", "true"), view) for view in self.views()]
        return any(answer is not False and not self.is_of_spark_alone(answer) for answer in answers)

    def is_of_spark_alone(self, answer: bool | naive_cel.Errs) -> bool:  # noqa: FBT001 - an expression's
        """Whether an expression errs since a Hive job has no such field: it does not speak of the job."""
        is_of_spark = isinstance(answer, naive_cel.Errs) and answer.field.startswith("spark.")
        return is_of_spark and not naive_spark.is_spark(self.verdict.request)

    def holds(self, source: str, view: View) -> bool | naive_cel.Errs:
        """Whether an expression holds, or how it errs."""

        def _derived(name: str) -> Any:  # noqa: ANN401 - as fields have it
            if not naive_fields.exists(name, view.request):
                raise naive_cel.Errs(name)
            if name in naive_fields.NUMBERS:
                return naive_fields.derived_number(view, name)
            return naive_fields.get(view, name) or []

        try:
            return naive_cel.holds(source, naive_cel.Scope(view.request, self.caller, _derived))
        except naive_cel.Errs as error:
            return error

    def can_be_read(self, rule: Rule) -> bool:
        """A rule that needs a label which the caller lacks is DENIED builtin/template, and does nothing else."""
        if not self.is_readable(rule):
            self.tell(rule, "builtin/template")
        return self.is_readable(rule)

    def is_readable(self, rule: Rule) -> bool:
        """Whether the caller has all labels that the rule needs."""
        values = [rule.says[verb] for verb in ("set", "default", "fixed") if verb in rule.says]
        try:
            for value in [*values, *rule.says.get("allow", []), *rule.says.get("deny", [])]:
                rendered(value, self.caller)
        except Missing:
            return False
        return rule.is_clear

    def typed(self, path: str, value: object) -> object:
        """A value that a rule says, as the field holds it."""
        return value if path in naive_fields.TYPED else rendered(value, self.caller)

    def _excepted(self, document: Mapping[str, Any], today: date) -> Iterator[str]:
        """The rules of a document that an exception takes away from the caller, through its last day."""
        for each in document.get("exceptions", []):
            is_for_caller = matches_any(each["callers"], self.caller[0], self.caller)
            is_here = self.speaks_to(document.get("match", {}))
            if today <= date.fromisoformat(each["until"]) and is_for_caller and is_here:
                yield from each["rules"]
