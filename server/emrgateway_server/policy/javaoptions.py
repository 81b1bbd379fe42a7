"""What code a JVM's options load, and what they set of Spark."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emrgateway_server.policy.spark.words import cuts

# java(1): agents, class paths, files of options, commands that run when the JVM fails, and log4j's configuration.
_QUOTES = "'\""
_AGENT = re.compile(r"-(?:javaagent|agentpath|agentlib):(?P<agent>[^\s=]+)")
_PATHS = re.compile(
    r"-Xbootclasspath(?:/[ap])?:(?P<boot>\S+)"
    r"|(?:^|(?<=\s))(?:-cp|-classpath|-p|--class-path|--module-path|--upgrade-module-path)[\s=]+(?P<path>\S+)"
    r"|--patch-module[\s=]+[^\s=]+=(?P<patch>\S+)"
    r"|-D(?:java\.(?:class\.path|library\.path|ext\.dirs|endorsed\.dirs)|log4j2?\.configuration(?:File)?)=(?P<set>\S+)"
    r"|-XX:(?:Flags|VMOptionsFile|SharedArchiveFile)=(?P<flags>\S+)"
    r"|(?:^|(?<=\s))@(?P<argfile>\S+)"
)
_COMMAND = re.compile(r"-XX:On(?:OutOfMemory)?Error=(?P<command>\"[^\"]*\"|'[^']*'|\S+)")
_KILL = re.compile(r"[\"']?kill\b[^;&|]*")  # EMR's own way to end a JVM that has no memory left


def loaded(text: str) -> Iterator[tuple[str, int, bool]]:
    """Each location that the options load from, where it begins, and whether it is an agent or a command.

    Agents and commands are told however they are named; the rest may be left alone where it is in the job's folder.
    """
    if "-" not in text and "@" not in text:
        return
    for match in _AGENT.finditer(text):
        yield match["agent"], match.start("agent"), True
    for match in _COMMAND.finditer(text):
        if not _KILL.fullmatch(match["command"]):
            yield match["command"], match.start("command"), True
    for match in _PATHS.finditer(text):
        yield match[str(match.lastgroup)], match.start(str(match.lastgroup)), False


def properties(text: str) -> Iterator[tuple[str, str, int]]:
    """Each key of Spark's that the options set, its value and where that begins: a SparkConf takes them for its own."""
    if "-D" not in text and "'" not in text and '"' not in text and "\\" not in text:
        return
    seen: set[tuple[str, str]] = set()
    for words in cuts(text):
        for index, word in enumerate(words.texts):
            key, _, value = word.lstrip(_QUOTES).removeprefix("-D").partition("=")
            if key.startswith("spark.") and word.lstrip(_QUOTES).startswith("-D") and (key, value) not in seen:
                seen.add((key, value))
                yield key, value, words.column(index, len(word) - len(value)) - 1
