"""An AWS request against AWS's model, and against the few rules that the model does not know.

botocore itself checks neither patterns nor maxima. Patterns are AWS's, matched whole with ASCII classes and with `.`
spanning newlines, since AWS's own documentation sends multi-line parameters; RE2 runs them, because one of them
(Prometheus' URL) takes exponential time in a backtracking engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

import re2

from emrgateway_server.findings import Findings
from emrgateway_server.shapes import Shape, field_name

MAX_CONFIGURATION_DEPTH = 16
MAX_SHOWN_CHARACTERS = 80

# The model lets a job have no driver; AWS then refuses it, late.
_REQUIRED_BESIDES = {"StartJobRunRequest": frozenset({"jobDriver"})}
# Scripts and documents run over several lines; AWS's pattern for a policy document names the three characters too.
_MAY_HOLD_LINES = frozenset(
    {"SparkSubmitParameters", "HiveCliParameters", "Query", "EntryPointArgument", "PolicyDocument"}
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}(-\\u[dD][89a-fA-F][0-9a-fA-F]{2})?")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def fullmatch(self, text: str) -> object:
        """A match of the whole text, or None."""


def check(value: Mapping[str, object], shape: Shape, found: Findings) -> None:
    """Add everything that is wrong with a request of AWS's form to `found`. No sensitive value is in any text."""
    _Check(found).structure(value, shape, "")


def check_value(value: object, shape: Shape, path: str, found: Findings) -> None:
    """Add everything that is wrong with one value of a request to `found`."""
    _Check(found).any(value, shape, path)


@cache
def pattern(source: str) -> Pattern:
    """One of the model's patterns for RE2: Java's escapes as RE2 writes them, less surrogates, which no string has."""
    # botocore's copy of the policy document's pattern has blanks where AWS's has tab, line feed and carriage return.
    source = source.replace("[    -", "[\t\n\r -")
    compiled: Pattern = re2.compile("(?s)" + _ESCAPE.sub(r"\\x{\1}", _SURROGATES.sub("", source)))
    return compiled


class _Check:
    def __init__(self, found: Findings) -> None:
        self._found = found
        self._sensitive = False
        self._depth = 0

    def structure(self, value: Mapping[str, object], shape: Shape, path: str) -> None:
        missing = (shape.required | _REQUIRED_BESIDES.get(shape.name, frozenset())) - value.keys()
        for member in sorted(missing):
            hint = ": set spark_submit or hive" if member == "jobDriver" else ""
            self._found.add(_joined(path, field_name(member)), f"is required{hint}")
        if shape.union and len(value) != 1:
            names = ", ".join(field_name(member) for member in shape.members)
            self._found.add(path, f"exactly one of {names} must be set, and {len(value)} are")
        for member, inner in shape.members.items():
            if member in value:
                self.any(value[member], inner, _joined(path, field_name(member)))

    def any(self, value: object, shape: Shape, path: str) -> None:
        outer = self._sensitive
        self._sensitive = outer or shape.sensitive
        if isinstance(value, str):
            self._string(value, shape, path)
        elif isinstance(value, Mapping):
            if shape.kind == "structure":
                self.structure(value, shape, path)
            else:
                self._map(value, shape, path)
        elif isinstance(value, Sequence):
            self._list(value, shape, path)
        elif isinstance(value, int) and not isinstance(value, bool):
            self._number(value, shape, path)
        self._sensitive = outer

    def _string(self, value: str, shape: Shape, path: str) -> None:
        if self._out_of_bounds(len(value), shape, path, "characters"):
            return
        if shape.enum and value not in shape.enum:
            self._found.add(path, f"is not one of {', '.join(sorted(shape.enum))}")
        control = (_CONTROL_BUT_LINES if shape.name in _MAY_HOLD_LINES else _CONTROL).search(value)
        if control:
            what = f"U+{ord(control[0]):04X} at character {control.start() + 1}"
            self._found.add(path, f"holds the control character {what}: take it out")
        elif shape.pattern and not pattern(shape.pattern).fullmatch(value):
            self._found.add(path, f"{self._shown(value)}does not match AWS's pattern {shape.pattern}")

    def _number(self, value: int, shape: Shape, path: str) -> None:
        bits = 31 if shape.kind == "integer" else 63
        low = -(2**bits) if shape.minimum is None else shape.minimum
        high = 2**bits - 1 if shape.maximum is None else shape.maximum
        if not low <= value <= high:
            what = "" if self._sensitive else f"is {value:,}; "
            self._found.add(path, f"{what}{_range(low, high if value > high else shape.maximum)} is allowed")

    def _list(self, value: Sequence[object], shape: Shape, path: str) -> None:
        if shape.element is None:
            raise TypeError(f"{path}: {shape.name} is no list")
        self._out_of_bounds(len(value), shape, path, "items")
        nests = shape.name == "ConfigurationList"
        self._depth += nests
        if self._depth > MAX_CONFIGURATION_DEPTH:
            self._found.add(path, f"configurations nest more than {MAX_CONFIGURATION_DEPTH} deep")
        else:
            for index, item in enumerate(value[: shape.maximum]):
                self.any(item, shape.element, f"{path}[{index}]")
        self._depth -= nests

    def _map(self, value: Mapping[str, object], shape: Shape, path: str) -> None:
        if shape.element is None or shape.key is None:
            raise TypeError(f"{path}: {shape.name} is no map")
        self._out_of_bounds(len(value), shape, path, "entries")
        for index, key in enumerate(sorted(value)[: shape.maximum], start=1):
            # A key inside a sensitive map may be sensitive itself: its place is told instead.
            place = f"{path}[entry {index} in key order]" if self._sensitive else f"{path}.{shown_key(key)}"
            self.any(key, shape.key, f"{place} (the key)" if self._sensitive else place)
            self.any(value[key], shape.element, place)

    def _out_of_bounds(self, size: int, shape: Shape, path: str, unit: str) -> bool:
        low, high = shape.minimum, shape.maximum
        outside = (low is not None and size < low) or (high is not None and size > high)
        if outside:
            self._found.add(path, f"has {size:,} {unit}; {_range(low, high)} are allowed")
        return outside

    def _shown(self, value: str) -> str:
        return "" if self._sensitive else f"{shown(value)} "


def shown(value: str) -> str:
    """A value that is not sensitive, quoted and bounded, for a message."""
    cut = value if len(value) <= MAX_SHOWN_CHARACTERS else value[: MAX_SHOWN_CHARACTERS - 1] + "…"
    return json.dumps(cut, ensure_ascii=True)


def shown_key(key: str) -> str:
    """A map's key as part of a path: as it is where it is plain, else quoted and bounded."""
    plain = key.isascii() and key.isprintable() and len(key) <= MAX_SHOWN_CHARACTERS
    return key if plain and key else shown(key)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _range(low: int | None, high: int | None) -> str:
    if high is None:
        return f"at least {low:,}"
    return f"at most {high:,}" if not low else f"{low:,} to {high:,}"
