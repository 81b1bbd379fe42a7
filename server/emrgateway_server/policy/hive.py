"""A Hive job's parameters, read generously: what any reader may take for a setting is one here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emrgateway_server.policy.named import known_key
from emrgateway_server.policy.spark.words import DASHES, Words, cuts

_DASH = f"[-{DASHES}]"
_SETTING = re.compile(
    rf"{_DASH}{{1,2}}(?P<flag>hiveconf|hivevar|define|d)(?:=(?P<pair>.*))?", re.IGNORECASE | re.DOTALL
)
_FILE = re.compile(rf"{_DASH}{{1,2}}(?P<flag>i|f|init|file)(?:=(?P<pair>.*))?", re.IGNORECASE | re.DOTALL)
_JOINED = re.compile(rf"{_DASH}(?P<flag>[if])(?P<pair>[^=].*)", re.DOTALL)  # as commons-cli reads -fFILE
_QUOTES = "'\""


@dataclass(frozen=True, slots=True)
class HiveWord:
    """One word of the parameters that says something: a `key=value`, or with no key a file or a loose word."""

    words: Words
    index: int
    flag: str
    key: str
    value: str

    def place(self, detail: object, item: int | None = None, offset: int = 0) -> str:  # noqa: ARG002 - its own detail
        """Where the value stands: `--hiveconf hive.aux.jars.path[1], column 12`."""
        label = f"{self.flag}{known_key(self.key)}"
        index = "" if item is None else f"[{item}]"
        start = max(self.words.texts[self.index].rfind(self.value), 0)
        return f"{label}{index}, column {self.words.column(self.index, start + offset)}"


def hive_words(string: str) -> list[HiveWord]:
    """What the parameters say, in every way to cut them; what several ways have in common is told once."""
    found: dict[tuple[str, str], HiveWord] = {}
    for words in cuts(string):
        flag = ""
        for index, text in enumerate(words.texts):
            match = _SETTING.fullmatch(text) or _FILE.fullmatch(text) or _JOINED.fullmatch(text)
            if match is not None:
                flag = f"--{match['flag'].lower()}" if len(match["flag"]) > 1 else f"-{match['flag'].lower()}"
                text = match["pair"] or ""  # noqa: PLW2901 - what is left of the word
            if text:
                word = _word(words, index, flag, text.strip(_QUOTES))
                found.setdefault((word.key, word.value), word)
                flag = ""
    return list(found.values())


def _word(words: Words, index: int, flag: str, text: str) -> HiveWord:
    key, equals, value = text.partition("=")
    if flag in ("-i", "-f", "--init", "--file") or not equals:
        return HiveWord(words, index, flag or "parameters", "", text)
    return HiveWord(words, index, flag or "parameters", key.strip(_QUOTES), value.strip(_QUOTES))
