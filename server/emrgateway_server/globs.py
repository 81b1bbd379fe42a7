"""Globs as policies write them.

`*` is zero or more characters but the separator; `**`, alone in a segment, any number of segments. What separates
depends on the value: `/` in URLs (S3, SPIFFE, https), `:` and `/` in ARNs, `.` in Spark keys, `/` in log groups,
nothing elsewhere. Matching is case-sensitive and takes linear time (RE2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Protocol, TypeAlias

import re2

from emrgateway_server import templates
from emrgateway_server.caller import Caller
from emrgateway_server.templates import Reference


class Kind(Enum):
    """What separates the segments of a value."""

    PLAIN = "plain"
    PATH = "path"
    URL = "url"
    ARN = "arn"
    LOG_GROUP = "log group"
    SPARK_KEY = "spark key"

    @property
    def separators(self) -> str:
        """The characters that separate."""
        return _SEPARATORS.get(self, "")


_Rendered: TypeAlias = tuple[tuple[str, ...], tuple[bool, ...]]


class _Matcher(Protocol):
    def fullmatch(self, text: str) -> object: ...


_SEPARATORS = {Kind.URL: "/", Kind.ARN: ":/", Kind.LOG_GROUP: "/", Kind.SPARK_KEY: "."}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_LIKE_A_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NO_AUTHORITY = ("file", "local")  # their URLs have three slashes
_S3_ALIAS = re.compile(r"\As3[an]://")
_NEVER_PLAIN = re.compile(r"[^\x20-\x7e]|[%?\\]")
_ALIAS = re.compile(r"(?!\.+$)[A-Za-z0-9._-]+")
_UPWARDS = re.compile(r"(^|/)\.\.?(/|$)")
_WILDCARD = re.compile(r"\*+")
_EVERYTHING = "**"


class Glob:
    """One glob, for any caller: `${…}` in it stands for a literal value, whose `*` and `/` are not glob syntax."""

    def __init__(self, text: str) -> None:
        """ValueError says what is wrong with the text."""
        self.text = _normal(text) if text else text
        self._template = templates.parse(self.text)
        self._parts = _tokens(self._template)
        self.is_everything = self.text == _EVERYTHING
        self.is_plain = kind_of(self.text) is Kind.PLAIN  # neither a URL nor an ARN
        # What every match begins with: most globs that have no common match are told apart by it.
        first = self._parts[0] if self._parts else ""
        self._start = "" if isinstance(first, Reference) or first.startswith("*") else first
        _check(self.text)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that it needs."""
        return self._template.labels

    @property
    def needs_caller(self) -> bool:
        """Whether what it matches depends on the caller."""
        return not self._template.is_plain

    def rendered(self, caller: Caller) -> _Rendered:
        """Its pieces for a caller, and which of them are literal. `MissingLabel` where the caller lacks a label."""
        pieces = tuple(part.value(caller) if isinstance(part, Reference) else part for part in self._parts)
        return pieces, tuple(isinstance(part, Reference) for part in self._parts)

    def matches(self, value: str, caller: Caller, kind: Kind | None = None) -> bool:
        """Whether a value matches, as an `allow` means it: a strange value matches nothing but the bare `**`.

        `kind` is told where the value alone does not tell it. `MissingLabel` where the caller lacks a label.
        """
        if self.is_everything:
            return True
        kind = self.kind_for(value, kind)
        if is_strange(value, kind):
            return False
        return _compiled(*self.rendered(caller), kind).fullmatch(_compared(value, kind)) is not None

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
        if not (self._start.startswith(other._start) or other._start.startswith(self._start)):
            return False
        return _overlap(_alphabet(self), _alphabet(other))

    def shown(self, caller: Caller) -> str:
        """The glob as this caller meets it, for a message; missing labels stay as they are written."""
        try:
            return self._template.rendered(caller)
        except templates.MissingLabel:
            return self.text


class GlobSet:
    """Globs of which one must match: tried together, since a list may have many items and a policy many globs."""

    def __init__(self, globs: Iterable[Glob]) -> None:
        self._globs = tuple(globs)
        self._is_everything = any(glob.is_everything for glob in self._globs)
        # A plain field's value is read by each glob in its own way.
        self._groups = [[glob for glob in self._globs if glob.is_plain is plain] for plain in (True, False)]
        self._unions: dict[tuple[int, Kind], _Union] = {}

    def __iter__(self) -> Iterator[Glob]:
        return iter(self._globs)

    def matches(self, value: str, caller: Caller, kind: Kind | None = None) -> bool:
        """Whether a glob matches, as `Glob.matches` has it."""
        if self._is_everything:
            return True
        for number, group in enumerate(self._groups):
            if group:
                read_as = group[0].kind_for(value, kind)
                if not is_strange(value, read_as) and self._union(number, read_as, caller).has(
                    _compared(value, read_as)
                ):
                    return True
        return False

    def _union(self, number: int, kind: Kind, caller: Caller) -> _Union:
        known = self._unions.get((number, kind))
        if known is None:
            group = self._groups[number]
            known = _union(tuple(glob.rendered(caller) for glob in group), kind)
            if not any(glob.needs_caller for glob in group):
                self._unions[number, kind] = known
        return known


def kind_of(value: str, *, otherwise: Kind = Kind.PLAIN) -> Kind:
    """What separates a value's segments, by its look; `otherwise` where it has neither a scheme nor is an ARN."""
    if value.startswith("arn:"):
        return Kind.ARN
    return Kind.URL if _SCHEME.match(value) else otherwise


def is_strange(value: str, kind: Kind) -> bool:
    """Whether readers of the value may disagree on what it names.

    So does one with an empty inner segment, `.`, `..`, `%`, userinfo, `?`, a backslash, a control or a non-ASCII
    character: Kyuubi's CVE-2025-66518 was a path that was not normalised.
    """
    if _NEVER_PLAIN.search(value):
        return True
    if kind is Kind.URL:
        return _is_strange_url(value)
    if kind is Kind.ARN:
        return _has_odd_segment(value.split("/"))
    if kind is Kind.PATH and (value != value.strip() or _LIKE_A_SCHEME.match(value)):
        return True
    if kind in (Kind.PATH, Kind.LOG_GROUP):
        return _has_odd_segment(value.removeprefix("/").split("/"))
    return "" in value.split(".")[:-1] if kind is Kind.SPARK_KEY else bool(_UPWARDS.search(value))


def _is_strange_url(value: str) -> bool:
    scheme = _SCHEME.match(value)
    if scheme is None or value != value.strip():
        return True
    body, fragment, alias = value[scheme.end() :].partition("#")
    if fragment and not _ALIAS.fullmatch(alias):  # an alias to Spark; to Hadoop, another host or a way up the path
        return True
    authority, *path = body.split("/")
    if not authority:
        return scheme[1] not in _NO_AUTHORITY or _has_odd_segment(path)
    port = ":" in authority and scheme[1] in ("s3", "s3a", "s3n")  # a bucket has none
    return port or "@" in authority or _has_odd_segment(path)


def _has_odd_segment(segments: list[str]) -> bool:
    return "" in segments[:-1] or "." in segments or ".." in segments


def _end_of_scheme(value: str) -> int:
    match = _SCHEME.match(value)
    return match.end() if match else 0


def _normal(text: str) -> str:
    """Hadoop's other names of S3 compare as `s3`; a URL that ends with its authority means its root."""
    text = _S3_ALIAS.sub("s3://", text)
    scheme = _SCHEME.match(text)
    if scheme and "/" not in text[scheme.end() :] and not text.endswith(_EVERYTHING):
        return f"{text}/"
    return text


def _compared(value: str, kind: Kind) -> str:
    """What of a value is compared: of a URL, all but the `#alias` by which Spark names a file in the job."""
    return _normal(value.partition("#")[0] if kind is Kind.URL else value)


def _tokens(template: templates.Template) -> tuple[str | Reference, ...]:
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
        if len(wildcard[0]) > 1 and not (wildcard[0] == _EVERYTHING and alone):
            raise ValueError(f"{text!r}: ** must stand alone in a segment, as in s3://bucket/**")
    whole: list[tuple[str, str]] = []
    if kind is Kind.URL:
        whole = [("the bucket, host or trust domain", text[_end_of_scheme(text) :].partition("/")[0])]
    elif kind is Kind.ARN:
        fields = text.split(":")
        whole = [*zip(("the partition", "", "", "the account"), fields[1:5], strict=False)]
    for what, component in whole:
        if what and "*" in component and component not in ("*", _EVERYTHING):
            raise ValueError(f"{text!r}: {what} is compared whole: write it out, or * for any")


@lru_cache(maxsize=8_192)
def _compiled(pieces: tuple[str, ...], literal: tuple[bool, ...], kind: Kind) -> _Matcher:
    separators = re2.escape(kind.separators)
    within = f"[^{separators}]*" if separators else ".*"
    source = ""
    for index, (piece, is_literal) in enumerate(zip(pieces, literal, strict=True)):
        if is_literal or not piece.startswith("*"):
            skip = 1 if index and pieces[index - 1] == _EVERYTHING and not literal[index - 1] and separators else 0
            source += re2.escape(piece[skip:])
        elif piece == "*":
            source += within
        elif index == len(pieces) - 1 or not separators:
            source += ".*"
        else:
            # Zero or more whole segments; the separator that follows `**` is the last one's.
            source += f"(?:{within}[{separators}])*"
    compiled: _Matcher = re2.compile(f"(?s){source}")
    return compiled


class _Union:
    """What several globs match. Most end with their one wildcard, or have none: no pattern is as quick for these."""

    def __init__(self, globs: tuple[_Rendered, ...], kind: Kind) -> None:
        literals: set[str] = set()
        prefixes: list[str] = []
        self._within: list[str] = []
        self._patterns: list[_Matcher] = []
        for pieces, literal in globs:
            wild = [index for index, piece in enumerate(pieces) if piece.startswith("*") and not literal[index]]
            if not wild:
                literals.add("".join(pieces))
            elif wild != [len(pieces) - 1]:
                self._patterns.append(_compiled(pieces, literal, kind))
            elif pieces[-1] == "*" and kind.separators:
                self._within.append("".join(pieces[:-1]))
            else:
                prefixes.append("".join(pieces[:-1]))
        self._literals = frozenset(literals)
        self._prefixes = tuple(prefixes)
        self._separators = kind.separators

    def has(self, text: str) -> bool:
        """Whether one matches."""
        return (
            text in self._literals
            or text.startswith(self._prefixes)
            or any(text.startswith(prefix) and self._is_segment(text[len(prefix) :]) for prefix in self._within)
            or any(pattern.fullmatch(text) is not None for pattern in self._patterns)
        )

    def _is_segment(self, text: str) -> bool:
        return not any(separator in text for separator in self._separators)


@lru_cache(maxsize=8_192)
def _union(globs: tuple[_Rendered, ...], kind: Kind) -> _Union:
    return _Union(globs, kind)


def _alphabet(glob: Glob) -> tuple[str, ...]:
    """One symbol a character; `**` and references become the empty symbol, which is any text.

    So does `*` where nothing separates; else it is a star and the characters that it does not cross.
    """
    separators = kind_of(glob.text).separators
    symbols: list[str] = []
    for part in glob._parts:  # noqa: SLF001 - the same class
        if isinstance(part, Reference) or part == _EVERYTHING:
            symbols.append("")
        elif part == "*":
            symbols.append(f"*{separators}" if separators else "")
        else:
            # `**` may be no segment at all, and then its separator is not there either.
            symbols += part[1:] if symbols[-1:] == [""] and part[:1] in tuple(separators) else part
    return tuple(symbols)


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two wildcard texts have a common match."""
    todo, seen = [(0, 0)], set()
    while todo:
        i, j = todo.pop()
        if (i, j) in seen:
            continue
        seen.add((i, j))
        if i == len(one) and j == len(other):
            return True
        a, b = one[i : i + 1], other[j : j + 1]
        if a and len(a[0]) != 1:
            todo.append((i + 1, j))
        if b and len(b[0]) != 1:
            todo.append((i, j + 1))
        if a and b:
            todo += _steps(a[0], b[0], i, j)
    return False


def _steps(a: str, b: str, i: int, j: int) -> list[tuple[int, int]]:
    """Where two symbols may go by sharing one character."""
    if len(a) == 1 and len(b) == 1:
        return [(i + 1, j + 1)] if a == b else []
    if len(b) == 1:
        return [(i, j + 1)] if b not in a[1:] else []
    return [(i + 1, j)] if len(a) == 1 and a not in b[1:] else []
