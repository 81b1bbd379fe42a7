"""`${caller.id}` and `${caller.labels.X}` in a policy's values and globs; `$$` is `$`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from emrgateway_server.caller import Caller

_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}|\$\{")
_LABEL = re.compile(r"caller\.labels\.([A-Za-z0-9_-]+)")


class MissingLabel(Exception):
    """The caller has no such label; `label` names it."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


@dataclass(frozen=True, slots=True)
class Reference:
    """One `${…}`: the caller's id, or the label named."""

    label: str | None

    def __str__(self) -> str:
        return "${caller.id}" if self.label is None else f"${{caller.labels.{self.label}}}"

    def value(self, caller: Caller) -> str:
        """What stands for it, or `MissingLabel`."""
        if self.label is None:
            return caller.id
        if self.label not in caller.labels:
            raise MissingLabel(self.label)
        return caller.labels[self.label]


@dataclass(frozen=True, slots=True)
class Template:
    """A text with references in it."""

    parts: tuple[str | Reference, ...]

    def __str__(self) -> str:
        return "".join(part.replace("$", "$$") if isinstance(part, str) else str(part) for part in self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether it says the same for every caller."""
        return all(isinstance(part, str) for part in self.parts)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that it refers to."""
        return frozenset(part.label for part in self.parts if isinstance(part, Reference) and part.label is not None)

    def rendered(self, caller: Caller, escape: Callable[[str], str] = str) -> str:
        """The text for a caller; what references stand for goes through `escape`. `MissingLabel` where one is."""
        return "".join(part if isinstance(part, str) else escape(part.value(caller)) for part in self.parts)


def parse(text: str) -> Template:
    """The template of a text; ValueError says which reference is wrong and what is allowed."""
    parts: list[str | Reference] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        parts += [text[position : match.start()], "$" if match[0] == "$$" else _reference(match[0], match[1])]
        position = match.end()
    parts.append(text[position:])
    return Template(tuple(part for part in parts if part != ""))


def _reference(whole: str, inner: str | None) -> Reference:
    label = _LABEL.fullmatch(inner or "")
    if inner != "caller.id" and label is None:
        raise ValueError(
            f"{whole} is no reference: write ${{caller.id}} or ${{caller.labels.NAME}}, or $$ for a dollar"
        )
    return Reference(label[1] if label else None)
