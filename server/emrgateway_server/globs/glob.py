"""One glob as policies write it.

`*` is zero or more characters but the separator; `**`, alone in a segment, any number of segments. What separates
depends on the value: `/` in URLs (S3, SPIFFE, https), `:` and `/` in ARNs, `.` in Spark keys, `/` in log groups,
nothing elsewhere. Matching is case-sensitive and takes linear time (RE2).
"""

from __future__ import annotations

import re

from emrgateway_server import templates
from emrgateway_server.caller import Caller
from emrgateway_server.globs.matching import EVERYTHING, Matchers, Parts
from emrgateway_server.globs.overlapping import alphabet, overlap
from emrgateway_server.globs.values import Kind, end_of_scheme, is_strange, kind_of, normal
from emrgateway_server.templates import Reference

_WILDCARD = re.compile(r"\*+")


class Glob:
    """One glob, for any caller: `${…}` in it stands for a literal value, whose `*` and `/` are not glob syntax."""

    def __init__(self, text: str) -> None:
        """ValueError says what is wrong with the text."""
        self.text = normal(text) if text else text
        self._template = templates.parse(self.text)
        self.parts = _tokens(self._template)
        self._matchers = Matchers([self.parts])
        self.is_everything = self.text == EVERYTHING
        self.is_plain = kind_of(self.text) is Kind.PLAIN  # neither a URL nor an ARN
        # What every match begins with: most globs that have no common match are told apart by it.
        first = self.parts[0] if self.parts else ""
        self.start = "" if isinstance(first, Reference) or first.startswith("*") else first
        _check(self.text)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that it needs."""
        return self._template.labels

    @property
    def needs_caller(self) -> bool:
        """Whether what it matches depends on the caller."""
        return not self._template.is_plain

    def matches(self, value: str, caller: Caller, kind: Kind | None = None) -> bool:
        """Whether a value matches, as an `allow` means it: a strange value matches nothing but the bare `**`.

        `kind` is told where the value alone does not tell it. `MissingLabel` where the caller lacks a label.
        """
        if self.is_everything:
            return True
        return self._matchers.match(value, caller, self.kind_for(value, kind))

    def denies(self, value: str, caller: Caller, kind: Kind | None = None) -> bool:
        """Whether a value matches, as a `deny` means it: a strange value matches every one."""
        return is_strange(value, self.kind_for(value, kind)) or self.matches(value, caller, kind)

    def kind_for(self, value: str, kind: Kind | None) -> Kind:
        """What separates, for this glob and a value of a field of this kind.

        A plain field holds whatever its caller likes, so it is the glob that says how it reads it: a value that
        looks like a URL does not keep `*prod*` from matching.
        """
        if kind is Kind.PLAIN and self.is_plain:
            return kind
        if kind is None or kind in (Kind.PLAIN, Kind.PATH):
            return kind_of(value, otherwise=kind or Kind.PLAIN)
        return kind

    def overlaps(self, other: Glob) -> bool:
        """Whether some value may match both; a reference may stand for anything."""
        if not (self.start.startswith(other.start) or other.start.startswith(self.start)):
            return False
        return overlap(alphabet(self.text, self.parts), alphabet(other.text, other.parts))

    def shown(self, caller: Caller) -> str:
        """The glob as this caller meets it, for a message; missing labels stay as they are written."""
        try:
            return self._template.rendered(caller)
        except templates.MissingLabel:
            return self.text


def _tokens(template: templates.Template) -> Parts:
    """The template cut at its wildcards: `*`, `**`, literal text, references."""
    tokens: list[str | Reference] = []
    for part in template.parts:
        tokens += [part] if isinstance(part, Reference) else [piece for piece in re.split(r"(\*+)", part) if piece]
    return tuple(tokens)


def _check(text: str) -> None:
    """What no reader should have to guess; ValueError says it."""
    if not text:
        raise ValueError("an empty glob matches nothing; ** matches everything")
    kind = kind_of(text)
    separators = kind.separators or "/:."
    for wildcard in _WILDCARD.finditer(text):
        alone = text[: wildcard.start()][-1:] in ("", *separators) and text[wildcard.end() :][:1] in ("", *separators)
        if len(wildcard[0]) > 1 and not (wildcard[0] == EVERYTHING and alone):
            raise ValueError(f"{text!r}: ** must stand alone in a segment, as in s3://bucket/**")
    whole: list[tuple[str, str]] = []
    if kind is Kind.URL:
        whole = [("the bucket, host or trust domain", text[end_of_scheme(text) :].partition("/")[0])]
    elif kind is Kind.ARN:
        fields = text.split(":")
        whole = [*zip(("the partition", "", "", "the account"), fields[1:5], strict=False)]
    for what, component in whole:
        if what and "*" in component and component not in ("*", EVERYTHING):
            raise ValueError(f"{text!r}: {what} is compared whole: write it out, or * for any")
