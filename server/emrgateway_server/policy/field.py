"""What every field can be asked, whatever it is read from."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from emrgateway_server.globs import Kind
from emrgateway_server.policy.subject import Subject, View

Scalar = str | int | bool

_NUMBER = re.compile(r"[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Item:
    """One text of a field. `where` tells its place once it is asked; None where the field's path says it all."""

    text: str
    where: Callable[[], str] | None
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """A `min` or a `max`: the number, and how the policy writes it."""

    number: float
    text: str


class Field(ABC):
    """One field: its path as policies write it, its kind (string, number, boolean, list of strings, or message)."""

    writable = False
    # Read from the Spark parameters, so that what readers of these disagree on matters.
    reads_parameters = False

    def __init__(self, path: str, kind: str, *, sensitive: bool) -> None:
        self.path = path
        self.kind = kind
        self.sensitive = sensitive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def exists(self, request: Mapping[str, Any]) -> bool:  # noqa: ARG002 - for those that not every request has
        """Whether the request can have it."""
        return True

    def views(self, subject: Subject) -> Sequence[View]:
        """The ways to read it in a request: every rule must hold for each."""
        return subject.views if self.reads_parameters else subject.any_view

    @abstractmethod
    def get(self, view: View) -> object:
        """Its value in AWS's form, None where it is unset."""

    def put(self, subject: Subject, value: Scalar) -> None:
        """Set it. `facts.CannotAmend` says why it cannot be."""
        raise TypeError(f"{self.path} cannot be amended: {subject}, {value}")

    def number(self, view: View) -> float | None:
        """Its value as AWS counts it: infinity where unlimited, None where it is unset and AWS's default is unknown.

        ValueError where it is not a number; its text holds no value.
        """
        value = self.get(view)
        return None if value is None else decimal_number(value)

    def texts(self, view: View) -> Sequence[str]:
        """Its value, or each item of it, as text; empty where it is unset."""
        value = self.get(view)
        if value is None:
            return ()
        return [shown(item) for item in value] if isinstance(value, list) else (shown(value),)

    def items(self, view: View) -> list[Item]:
        """Its texts, each with its place: for a message, since places take time to find."""
        return [Item(text, None, self.sensitive) for text in self.texts(view)]

    def glob_kind(self, text: str) -> Kind:  # noqa: ARG002 - for those whose items differ
        """What separates the segments of one of its texts."""
        return Kind.PLAIN

    def normal(self, text: str) -> str:
        """A policy's value as AWS writes it."""
        return text

    def value_of(self, text: str) -> Scalar:
        """A policy's text as a value of the field. ValueError says what is wrong with it."""
        return self.normal(text)

    def bound(self, given: str | float) -> Bound:
        """A policy's `min` or `max`. ValueError says what is wrong with it."""
        if self.kind not in ("number", "string"):
            raise ValueError(f"{self.path} is no number")
        if isinstance(given, str):
            raise ValueError(f"{self.path} is bounded by a number, and {given!r} is none")  # noqa: TRY004 - of the file
        return Bound(given, decimal(given))

    def bounded(self, bound: Bound) -> Scalar:
        """A bound as a value of the field: what clamping makes of it."""
        return bound.text


class WholeRequest(Field):
    """What a rule speaks of that names no field: its `check` is about the request as a whole."""

    def __init__(self) -> None:
        super().__init__("request", "request", sensitive=False)

    def get(self, view: View) -> object:  # noqa: ARG002 - the base's
        """Nothing: there is no such member."""
        return None


class UnknownField(WholeRequest):
    """What a rule speaks of that names no field there is: its other mistakes are told, whatever it was to be."""

    writable = True

    def __init__(self) -> None:
        super().__init__()
        self.path, self.kind = "the field", "string"

    def bound(self, given: str | float) -> Bound:
        """A number as it is; a text may be a size."""
        return Bound(nan, given) if isinstance(given, str) else super().bound(given)


def shown(value: object) -> str:
    """A value as text: booleans as YAML and JSON write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def decimal(number: float) -> str:
    """A number as people write it."""
    return str(int(number)) if number == int(number) else str(number)


def decimal_number(value: object) -> float:
    """The number that a value is in decimal; ValueError where it is none, or an infinite one."""
    if isinstance(value, bool) or not _NUMBER.fullmatch(str(value)):
        raise ValueError("is no number")
    return float(str(value))
