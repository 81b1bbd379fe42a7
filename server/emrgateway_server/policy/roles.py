"""Every role that a request names, in whatever place and however it is spelled.

Detection is generous: what looks like a role's ARN to anything is listed, and globs refuse what is strange about it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from emrgateway_server.policy.channels import Channels
from emrgateway_server.policy.named import PARAMETERS, Named, shown_key
from emrgateway_server.shapes import Shape, field_name, request_shape

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u0456\u043e\u0440\u0455\u0433\u043f\u043c\u04cf\u0131\u03b1\u03bf\u03b9\u03b5\u0438\u0442\u03c4\u1d00\u0280\u0274",
    "aeiopsrnmliaoientTarn".lower(),
)
_COLONS = frozenset(
    "\u02d0\u02f8\u0589\u05c3\u0703\u0704\u1361\u16ec\u1803\u1809\u205a\u2236\ua4fd\ua789\ufe13\ufe30\ufe55\uff1a"
)


# Read where blanks and what is invisible are dropped, and each colon and slash is a plain one.
_HEAD = re.compile(r"arn:[^:]{0,64}:(?:iam|sts):[^:]{0,64}:[^:]{0,64}:(?:assumed-)?role[/:]")
_REST = re.compile(r"(?:(?!,\s*arn\s*:)[^\s\"'<>()\[\]{}|;])*", re.IGNORECASE)
_BETWEEN = re.compile(r",(?=\s*arn\s*:)", re.IGNORECASE)
_ESCAPED = {"%3a": ":", "%2f": "/", "\\u003a": ":", "\\u002f": "/"}
_UNIT = re.compile(r"%3a|%2f|\\u003a|\\u002f|[^\s]")


def roles(request: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """The execution role first, then every other, place by place."""
    execution = request.get("executionRoleArn")
    if execution:
        yield Named(execution, "execution_role_arn", sensitive=False)
    rest = {member: value for member, value in request.items() if member != "executionRoleArn"}
    if not _may_name_a_role(str(rest)):
        return
    rest = {member: value for member, value in rest.items() if _may_name_a_role(str([value]))}
    by_setting = (*_by_key(channels), *_in_words(channels)) if rest.keys() & _SETTING else ()
    seen: set[tuple[str, str]] = set()
    for named in (*by_setting, *_in(rest, request_shape("StartJobRun"), "", sensitive=False)):
        if (named.value, named.place) not in seen:
            seen.add((named.value, named.place))
            yield named


_SETTING = frozenset({"jobDriver", "configurationOverrides"})  # what channels are read from


def _may_name_a_role(text: str) -> bool:
    """Whether any looking closer is needed, by values as Python writes them: odd characters are escaped there.

    What `${…}` puts in may be a role whose name stands nowhere whole.
    """
    return "\\" in text or "${" in text or not text.isascii() or "role" in text.replace(" ", "").lower()


def found(text: str) -> Iterator[tuple[str, int]]:
    """Each text in a text that looks like a role's ARN, and where it begins.

    A text, or an item of a list of ARNs, that begins with one is told whole, to its last line break: who reads it may
    read it so.
    """
    skeleton = _skeleton(text)
    if not _HEAD.search(_squeezed(skeleton)):
        return
    start = 0
    for end in (*(match.start() for match in _BETWEEN.finditer(skeleton)), len(text)):
        part = skeleton[start:end]
        units = list(_UNIT.finditer(part))
        squeezed = "".join(_ESCAPED.get(unit[0], unit[0]) for unit in units)
        for match in _HEAD.finditer(squeezed):
            if match.start() == 0:
                yield text[start:end], start
                break
            begin = units[match.start()].start()
            rest = _REST.match(part, units[match.end() - 1].end())
            yield text[start + begin : start + (rest.end() if rest else len(part))], start + begin
        start = end + 1


def _squeezed(skeleton: str) -> str:
    text = "".join(skeleton.split())
    if "%" in text or "\\" in text:
        for escape, plain in _ESCAPED.items():
            text = text.replace(escape, plain)
    return text


def _by_key(channels: Channels) -> Iterator[Named]:
    """The values of keys that hold a role, whatever they look like."""
    for pair in channels.pairs:
        if pair.value and pair.meaning.is_role:
            yield pair.named(pair.value)
        else:
            for value, start in found(pair.value):
                yield pair.named(value, offset=start)


def _in_words(channels: Channels) -> Iterator[Named]:
    """The roles in words of the parameters that set no key."""
    read = channels.read
    if read is not None:
        taken = {index for setting in read.settings if setting.key for index in (setting.first, setting.last)}
        for index, text in enumerate(read.words.texts):
            if index not in taken:
                for value, start in found(text):
                    yield Named(value, f"{PARAMETERS}, {read.column(index, start)}", sensitive=True)
    for word in channels.hive:
        if not word.key:
            for value, start in found(word.value):
                yield Named(value, word.place(None, offset=start), sensitive=True)


def _in(value: object, shape: Shape | None, path: str, *, sensitive: bool) -> Iterator[Named]:
    """The roles in every text of a value of AWS's form, keys too; properties and parameters are told by key above."""
    hidden = sensitive or bool(shape and shape.sensitive)
    if isinstance(value, str):
        for text, _ in found(value):
            yield Named(text, path, hidden)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _in_member(str(name), inner, shape, path, sensitive=hidden)
    elif isinstance(value, Sequence):
        for index, inner in enumerate(value):
            yield from _in(inner, shape and shape.element, f"{path}[{index}]", sensitive=hidden)


_TOLD_BY_KEY = frozenset({"SparkSubmitParameters", "HiveCliParameters"})


def _in_member(name: str, value: object, shape: Shape | None, path: str, *, sensitive: bool) -> Iterator[Named]:
    if shape is not None and name in shape.members:
        inner = shape.members[name]
        if inner.name not in _TOLD_BY_KEY:
            yield from _in(value, inner, f"{path}.{field_name(name)}".lstrip("."), sensitive=sensitive)
        return
    for text, _ in found(name):
        yield Named(text, f"a key of {path}", sensitive)
    if not (shape is not None and shape.name == "SensitivePropertiesMap"):
        yield from _in(value, shape and shape.element, f"{path}.{shown_key(name)}", sensitive=sensitive)


def _skeleton(text: str) -> str:
    """The text as an eye reads it, a character for a character: small ASCII letters, plain colons, plain blanks."""
    return text.lower() if text.isascii() else "".join(map(_plain, text))


@lru_cache(maxsize=4_096)
def _plain(character: str) -> str:
    if character in _COLONS:
        return ":"
    plain = unicodedata.normalize("NFKC", character).lower().translate(_LOOKALIKES)
    if unicodedata.category(character) in ("Cf", "Cc", "Zs", "Zl", "Zp"):
        return " "
    return plain if len(plain) == 1 else character
