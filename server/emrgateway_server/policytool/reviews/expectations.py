"""What test cases expect of rules that are not there, or not in that mode: such a case can never pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from emrgateway_server.policy.decision import Mode
from emrgateway_server.policytool.cases import Case
from emrgateway_server.policytool.reviews.book import Book, warning
from emrgateway_server.yamlfile import Problem

# Those that refuse by themselves, and those that fail as the rule does for which they fail.
_ALWAYS = frozenset({"builtin/conflict", "builtin/tags", "grant/application", "grant/role"})
_WITH_A_RULE = frozenset({"builtin/spark-parameters", "builtin/template"})
_MODES = {"denied_by": Mode.ENFORCE, "warned_by": Mode.WARN, "audited_by": Mode.AUDIT}


def review(book: Book, cases: Sequence[Case]) -> Iterator[Problem]:
    """Each rule that a case names in vain."""
    modes = {rule.id: rule.mode for rule, _ in book.rules}
    for case in cases:
        for what, mode in _MODES.items():
            for index, rule in enumerate(getattr(case.form.want, what) or ()):
                path = (*case.path, "want", what, index)
                if rule in _WITH_A_RULE or (rule in _ALWAYS and mode is Mode.ENFORCE):
                    continue
                if rule not in modes and rule not in _ALWAYS:
                    yield warning((case.document, path), f"{what}: no rule of this directory has the id {rule!r}")
                elif modes.get(rule, Mode.ENFORCE) is not mode:
                    told = f"{what}: {rule} is in {modes.get(rule, Mode.ENFORCE)} mode, so it can never be here"
                    yield warning((case.document, path), told)
