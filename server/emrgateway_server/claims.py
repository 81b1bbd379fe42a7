"""`${claims.sub}` and `${claims["kubernetes.io"].namespace}`: a caller's id, made of a token's claims; `$$` is `$`.

An id can be taken apart in one way only, or two tokens' claims would make one caller: between two references stands a
text, and no claim holds the character that the text after it begins with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from emrgateway_server.caller import ID_PATTERN

# Quoted names may hold what else would end the reference.
_REFERENCE = re.compile(r'\$\$|\$\{((?:[^"}]|"[^"]*")*)\}|\$')
_STEP = re.compile(r'\.([A-Za-z_][A-Za-z0-9_-]*)|\["([^"]+)"\]')
_ROOT = "claims"
_ID = re.compile(ID_PATTERN)
_UPWARDS = (".", "..")


Path: TypeAlias = tuple[str, ...]


class UnusableClaim(Exception):
    """A token lacks a claim, or has one that no id can be made of; `claim` names it, `why` says what ails it."""

    def __init__(self, claim: str, why: str) -> None:
        super().__init__(f"claim {claim} {why}")


@dataclass(frozen=True, slots=True)
class CallerId:
    """A caller's id with references to claims in it."""

    parts: tuple[str | Path, ...]

    def rendered(self, claims: Mapping[str, object]) -> str:
        """The id of a token's caller; `UnusableClaim` where it has none."""
        following = (*self.parts[1:], "")
        return "".join(
            part if isinstance(part, str) else _value(claims, part, end[:1] if isinstance(end, str) else "")
            for part, end in zip(self.parts, following, strict=True)
        )


def parse(text: str) -> CallerId:
    """The template of a text; ValueError says what is wrong with it and what is allowed."""
    parts: list[str | Path] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        parts += [text[position : match.start()], "$" if match[0] == "$$" else _reference(match[0], match[1])]
        position = match.end()
    parts.append(text[position:])
    kept = tuple(part for part in parts if part != "")
    if all(isinstance(part, str) for part in kept):
        raise ValueError(f"{text!r} names no claim, so that every token would be one caller: write ${{claims.sub}}")
    for part in kept:
        if isinstance(part, str) and not _ID.fullmatch(part):
            raise ValueError(f"{part!r} cannot be in a caller's id: letters, digits, blanks and / _ . : = + @ - can")
    if any(not isinstance(part, str) and not isinstance(end, str) for part, end in pairwise(kept)):
        raise ValueError(f"{text!r} has claims side by side, so that two pairs could be one caller: put / between them")
    return CallerId(kept)


def _reference(whole: str, inner: str | None) -> Path:
    steps = (inner or "").removeprefix(_ROOT)
    found = [match[1] or match[2] for match in _STEP.finditer(steps)]
    if inner is None or not inner.startswith(_ROOT) or not found or _STEP.sub("", steps):
        raise ValueError(
            f'{whole} is no reference: write ${{claims.NAME}}, ${{claims["NAME"].NAME}}, or $$ for a dollar'
        )
    return tuple(found)


def _value(claims: Mapping[str, object], path: Path, end: str) -> str:
    """A claim's text, which must stay inside the place of the id that it is put into: `end`, if any, ends that."""
    name = ".".join(path)
    value: object = claims
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            raise UnusableClaim(name, "is missing")
        value = value[step]
    if not isinstance(value, str) or not value:
        raise UnusableClaim(name, "is no text")
    if "/" in value or value in _UPWARDS:
        raise UnusableClaim(name, "holds a /, or is . or ..")
    if end and end in value:
        raise UnusableClaim(name, f"holds a {end!r}, which ends it in the caller's id")
    if value != value.strip():
        raise UnusableClaim(name, "begins or ends with a blank")
    return value
