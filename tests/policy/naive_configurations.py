"""The configurations of a request, at any depth, and how a property is put there, as the design's words go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def blocks(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every configuration, at any depth."""
    return list(_deep(request.get("configurationOverrides", {}).get("applicationConfiguration", [])))


def entries(request: Mapping[str, Any], classification: str) -> Iterator[tuple[str, str]]:
    """Every key and value of every block of a classification."""
    for block in blocks(request):
        if block["classification"] == classification:
            yield from block.get("properties", {}).items()


def put(request: dict[str, Any], classification: str, key: str, value: str) -> bool:
    """Cut a key everywhere, and put it into the first top-level block of its classification, made if absent.

    A block that nothing is left in goes: an empty one would remove what the application has. False where there is no
    room.
    """
    top = request.setdefault("configurationOverrides", {}).setdefault("applicationConfiguration", [])
    home = next((block for block in top if block["classification"] == classification), None)
    if home is None:
        home = {"classification": classification}
        top.append(home)
    home.setdefault("properties", {})[key] = value
    _cut(top, home, classification, key)
    return len(home["properties"]) <= 100 and len(value) <= 1024


def _deep(configurations: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for each in configurations:
        yield each
        yield from _deep(each.get("configurations", []))


def _cut(configurations: list[dict[str, Any]], home: object, classification: str, key: str) -> None:
    for block in list(configurations):
        was_empty = not any(block.get(part) for part in ("properties", "configurations"))
        _cut(block.get("configurations", []), home, classification, key)
        if block is not home and block["classification"] == classification:
            block.get("properties", {}).pop(key, None)
        left = [part for part in ("properties", "configurations") if block.get(part)]
        if not was_empty:
            for part in {"properties", "configurations"} & block.keys() - set(left):
                del block[part]
        if not was_empty and not left:
            configurations.remove(block)
