"""Whether two globs have a common match."""

from __future__ import annotations

from emrgateway_server.globs.values import kind_of
from emrgateway_server.templates import Reference


def alphabet(text: str, parts: tuple[str | Reference, ...]) -> tuple[str, ...]:
    """One symbol a character; `**` and references become the empty symbol, which is any text.

    So does `*` where nothing separates; else it is a star and the characters that it does not cross.
    """
    separators = kind_of(text).separators
    symbols: list[str] = []
    for part in parts:
        if isinstance(part, Reference) or part == "**":
            symbols.append("")
        elif part == "*":
            symbols.append(f"*{separators}" if separators else "")
        else:
            # `**` may be no segment at all, and then its separator is not there either.
            symbols += part[1:] if symbols[-1:] == [""] and part[:1] in tuple(separators) else part
    return tuple(symbols)


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two wildcard texts, in symbols, have a common match."""
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
