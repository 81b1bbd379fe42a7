"""Whether a rule's `when` and `check` hold for a request, whichever way it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.policy import cel, derived
from emrgateway_server.policy.cel import Expression
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.rules import Rule
from emrgateway_server.policy.subject import Subject, View

MessageOf = Callable[[Mapping[str, Any]], object]


class Conditions:
    """The expressions of rules, over one request as it is now."""

    def __init__(
        self,
        subject: Subject,
        caller: Caller,
        rules: Sequence[Rule],
        message_of: MessageOf,
        prices: Prices | None,
    ) -> None:
        self._subject = subject
        self._caller = caller
        self._rules = rules
        self._message_of = message_of
        self._prices = prices
        self._activations: dict[int, object] = {}

    def applies(self, rule: Rule) -> bool:
        """Whether a rule is in force: its `when` is true of one reading, or cannot be told."""
        if rule.when is None:
            return True
        return any(answer is not False for answer in self._answers(rule.when))

    def complaints(self, check: Expression) -> Iterator[str]:
        """What is wrong where a `check` is not true of every reading."""
        for answer in self._answers(check):
            if answer is None:
                yield f"the check cannot be evaluated on this request, so it refuses: {check.source.strip()}"
            elif not answer:
                yield f"the check does not hold: {check.source.strip()}"

    def _answers(self, expression: Expression) -> Iterator[bool | None]:
        """What the expression is for each way to read the request.

        Where it cannot be told because the request is a Hive job's and has no `spark.*` fields, nothing comes: the
        rule does not apply.
        """
        count = len(self._subject.facts.readings) if expression.reads_parameters else 1
        for number in range(count):
            answer = expression.holds(self._activation(number))
            if answer is None and expression.is_of_spark and not self._is_spark:
                continue
            yield answer

    @property
    def _is_spark(self) -> bool:
        return "sparkSubmit" in self._subject.request.get("jobDriver", {})

    def _activation(self, number: int) -> object:
        """All that the expressions of the rules read, made once for each way to read the request."""
        if number not in self._activations:
            expressions = [each for rule in self._rules for each in (rule.when, rule.check) if each]
            view = View(self._subject, number)
            values: dict[str, object] = {"caller.id": self._caller.id, "caller.labels": self._caller.labels}
            names = frozenset().union(*(each.names for each in expressions))
            values |= {name: self._read(name, view) for name in names}
            if any(each.reads_request for each in expressions):
                values["request"] = self._message_of(self._subject.request)
            self._activations[number] = cel.activation(values)
        return self._activations[number]

    def _read(self, name: str, view: View) -> object:
        """The value of a derived field; None where it has none, which an expression cannot read."""
        if name == cel.CONF:
            return view.reading.texts if self._is_spark else None
        field = derived.find(name, self._prices)
        if field is None or not field.exists(view.request):
            return None
        if field.kind == "list":
            return field.get(view) or []
        try:
            return field.number(view)
        except ValueError:
            return None
