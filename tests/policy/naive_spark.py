"""What a Spark job is configured to be, read as the design's words go: a word at a time, and none of the server's code.

`make fuzz` holds this reading against Spark's own, as it does the server's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import naive_configurations

# Option → the key of the configuration that it is another name of.
TWINS = {
    "--archives": "spark.archives",
    "--deploy-mode": "spark.submit.deployMode",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-cores": "spark.driver.cores",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-library-path": "spark.driver.extraLibraryPath",
    "--driver-memory": "spark.driver.memory",
    "--exclude-packages": "spark.jars.excludes",
    "--executor-cores": "spark.executor.cores",
    "--executor-memory": "spark.executor.memory",
    "--files": "spark.files",
    "--jars": "spark.jars",
    "--keytab": "spark.kerberos.keytab",
    "--master": "spark.master",
    "--name": "spark.app.name",
    "--num-executors": "spark.executor.instances",
    "--packages": "spark.jars.packages",
    "--principal": "spark.kerberos.principal",
    "--py-files": "spark.submit.pyFiles",
    "--queue": "spark.yarn.queue",
    "--remote": "spark.remote",
    "--repositories": "spark.jars.repositories",
    "--total-executor-cores": "spark.cores.max",
}
# The launcher of spark-submit makes these `--conf` before it counts: the last of either wins.
_LAUNCHERS = ("--driver-class-path", "--driver-java-options", "--driver-library-path", "--driver-memory")
_WITH_VALUE = {*TWINS, "--class", "--conf", "--proxy-user"}
# Options that start no job, or that Spark 3 does not have.
_REFUSED = {"--driver-default-class-path", "--kill", "--status"}
_SWITCHES = {"--supervise", "--verbose", "-v"}
_FILES = {"--properties-file", "--extra-properties-file"}
# Those by which the launcher lets options stand anywhere, also among the arguments of the entry point.
_SHELLS = re.compile(r"org\.apache\.spark\.(repl|sql\.hive\.thriftserver|sql\.connect\.service)\..*")
# The older name that Spark reads where the newer one is unset.
_OLDER = {
    "spark.driver.memoryOverhead": "spark.yarn.driver.memoryOverhead",
    "spark.executor.memoryOverhead": "spark.yarn.executor.memoryOverhead",
    "spark.memory.offHeap.enabled": "spark.unsafe.offHeap",
    "spark.kerberos.keytab": "spark.yarn.keytab",
    "spark.kerberos.principal": "spark.yarn.principal",
}
_USUAL_BLANKS = " \t\n\r"


@dataclass(frozen=True)
class Reading:
    """One way to read a job: its effective configuration, what it says of each key, and what else may run."""

    conf: Mapping[str, str]
    said: tuple[tuple[str, str], ...] = ()
    bare: tuple[str, ...] = ()


@dataclass
class _Words:
    """A parameter string taken apart: its options with their values, in order, and what is wrong with it."""

    options: list[tuple[str, str]] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def kinds(request: Mapping[str, Any]) -> set[str]:
    """What readers of the job's parameters and `spark-defaults` disagree on, by kind."""
    text = parameters(request)
    found = {kind for kind in ("quotes", "backslash", "blanks", "control") if any(map(_TELLS[kind], text))}
    for words in _splits(text):
        found |= _taken_apart(words).kinds
    for key, value in naive_configurations.entries(request, "spark-defaults"):
        found |= {"blanks"} if key != key.strip(" ") else set()
        found |= {"control"} if "\n" in key + value else set()
    if len(_merged(request)) > 1:
        found.add("duplicate-defaults")
    return found


def readings(request: Mapping[str, Any]) -> list[Reading]:
    """All ways to read a job; there is more than one only where readers disagree."""
    found: list[Reading] = []
    for words in _splits(parameters(request)):
        parts = _taken_apart(words)
        for defaults in _merged(request):
            for launched in (False, True):
                conf = _conf(parts.options, defaults, launched=launched)
                reading = Reading(conf, (*defaults.items(), *_said(parts.options)), tuple(parts.bare))
                if reading not in found:
                    found.append(reading)
    return found


def parameters(request: Mapping[str, Any]) -> str:
    """The job's sparkSubmitParameters; empty where there are none."""
    return str(request.get("jobDriver", {}).get("sparkSubmit", {}).get("sparkSubmitParameters", ""))


def is_spark(request: Mapping[str, Any]) -> bool:
    """Whether the job is one of Spark."""
    return "sparkSubmit" in request.get("jobDriver", {})


def amended(request: dict[str, Any], key: str, value: str) -> bool:
    """Make `key` effectively `value`: cut it everywhere, then put it into the first top-level `spark-defaults`.

    False where it has no room there.
    """
    cut = [word for option in _spelled(parameters(request)) if _key_of(option) != key for word in option]
    if "sparkSubmitParameters" in request["jobDriver"]["sparkSubmit"]:
        request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"] = " ".join(cut)
        if not cut:
            del request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    return naive_configurations.put(request, "spark-defaults", key, value)


def _said(options: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What each option says of its key, whether another one overrules it or not."""
    for name, value in options:
        if name == "--conf":
            key, _, said = value.partition("=")
            yield key, said
        elif name in TWINS:
            yield TWINS[name], value


def _is_quote(character: str) -> bool:
    return character in "'\""


def _is_odd_blank(character: str) -> bool:
    return character.isspace() and character not in _USUAL_BLANKS


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" and character not in _USUAL_BLANKS


_TELLS = {"quotes": _is_quote, "backslash": "\\".__eq__, "blanks": _is_odd_blank, "control": _is_control}


def _splits(text: str) -> list[list[str]]:
    """The words by blanks and, where they differ, by a POSIX shell; a shell that cannot read it has none."""
    by_blanks, by_shell = text.split(), _by_shell(text)
    return [by_blanks] if by_shell is None or by_shell == by_blanks else [by_blanks, by_shell]


def _by_shell(text: str) -> list[str] | None:
    """A `#` is data."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    escaped = False
    for character in text:
        if escaped:
            # Within double quotes a backslash is one, but before what it could escape there.
            kept = "\\" if quote and character not in '"\\' else ""
            word, escaped = (word or "") + kept + character, False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote, word = ("", word or "") if character == quote else (quote, (word or "") + character)
        elif character in "'\"":
            quote, word = character, word or ""
        elif character in _USUAL_BLANKS:
            words += [] if word is None else [word]
            word = None
        else:
            word = (word or "") + character
    return None if quote or escaped else words + ([] if word is None else [word])


def _taken_apart(words: Sequence[str]) -> _Words:
    found = _Words()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        equals = re.fullmatch(r"(--[^=]+)=(.+)", word)
        name, value = (equals[1], equals[2]) if equals else (word, None)
        name = "--conf" if name == "-c" else name
        if name in _WITH_VALUE | _FILES | _REFUSED:
            if value is None and (not rest or _names_an_option(rest[0])):
                found.kinds.add("malformed")
            value = (rest.pop(0) if rest else None) if value is None else value
            if value is not None:
                found.options.append((name, value))
        elif name not in _SWITCHES:
            is_dash = unicodedata.category(word[:1] or " ") == "Pd" and not word.startswith("-")
            found.kinds.add("dashes" if is_dash else "unknown-flag" if word.startswith("-") else "bare-token")
            found.bare += [] if word.startswith("-") else [word]
    for name, value in found.options:
        found.kinds |= _wrong_with(name, value)
    return found


def _wrong_with(name: str, value: str) -> set[str]:
    wrong = {"--conf": "=" not in value and "malformed", "--class": _SHELLS.fullmatch(value) and "bare-token"}
    files = {name in _FILES and "properties-file", name in _REFUSED and "unknown-flag", wrong.get(name)}
    return {kind for kind in files if kind}


def _names_an_option(word: str) -> bool:
    return word.partition("=")[0] in {*_WITH_VALUE, *_FILES, *_REFUSED, *_SWITCHES, "-c"}


def _spelled(text: str) -> Iterator[tuple[str, ...]]:
    """The words of a string that is plain, those of one option together."""
    rest = text.split()
    while rest:
        taken = 2 if rest[0] in {*_WITH_VALUE, "-c"} and len(rest) > 1 else 1
        yield tuple(rest[:taken])
        rest = rest[taken:]


def _key_of(option: tuple[str, ...]) -> str | None:
    """The key that an option sets."""
    for name, value in _taken_apart(option).options:
        return value.partition("=")[0] if name == "--conf" else TWINS.get(name)
    return None


def _merged(request: Mapping[str, Any]) -> list[dict[str, str]]:
    """All `spark-defaults` as one; where one key has two values, one for each choice."""
    values: dict[str, list[str]] = {}
    for key, value in naive_configurations.entries(request, "spark-defaults"):
        known = values.setdefault(key, [])
        known += [] if _trimmed(value) in known else [_trimmed(value)]
    merged: list[dict[str, str]] = [{}]
    for key, choices in values.items():
        merged = [{**each, key: choice} for each in merged for choice in choices]
    return merged


def _trimmed(value: str) -> str:
    """Spark trims what a properties file says, but for the ends of lines."""
    return re.sub(r"^[\x00-\x09\x0b\x0c\x0e-\x20]+|[\x00-\x09\x0b\x0c\x0e-\x20]+$", "", value)


def _conf(options: Sequence[tuple[str, str]], defaults: Mapping[str, str], *, launched: bool) -> dict[str, str]:
    """`spark-defaults`, over it the last `--conf`, over it the option of its own; what is not Spark's is ignored."""
    conf: dict[str, str] = {}
    flags: dict[str, str] = {}
    for name, value in options:
        if name == "--conf" and "=" in value:
            key, _, said = value.partition("=")
            conf[key] = said
        elif launched and name in _LAUNCHERS:
            conf[TWINS[name]] = value
        elif name in TWINS:
            flags[TWINS[name]] = value
    merged = {key: value for key, value in {**defaults, **conf}.items() if key.startswith("spark.")} | flags
    for newer, older in _OLDER.items():
        if older in merged:
            merged.setdefault(newer, merged[older])
    return merged
