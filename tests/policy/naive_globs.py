"""Globs matched by trying everything, segment by segment, as the design's words go: slow, plain, and not the server's.

The property tests hold the server's matcher against this one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

STAR = "\ue000"  # in a glob: a star that is no wildcard
_SEPARATORS = {"url": "/", "arn": ":/", "group": "/", "key": "."}


def kind_of(value: str, field: str = "plain") -> str:
    """What a value is, by its look: url or arn, else what its field is: plain, a path, a log group or a Spark key."""
    if value.startswith("arn:"):
        return "arn"
    if value.startswith("maven:"):
        return "plain"
    return "url" if re.match(r"[a-z][a-z0-9+.-]*://", value) else field


def matches(glob: str, value: str, field: str = "") -> bool:
    """Whether an `allow` of the glob lets the value of a field (plain, path, or one that is told by its look) pass."""
    if glob == "**":
        return True
    kind = _kind_between(glob, value, field)
    if strange(value, kind):
        return False
    if kind == "url":
        value = value.partition("#")[0]
    return _segments_match(_cut(_rooted(_as_s3(glob)), kind), _cut(_rooted(_as_s3(value)), kind))


def denies(glob: str, value: str, field: str = "") -> bool:
    """Whether a `deny` of the glob holds the value back."""
    return strange(value, _kind_between(glob, value, field)) or matches(glob, value, field)


def _kind_between(glob: str, value: str, field: str) -> str:
    """In a plain field, which may hold anything, a plain glob reads even what looks like a URL as plain text."""
    if field == "plain" and kind_of(glob) == "plain":
        return "plain"
    return kind_of(value, field or "plain")


def strange(value: str, kind: str) -> bool:
    """Whether a value is one that no `allow` matches and every `deny` does."""
    has_odd_character = any(not " " <= character <= "~" or character in "%?\\" for character in value)
    has_blanks_about_it = kind in ("url", "path") and value != value.strip()
    return has_odd_character or has_blanks_about_it or _SHAPES[kind](value)


def _strange_url(value: str) -> bool:
    alias = value.partition("#")[2]
    if "#" in value and not (alias.strip(".") and re.fullmatch(r"[A-Za-z0-9._-]+", alias)):
        return True
    scheme, _, body = value.partition("#")[0].partition("://")
    authority, _, path = body.partition("/")
    is_nowhere = not authority and scheme not in ("file", "local")
    has_port = ":" in authority and scheme in ("s3", "s3a", "s3n")
    return is_nowhere or has_port or "@" in authority or _odd(path)


def _strange_path(value: str) -> bool:
    return bool(re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", value)) or _odd(value.removeprefix("/"))


def _odd(path: str) -> bool:
    segments = path.split("/")
    return "" in segments[:-1] or "." in segments or ".." in segments


def _rooted(text: str) -> str:
    """`s3://b` names the root of b, as `s3://b/` does."""
    return f"{text}/" if re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/]*", text) and not text.endswith("**") else text


def _as_s3(text: str) -> str:
    for alias in ("s3a://", "s3n://"):
        if text.startswith(alias):
            return "s3://" + text.removeprefix(alias)
    return text


def _cut(text: str, kind: str) -> list[str]:
    """Segments and the separators between them: [segment, separator, segment, …]."""
    separators = _SEPARATORS.get(kind, "")
    return re.split(f"([{separators}])", text) if separators else [text]


def _segments_match(glob: list[str], value: list[str]) -> bool:
    if glob == ["**"]:
        return True
    if glob[0] == "**":
        # No segment at all, or one (with the separator that ends it) and then perhaps more.
        return _segments_match(glob[2:], value) or (len(value) > 1 and _segments_match(glob, value[2:]))
    if not _segment_matches(glob[0], value[0]):
        return False
    if len(glob) == 1 or len(value) == 1:
        return len(glob) == len(value)
    return glob[1] == value[1] and _segments_match(glob[2:], value[2:])


def _segment_matches(glob: str, text: str) -> bool:
    if not glob:
        return not text
    if glob[0] == "*":
        return any(_segment_matches(glob[1:], text[taken:]) for taken in range(len(text) + 1))
    return bool(text) and glob[0].replace(STAR, "*") == text[0] and _segment_matches(glob[1:], text[1:])


def _strange_plain(value: str) -> bool:
    return bool({".", ".."} & set(value.split("/")))


def _strange_group(value: str) -> bool:
    return _odd(value.removeprefix("/"))


def _strange_key(value: str) -> bool:
    return "" in value.split(".")[:-1]


_SHAPES: dict[str, Callable[[str], bool]] = {
    "arn": _odd,
    "group": _strange_group,
    "key": _strange_key,
    "path": _strange_path,
    "plain": _strange_plain,
    "url": _strange_url,
}
