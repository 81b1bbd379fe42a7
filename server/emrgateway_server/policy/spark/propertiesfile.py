"""Properties as they come out of a file into which they were written as they are, with no escapes.

How EMR writes spark-defaults.conf, escaped or not, is undocumented: what `java.util.Properties` makes of keys and
values with signs of its own is one more reading of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# Java ends a line at \n and \r; other writers and readers at all that `str.splitlines` knows.
_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_KEY = re.compile(r"(?P<key>(?:[^\\=: \t\f]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(?P<value>.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u+(?P<code>[0-9A-Fa-f]{4})|(?P<plain>.?))", re.DOTALL)
_SIGNS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def read(properties: Mapping[str, str], unknown: str) -> dict[str, str]:
    """The properties as a file's reader has them; the value given where two that do not agree come to one key."""
    found: dict[str, str] = {}
    for key, value in properties.items():
        for name, text in _entries(f"{key} {value}"):
            found[name] = unknown if found.get(name, text) != text else text
    return found


def goes_on(text: str) -> bool:
    """Whether a line that ends so takes the next one with it."""
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _entries(text: str) -> Iterator[tuple[str, str]]:
    line = ""
    for part in _LINE_END.split(text):
        line += part.lstrip(" \t\f")
        if goes_on(line):
            line = line[:-1]
            continue
        if line and line[0] not in "#!":
            yield _entry(line)
        line = ""
    if line and line[0] not in "#!":
        yield _entry(line)


def _entry(line: str) -> tuple[str, str]:
    match = _KEY.match(line)
    key, value = (match["key"], match["value"]) if match else (line, "")
    return _ESCAPE.sub(_plain, key), _ESCAPE.sub(_plain, value)


def _plain(escape: re.Match[str]) -> str:
    if escape["code"] is not None:
        return chr(int(escape["code"], 16))
    return _SIGNS.get(escape["plain"], escape["plain"])
