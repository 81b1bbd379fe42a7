"""`${…}` in values and globs as the design's words go, and whether a caller's value matches a list of globs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from . import naive_globs

Caller: TypeAlias = tuple[str, Mapping[str, str]]

_LABEL = re.compile(r"\$\$|\$\{caller\.(id|labels\.[^}]+)\}")


class Missing(Exception):
    """A label that the caller lacks."""


def rendered(said: object, caller: Caller) -> str:
    """A value as this caller meets it."""

    def _value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[1] == "id":
            return caller[0]
        label = match[1].removeprefix("labels.")
        if label not in caller[1]:
            raise Missing(label)
        return caller[1][label]

    return _LABEL.sub(_value, text(said))


def glob(said: object, caller: Caller) -> str:
    """A glob as this caller meets it; a label's star stands for itself."""
    labels = {label: value.replace("*", naive_globs.STAR) for label, value in caller[1].items()}
    return rendered(said, (caller[0], labels))


def matches_any(globs: Sequence[object], value: str, caller: Caller, kind: str = "") -> bool | None:
    """Whether one matches; None where none does, and one that needs a missing label might have."""
    is_missing = False
    for each in globs:
        try:
            if naive_globs.matches(glob(each, caller), value, kind):
                return True
        except Missing:
            is_missing = True
    return None if is_missing else False


def text(value: object) -> str:
    """A scalar as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
