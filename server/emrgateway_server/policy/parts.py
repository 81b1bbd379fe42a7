"""The parts of one document compiled: matches, grants, exceptions, and rules with their values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from pydantic import BaseModel

from emrgateway_server import templates
from emrgateway_server.globs import Glob, GlobSet
from emrgateway_server.patterns import Patterns
from emrgateway_server.policy import cel, fields
from emrgateway_server.policy import document as form
from emrgateway_server.policy.cel import Expression
from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.field import Bound, Field, UnknownField, WholeRequest, shown
from emrgateway_server.policy.rules import Exemption, Grant, Match, Rule, Value
from emrgateway_server.yamlfile import Document, Path, Problem, dotted
from emrgateway_server.yamlmodel import looks_like

_EVERYWHERE = Match()
_WHOLE = 2  # ("rules", 0): what a rule says as a whole is no mistake of each of its parts


class Part:
    """Compiles the parts of one document."""

    def __init__(self, document: Document, problems: list[Problem], prices: Prices | None) -> None:
        self._document = document
        self._problems = problems
        self._prices = prices

    def match(self, match: form.Match | None, path: Path) -> Match:
        """Whom and what a document, grant or rule speaks of; everyone and everything where it does not say."""
        if match is None:
            return _EVERYWHERE
        labels = match.labels or {}
        return Match(
            self._globs(match.callers, (*path, "callers")),
            self._globs(match.applications, (*path, "applications")),
            tuple((label, self._globs(globs, (*path, "labels", label)) or ()) for label, globs in labels.items()),
        )

    def grant(self, grant: form.Grant, path: Path, match: Match) -> Grant:
        """One grant."""
        actions = self._document.at((*path, "actions"))
        if isinstance(actions, list) and "start" in actions and self._lacks(form.Grant, path, "roles"):
            message = f'{dotted(path)}: roles is required where start is among the actions; ["**"] says all'
            self._note(path, message)
        return Grant(
            actions=frozenset(grant.actions),
            applications=self._globs(grant.applications, (*path, "applications")) or (),
            roles=self._globs(grant.roles, (*path, "roles")) or (),
            runs=grant.runs,
            matches=(match, self.match(grant.match, (*path, "match"))),
        )

    def rule(self, rule: form.Rule, path: Path, full_id: str, match: Match, mode: Mode) -> Rule | None:
        """One rule; None where its field is not known."""
        field = self._field(rule, path)
        self._check(rule, field, path)
        own = self.match(rule.match, (*path, "match"))
        pattern = self._pattern(rule.pattern, (*path, "pattern"))
        when = self._expression(rule.when, (*path, "when"))
        check = self._expression(rule.check, (*path, "check"))
        compiled = Rule(
            id=full_id,
            field=field,
            mode=mode,
            why=rule.why.strip(),
            matches=(match, own),
            set=self._value(rule.set, field, (*path, "set")),
            default=self._value(rule.default, field, (*path, "default")),
            fixed=self._value(rule.fixed, field, (*path, "fixed")),
            required=rule.required,
            forbidden=rule.forbidden,
            allow=self._value_globs(rule.allow, field, (*path, "allow")),
            deny=self._value_globs(rule.deny, field, (*path, "deny")) or GlobSet(()),
            pattern=pattern,
            min=self._bound(rule.min, field, (*path, "min")),
            max=self._bound(rule.max, field, (*path, "max")),
            clamps=rule.otherwise == "clamp",
            when=when,
            check=check,
        )
        return None if isinstance(field, UnknownField) else compiled

    def exemption(
        self, exemption: form.Exemption, path: Path, name: str, ids: set[str] | None, match: Match
    ) -> Exemption:
        """One exception; `ids` are those of the document's rules, None where some are not known."""
        for index, rule in enumerate(exemption.rules):
            if ids is not None and rule not in ids and not self._document.is_told((*path, "rules", index)):
                known = ", ".join(sorted(ids)) or "none"
                self._note((*path, "rules", index), f"no rule of this policy has the id {rule!r}; it has: {known}")
        return Exemption(
            rules=frozenset(f"{name}/{rule}" for rule in exemption.rules),
            callers=self._globs(exemption.callers, (*path, "callers")) or (),
            until=date.fromisoformat(exemption.until),
            reason=exemption.reason,
            approved_by=exemption.approved_by,
            match=match,
        )

    def _field(self, rule: form.Rule, path: Path) -> Field:
        """The field of a rule; where there is none, one that takes whatever the rule says of it."""
        if self._document.is_told((*path, "field")):
            return UnknownField()
        if rule.field is None:
            if not self._lacks(form.Rule, path, "check"):
                return WholeRequest()
            if self._lacks(form.Rule, path, "field"):
                message = "missing key 'field': only a rule with a check speaks of the request as a whole"
                self._note(path, f"{dotted(path)}: {message}")
            return UnknownField()
        try:
            return fields.find(rule.field, self._prices)
        except ValueError as error:
            self._note((*path, "field"), str(error))
            return UnknownField()

    def _lacks(self, model: type[BaseModel], path: Path, *keys: str) -> bool:
        """Whether what stands at a path has none of some keys, and no unknown key that may be a misspelling of one."""
        said = cast("dict[str, object]", self._document.at(path))
        return not any(key in keys or (key not in model.model_fields and looks_like(key, keys)) for key in said)

    def _expression(self, source: str | None, path: Path) -> Expression | None:
        if source is None:
            return None
        try:
            return cel.expression(source)
        except ValueError as error:
            self._note(path, f"CEL: {error}")
            return None

    def _bound(self, given: str | float | None, field: Field, path: Path) -> Bound | None:
        if given is None or field.kind in ("message", "request"):  # told of the rule as a whole
            return None
        try:
            return field.bound(given)
        except ValueError as error:
            self._note(path, str(error))
            return None

    def _check(self, rule: form.Rule, field: Field, path: Path) -> None:
        """What the verbs of one rule, and its field, say together."""
        given = cast("dict[str, object]", self._document.at(path))
        said = [verb for verb in _VERBS if verb in given and given[verb] is not False]
        if not said and self._lacks(form.Rule, path, *(verb for verb in _VERBS if verb not in given)):
            self._note(path, f"the rule says nothing: give it one of {', '.join(_VERBS)}")
        amending = [verb for verb in ("set", "default", "fixed") if verb in said]
        if amending and not field.writable:
            self._note((*path, amending[0]), f"{field.path} cannot be amended")
        allowed = _VERBS_OF_KINDS.get(field.kind, _VERBS)
        if not set(allowed).issuperset(said) and not (amending and not field.writable):
            self._note((*path, "field"), f"{field.path} is a {field.kind}: {_listed(allowed)} alone can be said of it")
        if rule.required and rule.forbidden:
            self._note((*path, "forbidden"), "required and forbidden exclude each other")
        self._check_bounds(rule, field, path, [verb for verb in ("min", "max") if verb in said])

    def _check_bounds(self, rule: form.Rule, field: Field, path: Path, said: list[str]) -> None:
        if rule.otherwise == "clamp" and not said:
            self._note((*path, "otherwise"), "clamp needs min or max")
        if rule.otherwise == "clamp" and not field.writable:
            self._note((*path, "otherwise"), f"{field.path} cannot be amended, so it cannot be clamped")
        try:
            least, most = (None if each is None else field.bound(each).number for each in (rule.min, rule.max))
        except ValueError:
            return  # told where it is compiled
        if least is not None and most is not None and least > most:
            self._note((*path, "min"), "min is above max: nothing could pass")

    def _value(self, given: form.Scalar | None, field: Field, path: Path) -> Value | None:
        if given is None:
            return None
        text = self._text(given, path)
        try:
            template = templates.parse(text)
            plain = field.value_of("".join(map(str, template.parts))) if template.is_plain else None
        except ValueError as error:
            self._note(path, str(error))
            return None
        if plain is None and field.kind != "string":
            self._note(path, f"{field.path} is no string, and a template is one")
        return Value(field, template, plain)

    def _value_globs(self, given: tuple[form.Scalar, ...] | None, field: Field, path: Path) -> GlobSet | None:
        if given is None:
            return None
        texts = tuple(field.normal(self._text(item, (*path, index))) for index, item in enumerate(given))
        return GlobSet(self._globs(texts, path) or ())

    def _globs(self, texts: tuple[str, ...] | None, path: Path) -> tuple[Glob, ...] | None:
        if texts is None:
            return None
        globs: list[Glob] = []
        for index, text in enumerate(texts):
            try:
                globs.append(Glob(text))
            except ValueError as error:
                if not self._document.is_told((*path, index)):
                    self._note((*path, index), str(error))
        return tuple(globs)

    def _pattern(self, source: str | None, path: Path) -> Patterns | None:
        if source is None:
            return None
        try:
            return Patterns(source)
        except ValueError as error:
            self._note(path, f"no RE2 pattern: {error}")
            return None

    def _text(self, given: form.Scalar, path: Path) -> str:
        """A scalar as the file writes it, so that 1.10 stays 1.10 where the field is a string."""
        return shown(given) if isinstance(given, bool) else self._document.texts.get(path, str(given))

    def _note(self, path: Path, message: str) -> None:
        if len(path) > _WHOLE:
            self._document.told.add(path)
        self._problems.append(self._document.problem(path, message))


_VERBS = ("set", "default", "fixed", "required", "forbidden", "allow", "deny", "pattern", "min", "max", "check")
_VERBS_OF_KINDS = {
    "message": ("required", "forbidden", "check"),
    "request": ("check",),
    "list": ("required", "forbidden", "allow", "deny", "pattern", "min", "max", "check"),
}


def _listed(verbs: Sequence[str]) -> str:
    return f"{', '.join(verbs[:-1])} and {verbs[-1]}" if len(verbs) > 1 else verbs[0]
