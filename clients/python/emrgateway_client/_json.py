"""JSON text → tree. Python's own reader, but nothing it would drop is dropped and nothing JSON lacks is taken."""

from __future__ import annotations

import json
from typing import Final

from emrgateway_client._tree import MAX_DEPTH, Items, Node, Pairs, Scalar, Unreadable

# Longer than any number a field can hold, shorter than what Python refuses to convert (4,300 digits).
_MOST_DIGITS: Final = 40
_BEYOND_ANY_FIELD: Final = 10**_MOST_DIGITS


class _Object(list[tuple[str, object]]):
    """A JSON object as it was written, duplicates kept."""


class _Constant(str):
    """`NaN`, `Infinity` or `-Infinity`, which Python reads and JSON does not have."""

    __slots__ = ()


def read(text: str) -> Node:
    """Read one JSON document.

    Raises `json.JSONDecodeError` for what is no JSON, and `RecursionError` for what is nested beyond reason.
    """
    value = json.loads(text, object_pairs_hook=_Object, parse_constant=_Constant, parse_int=_integer)
    return _node(value, 0)


def _integer(digits: str) -> int:
    if len(digits) <= _MOST_DIGITS:
        return int(digits)
    return -_BEYOND_ANY_FIELD if digits.startswith("-") else _BEYOND_ANY_FIELD


def _node(value: object, depth: int) -> Node:
    if depth > MAX_DEPTH:
        return Unreadable(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case _Constant():
            return Unreadable("NaN and Infinity are no JSON numbers")
        case _Object():
            return Pairs([(Scalar(key), _node(item, depth + 1)) for key, item in value])
        case list():
            return Items([_node(item, depth + 1) for item in value])
        case None | str() | bool() | int() | float():
            return Scalar(value)
        case _:  # json.loads makes nothing else
            raise AssertionError(type(value))
