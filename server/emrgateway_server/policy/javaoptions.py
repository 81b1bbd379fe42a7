"""What code a JVM's options load, and what they set of Spark."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emrgateway_server.policy.spark.words import cuts

# java(1): agents, class paths, files of options, commands that run when the JVM fails, and log4j's configuration.
# Where a JVM writes: its logs, what it leaves when it fails, flight records.
_WRITTEN = re.compile(
    r"-Xlog(?::[^\s:]*)*?:file=(?P<log>[^\s:\"']+)|-Xlog:[^\s:]*:(?!std(?:out|err)\b|file=)(?P<bare>[^\s:\"']+)|-Xloggc:(?P<gc>\S+)"
    r"|-XX:(?:ErrorFile|HeapDumpPath|LogFile)=(?P<dump>\S+)|-XX:StartFlightRecording\S*?filename=(?P<record>[^\s,]+)"
)
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
_COMMAND = re.compile(r"-XX:On(?:OutOfMemory)?Error=(?P<command>(?:\"[^\"]*\"|'[^']*'|[^\s\"'])+)")
_WHOLE_COMMAND = re.compile(r"-XX:On(?:OutOfMemory)?Error=(?P<command>.*)", re.DOTALL)
# EMR's own way to end a JVM that has no memory left: this and no more, since a shell runs it.
_KILL = re.compile(r"[\"']?kill(?: +-(?:9|15|KILL|TERM))?(?: +%p)?[\"']?")


def loaded(text: str) -> Iterator[tuple[str, int, bool]]:
    """Each location that the options load from, where it begins, and whether it is an agent or a command.

    Agents and commands are told however they are named; the rest may be left alone where it is in the job's folder.
    Each is told as it is written, and as it is where a reader drops quotes or backslashes.
    """
    if "-" not in text and "@" not in text:
        return
    seen = set()
    for each in _plainly(text):
        seen.add(each[0].strip(_QUOTES))
        yield each
    for words in cuts(text)[1:]:
        for index, word in enumerate(words.texts):
            for location, start, always in _plainly(word, _WHOLE_COMMAND):
                if location.strip(_QUOTES) not in seen:
                    seen.add(location.strip(_QUOTES))
                    yield location, words.column(index, start) - 1, always


def _plainly(text: str, command: re.Pattern[str] = _COMMAND) -> Iterator[tuple[str, int, bool]]:
    for match in _AGENT.finditer(text):
        yield match["agent"], match.start("agent"), True
    for match in command.finditer(text):
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


def written(text: str) -> Iterator[tuple[str, int]]:
    """Each location that the options have a JVM write to, and where it begins; less plain names in the job's folder."""
    for match in _WRITTEN.finditer(text):
        group = str(match.lastgroup)
        if "/" in match[group]:
            yield match[group], match.start(group)
