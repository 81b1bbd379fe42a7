"""Values as globs compare them: what separates their segments, and which are too strange to be compared."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

# Values come again with the next request: what is found of the shorter ones is kept.
KEPT = 16_384
LONGEST_KEPT = 256


class Kind(Enum):
    """What separates the segments of a value."""

    __hash__ = object.__hash__  # each is one object: Enum's own hash, written in Python, is slow

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


_SEPARATORS = {Kind.URL: "/", Kind.ARN: ":/", Kind.LOG_GROUP: "/", Kind.SPARK_KEY: "."}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")
_LIKE_A_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NO_AUTHORITY = ("file", "local")  # their URLs have three slashes
_S3_ALIAS = re.compile(r"\As3[an]://")
_NEVER_PLAIN = re.compile(r"[^\x20-\x7e]|[%?\\]")
_ALIAS = re.compile(r"(?!\.+$)[A-Za-z0-9._-]+")
_UPWARDS = re.compile(r"(^|/)\.\.?(/|$)")


def kind_of(value: str, *, otherwise: Kind = Kind.PLAIN) -> Kind:
    """What separates a value's segments, by its look; `otherwise` where it has neither a scheme nor is an ARN."""
    if value.startswith("arn:"):
        return Kind.ARN
    return Kind.URL if _SCHEME.match(value) else otherwise


def compared(value: str, kind: Kind) -> str | None:
    """What of a value is compared, of a URL all but its `#alias` (Spark's name of a file); None where it is strange."""
    return None if is_strange(value, kind) else normal(value.partition("#")[0] if kind is Kind.URL else value)


def is_strange(value: str, kind: Kind) -> bool:
    """Whether readers of the value may disagree on what it names.

    So does one with an empty inner segment, `.`, `..`, `%`, userinfo, `?`, a backslash, a control or a non-ASCII
    character: Kyuubi's CVE-2025-66518 was a path that was not normalised.
    """
    return (_is_strange if len(value) <= LONGEST_KEPT else _is_strange.__wrapped__)(value, kind)


@lru_cache(maxsize=KEPT)
def _is_strange(value: str, kind: Kind) -> bool:
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


def end_of_scheme(value: str) -> int:
    """Where what follows the scheme begins; 0 where there is none."""
    match = _SCHEME.match(value)
    return match.end() if match else 0


def normal(text: str) -> str:
    """Hadoop's other names of S3 compare as `s3`; a URL that ends with its authority means its root."""
    text = _S3_ALIAS.sub("s3://", text)
    scheme = _SCHEME.match(text)
    if scheme and "/" not in text[scheme.end() :] and not text.endswith("**"):
        return f"{text}/"
    return text
