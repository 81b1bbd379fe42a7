"""sparkSubmitParameters cut into words, in every way in which a reader of it may cut it.

How EMR cuts the string is undocumented. Where it is plain (ASCII without quotes and backslashes) all tokenisers agree:
Java's StringTokenizer, `str.split`, a POSIX shell. Elsewhere each way is tried, and those that differ are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

BLANKS = "\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Unicode's Cc, Cf and Cs, less the blanks: what no one sees.
CONTROL = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u08e2\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
DASHES = (
    "\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\ufe31\ufe32\ufe58\ufe63"
    "\uff0d\U00010ead"
)

_NOT_PLAIN = re.compile(r"[^\t\n\r !#-&(-\[\]-~]")
_BY_FOUR_BLANKS = re.compile(r"[^ \t\n\r]+")
_BY_EVERY_BLANK = re.compile(rf"[^ \t\n\r{BLANKS}]+")
_ODD = re.compile(rf"(?P<quotes>['\"])|(?P<backslash>\\)|(?P<blanks>[{BLANKS}])|(?P<control>[{CONTROL}])")
_SHELL = re.compile(
    r"""(?P<blank>[ \t\n\r]+)|'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|\\(?P<escaped>.)"""
    r"""|(?P<plain>[^ \t\n\r'"\\]+)|(?P<open>['"\\].*)""",
    re.DOTALL,
)
_POSIX_ESCAPE = re.compile(r"\\([\"\\$`\n])")
_SHLEX_ESCAPE = re.compile(r"\\([\"\\])")
_MENDS = {
    "quotes": "a quote, which some readers drop and others keep: leave it out, or move the setting into spark-defaults",
    "backslash": "a backslash, which some readers drop and others keep: leave it out; line breaks need none",
    "blanks": "a blank that some readers split at and others do not: write a plain space",
    "control": "an invisible character: leave it out",
}


class Words:
    """One way to cut the string: `texts` as its reader sees them, `spans` as they stand in the string.

    `is_plain` is whether every reader cuts it so.
    """

    __slots__ = ("_spans", "is_plain", "string", "texts")

    def __init__(self, string: str, texts: list[str], spans: list[tuple[int, int]] | None = None) -> None:
        self.string = string
        self.texts = texts
        self.is_plain = spans is None
        self._spans = spans

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The begin and end of each word; found when first needed, since a plain, harmless string needs none."""
        if self._spans is None:
            self._spans = [match.span() for match in _BY_FOUR_BLANKS.finditer(self.string)]
        return self._spans

    def column(self, index: int, offset: int = 0) -> int:
        """The column, from 1, of a word, or of what stands at an offset in it where the word stands as it is read."""
        start, end = self.spans[index]
        return start + 1 + (offset if end - start == len(self.texts[index]) else 0)


def cuts(string: str) -> list[Words]:
    """The ways to cut a string that differ from each other; the first splits at every blank and keeps all else."""
    if _is_plain(string):
        return [Words(string, string.split())]
    ways: list[Callable[[str], Words]] = [
        lambda text: _split(text, _BY_EVERY_BLANK),
        lambda text: _split(text, _BY_FOUR_BLANKS),
        lambda text: _shell(text, joins=True),
        lambda text: _shell(text, joins=False),  # Python's shlex
    ]
    found: list[Words] = []
    for way in ways:
        words = way(string)
        if all(words.texts != other.texts for other in found):
            found.append(words)
    return found


def _is_plain(string: str) -> bool:
    """Whether there is nothing but ASCII's visible characters and blanks, less quotes and backslashes."""
    if string.isascii() and string.isprintable():  # most are, and to see that is quick
        return not ("'" in string or '"' in string or "\\" in string)
    return not _NOT_PLAIN.search(string)


def odd_characters(string: str) -> Iterator[tuple[str, int, str]]:
    """The kind, column and message of each character that readers treat in different ways; one a word and kind."""
    seen: set[tuple[str, int]] = set()
    starts = [match.start() for match in _BY_FOUR_BLANKS.finditer(string)]
    word = 0
    for match in _ODD.finditer(string):
        while word + 1 < len(starts) and starts[word + 1] <= match.start():
            word += 1
        kind = str(match.lastgroup)
        if (kind, word) not in seen:
            seen.add((kind, word))
            yield kind, match.start() + 1, _MENDS[kind]


def _split(string: str, pattern: re.Pattern[str]) -> Words:
    matches = list(pattern.finditer(string))
    return Words(string, [match[0] for match in matches], [match.span() for match in matches])


def _shell(string: str, *, joins: bool) -> Words:
    """As a POSIX shell reads it, without comments and expansion. An open quote reaches to the end.

    A backslash before a line break joins the lines; with `joins` off it is a line break in a word, as shlex has it.
    """
    texts: list[str] = []
    spans: list[tuple[int, int]] = []
    pieces: list[str] = []
    start: int | None = None
    for match in _SHELL.finditer(string):
        if match["blank"] is None:
            piece = _shell_piece(match, joins=joins)
            if piece is not None:
                start = match.start() if start is None else start
                pieces.append(piece)
        if start is not None and (match["blank"] is not None or match.end() == len(string)):
            texts.append("".join(pieces))
            spans.append((start, match.start() if match["blank"] is not None else match.end()))
            pieces, start = [], None
    return Words(string, texts, spans)


def _shell_piece(match: re.Match[str], *, joins: bool) -> str | None:
    """What one piece adds to a word; None where it is nothing at all, unlike an empty pair of quotes."""
    if match["double"] is not None:
        escapes = _POSIX_ESCAPE if joins else _SHLEX_ESCAPE
        return escapes.sub(lambda escape: "" if escape[1] == "\n" else escape[1], match["double"])
    if match["escaped"] is not None:
        return None if joins and match["escaped"] == "\n" else match["escaped"]
    if match["open"] is not None:
        return match["open"][1:]
    return match["single"] if match["single"] is not None else match["plain"]
