"""Whether a rule's `when` and `check` hold for a request, whichever way it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.policy import cel, derived
from emrgateway_server.policy.cel import Expression
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.plan import Checks, Reads
from emrgateway_server.policy.subject import Subject, View

MessageOf = Callable[[Mapping[str, Any]], object]


class Conditions:
    """The expressions of rules, over one request as it is now."""

    def __init__(
        self, subject: Subject, caller: Caller, reads: Reads, message_of: MessageOf, prices: Prices | None
    ) -> None:
        self._subject = subject
        self._caller = caller
        self._reads = reads
        self._message_of = message_of
        self._prices = prices
        self._activations: dict[int, object] = {}
        self._known: dict[str, tuple[bool | None, ...]] = {}

    def applies(self, when: Expression) -> bool:
        """Whether a rule with this `when` is in force: it is true of one reading, or cannot be told."""
        return any(answer is not False for answer in self._answers(when))

    def all_hold(self, checks: Checks) -> bool:
        """Whether every check is true of every reading; False, too, where only each alone can tell."""
        count = self._count if checks.reads_parameters else 1
        return all(checks.together.holds(self._activation(number)) for number in range(count))

    def complaints(self, check: Expression) -> Iterator[str]:
        """What is wrong where a `check` is not true of every reading."""
        for answer in self._answers(check):
            if answer is None:
                yield f"the check cannot be evaluated on this request, so it refuses: {check.source.strip()}"
            elif not answer:
                yield f"the check does not hold: {check.source.strip()}"

    def _answers(self, expression: Expression) -> tuple[bool | None, ...]:
        """What the expression is for each way to read the request, worked out once however many rules say it.

        Where it cannot be told because the request is a Hive job's and has no `spark.*` fields, there is no answer: the
        rule does not apply.
        """
        known = self._known.get(expression.source)
        if known is None:
            count = self._count if expression.reads_parameters else 1
            answers = (expression.holds(self._activation(number)) for number in range(count))
            is_foreign = expression.is_of_spark and not self._is_spark
            known = tuple(answer for answer in answers if not (is_foreign and answer is None))
            self._known[expression.source] = known
        return known

    @property
    def _count(self) -> int:
        return len(self._subject.facts.readings)

    @property
    def _is_spark(self) -> bool:
        return "sparkSubmit" in self._subject.request.get("jobDriver", {})

    @cached_property
    def _message(self) -> object:
        return self._message_of(self._subject.request)

    def _activation(self, number: int) -> object:
        """All that the expressions read, made once for each way to read the request."""
        if number not in self._activations:
            view = View(self._subject, number)
            values: dict[str, object] = {"caller.id": self._caller.id, "caller.labels": self._caller.labels}
            values |= {name: self._read(name, view) for name in self._reads.names}
            if self._reads.request:
                values["request"] = self._message
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
            return field.texts(view)
        try:
            return field.number(view)
        except ValueError:
            return None
