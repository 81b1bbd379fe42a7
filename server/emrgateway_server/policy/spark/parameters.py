"""Words as spark-submit reads them: settings, and what stands in no option's place.

This follows SparkSubmitOptionParser, but goes on where Spark would stop or refuse, so that all that is wrong is found
and all that is named is seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from emrgateway_server.policy.named import known_key
from emrgateway_server.policy.spark import options
from emrgateway_server.policy.spark.words import DASHES, Words, cuts

_LINE_END = re.compile("[\n\r\x85\u2028\u2029]")  # what Java's `.` does not match
_MEANT_DASHES = re.compile(rf"-?[{DASHES}][-{DASHES}]*")
_IN_ARGUMENTS = (0, 0)
_MIXING = "a class for which spark-submit runs something else than the entry point, its arguments read as options"
_NO_VALUE = "an option without a value: write the value behind it, or leave the option out"


class Setting(NamedTuple):
    """One option with its value. `key` is the configuration key that it sets, "" where it sets none.

    `first` and `last` are the words it takes, `offset` is where in the last one the value begins.
    """

    flag: str
    key: str
    value: str
    first: int
    last: int
    offset: int


class Stray(NamedTuple):
    """A word that is a trouble: its kind, which word it is, and what is wrong with it."""

    kind: str
    word: int
    message: str


@dataclass(slots=True)
class Parameters:
    """The string, read in one way. `stop` is how many settings Spark reads before a bare word ends its options.

    `inner` are the arguments alone, where the entry point submits by them a job of its own.
    """

    words: Words
    settings: list[Setting] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    files: list[Setting] = field(default_factory=list)
    bare: list[int] = field(default_factory=list)
    main_class: str = ""
    stop: int | None = None
    inner: Parameters | None = None

    def place(self, setting: Setting, item: int | None = None, offset: int = 0) -> str:
        """Where a setting's value stands: `--jars[3], column 118`."""
        name = f"--conf{known_key(setting.key)}" if setting.flag in options.CONF else setting.flag
        index = "" if item is None else f"[{item}]"
        if self.words.spans[setting.last] == _IN_ARGUMENTS:
            return f"{name}{index}, in the entry point's arguments"
        return f"{name}{index}, column {self.words.column(setting.last, setting.offset + offset)}"

    def column(self, word: int, offset: int = 0) -> str:
        """Where a word stands: `column 9`."""
        if self.words.spans[word] == _IN_ARGUMENTS:
            return "in the entry point's arguments"
        return f"column {self.words.column(word, offset)}"

    def span(self, setting: Setting) -> tuple[int, int]:
        """The bytes that a setting takes in the string."""
        return self.words.spans[setting.first][0], self.words.spans[setting.last][1]


@lru_cache(maxsize=4)
def readings(string: str) -> tuple[Parameters, ...]:
    """The string read in each way in which it may be cut; kept for the amendments that follow. Not to be changed."""
    return tuple(parse(words) for words in cuts(string))


def parse(words: Words) -> Parameters:
    """The settings of the words, in order."""
    read = Parameters(words)
    texts = words.texts
    count = len(texts)
    index = 0
    while index < count:
        if texts[index] == "--conf" and index + 1 < count:  # most of them: the short way
            key, equals, value = texts[index + 1].partition("=")
            if equals and key.startswith("spark."):
                read.settings.append(Setting("--conf", key, value, index, index + 1, len(key) + 1))
                index += 2
                continue
        index = _next(read, texts[index], index)
    return read


def mixed(read: Parameters, arguments: Sequence[str]) -> list[Parameters]:
    """The reading of a launcher that takes options from the entry point's arguments too, where it finds any there."""
    again = options.submits_again(read.main_class)
    if not options.runs_arguments(read.main_class) or not any(again or text.startswith("-") for text in arguments):
        return []
    words = read.words
    spans = [*words.spans, *(_IN_ARGUMENTS for _ in arguments)]
    together = parse(Words(words.string, [*words.texts, *arguments], spans))
    if again:
        together.inner = parse(Words(words.string, list(arguments), spans[len(words.texts) :]))
    return [together]


def _next(read: Parameters, word: str, index: int) -> int:
    """Read the option at a word; the index of the word after it."""
    flag, value = _inline(word)
    if flag in options.VALUED or flag in options.PROPERTIES_FILES:
        return _valued(read, flag, value, word, index)
    if flag in options.SWITCHES:
        return index + 1
    if not word.startswith("-") or _MEANT_DASHES.match(word):
        return _no_option(read, word, index)
    read.strays.append(Stray("unknown-flag", index, _unknown(flag)))
    takes_value = value is None and flag in options.NO_JOB_VALUED | options.SPARK_4_VALUED
    return index + 2 if takes_value else index + 1


def _inline(word: str) -> tuple[str, str | None]:
    """`--flag=value` by Spark's `(--[^=]+)=(.+)`."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        if equals and value and len(flag) > len("--") and not _LINE_END.search(value):
            return flag, value
    return word, None


def _valued(read: Parameters, flag: str, value: str | None, word: str, index: int) -> int:
    texts, last = read.words.texts, index
    if value is None:
        last = index + 1
        if last == len(texts):
            read.strays.append(Stray("malformed", index, _NO_VALUE))
            return last
        value = texts[last]
        if _inline(value)[0] in options.KNOWN and (flag not in options.CONF or "=" in value):
            read.strays.append(Stray("malformed", index, _NO_VALUE))
        offset = 0
    else:
        offset = len(word) - len(value)
    setting = Setting(flag, options.VALUED.get(flag, ""), value, index, last, offset)
    if flag in options.CONF:
        _conf(read, setting)
    elif flag in options.PROPERTIES_FILES:
        _properties_file(read, setting)
    else:
        _option(read, setting)
    return last + 1


def _conf(read: Parameters, setting: Setting) -> None:
    """One `key=value`; Spark ignores keys that do not begin with `spark.`."""
    key, equals, value = setting.value.partition("=")
    if not equals:
        read.strays.append(
            Stray("malformed", setting.last, f"{setting.flag} without = : write {setting.flag} key=value")
        )
    elif key.startswith("spark."):
        offset = setting.offset + len(key) + 1
        read.settings.append(setting._replace(key=key, value=value, offset=offset))


def _option(read: Parameters, setting: Setting) -> None:
    read.settings.append(setting)
    if setting.flag == "--class":
        read.main_class = setting.value
        if options.runs_arguments(setting.value):
            read.strays.append(Stray("bare-token", setting.last, _MIXING))
    elif setting.flag == "--deploy-mode" and setting.value not in ("client", "cluster"):
        read.strays.append(Stray("malformed", setting.last, "--deploy-mode is client or cluster"))


def _properties_file(read: Parameters, setting: Setting) -> None:
    read.files.append(setting)
    message = f"{setting.flag} loads settings that cannot be judged: write them into spark-defaults"
    read.strays.append(Stray("properties-file", setting.first, message))


def _no_option(read: Parameters, word: str, index: int) -> int:
    """A word that Spark takes as the entry point; read on as if dashes of another kind were meant as `--`."""
    if read.stop is None:
        read.stop = len(read.settings)
    read.bare.append(index)
    dashes = _MEANT_DASHES.match(word)
    if dashes is None:
        message = "a word that is no option and no option's value: Spark would run it in place of the entry point"
        read.strays.append(Stray("bare-token", index, message))
        return index + 1
    read.strays.append(Stray("dashes", index, "a dash that is none of ASCII's: write -- with two plain hyphens"))
    meant = "--" + word[dashes.end() :]
    flag, value = _inline(meant)
    if flag in options.VALUED or flag in options.PROPERTIES_FILES:
        return _valued(read, flag, value, word, index)
    return index + 1


def _unknown(flag: str) -> str:
    if flag in options.NO_JOB | options.NO_JOB_VALUED:
        return "an option with which spark-submit starts no job: leave it out"
    if flag in options.SPARK_4_VALUED | options.SPARK_4_SWITCHES:
        return "an option that Spark 3 does not know: leave it out"
    return "an option that spark-submit does not know: mend its spelling, or leave it out"
