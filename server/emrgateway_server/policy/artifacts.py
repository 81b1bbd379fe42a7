"""Every code or data that a request names by its location.

Class names are none: a class comes from a jar, and that one is named. A local path is compared as it is written. An
interpreter or a search path in the job's own folder is left alone: --files and --archives, judged themselves, fill it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from emrgateway_server.policy.channels import Channels, Pair
from emrgateway_server.policy.javaoptions import loaded
from emrgateway_server.policy.meanings import Loads, Meaning
from emrgateway_server.policy.named import PARAMETERS, Named

MAVEN = "maven:"

_METASTORE_WORDS = ("builtin", "maven", "path")


_ITEM = re.compile(r"[^,]+")
_ELEMENT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^:\s]*(?::[0-9]+(?![^/\s])[^:\s]*)?|[^:\s]+")  # of a search path
_IN_FOLDER = re.compile(r"(?:\./)?(?!/)(?:(?!\.\.)[A-Za-z0-9_./+@*-])*")
_LOCATION = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:/|/|\S+\.(?:sql|hql|q)\s*$)", re.IGNORECASE)
_NAMES_A_FILE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/|.*/|.*\.(?:sql|hql|q|jar|py)$", re.IGNORECASE)


def artifacts(driver: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """Everything named: by the driver, by loose words, by every key by which code or data is loaded."""
    yield from _of_spark(driver.get("sparkSubmit") or {}, channels)
    yield from _of_hive(driver.get("hive") or {}, channels)
    for pair in channels.telling:
        if pair.meaning.loads:
            yield from _of_pair(pair)


def _of_spark(spark: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    entry = spark.get("entryPoint")
    if entry:
        yield Named(entry, "job_driver.spark_submit.entry_point", sensitive=True)
    read = channels.read
    if read is not None:
        for index in read.bare:
            yield Named(read.words.texts[index], f"{PARAMETERS}, {read.column(index)}", sensitive=True)
        for setting in read.files:
            yield Named(setting.value, read.place(setting), sensitive=True)


def _of_hive(hive: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """The init file, the query where it is a location, and the files that the parameters name."""
    file, query = hive.get("initQueryFile"), hive.get("query")
    if file:
        yield Named(file, "job_driver.hive.init_query_file", sensitive=True)
    if query and _LOCATION.match(query):
        yield Named(query, "job_driver.hive.query", sensitive=True)
    for word in channels.hive:
        if not word.key and (word.flag.startswith("-") or _NAMES_A_FILE.match(word.value)):
            yield Named(word.value, word.place(None), sensitive=True)


def _of_pair(pair: Pair) -> Iterable[Named]:
    how = pair.meaning.loads
    return _LOADING[how](pair) if how else ()


def _packages(pair: Pair) -> Iterator[Named]:
    for item in _items(pair):
        yield item._replace(value=MAVEN + item.value.replace("/", ":"))


def _metastore_jars(pair: Pair) -> Iterable[Named]:
    return () if pair.value in _METASTORE_WORDS else _elements(pair)


def _variables(pair: Pair) -> Iterator[Named]:
    """Hadoop's `NAME=value,NAME=value`."""
    for match in _ITEM.finditer(pair.value):
        name, _, text = match[0].strip().partition("=")
        yield from _of_pair(pair._replace(meaning=Meaning("", variable=name), value=text))


def _items(pair: Pair) -> list[Named]:
    """The items of a comma list; each is named by its place in the list where there are several."""
    matches = [match for match in _ITEM.finditer(pair.value) if match[0].strip()]
    several = len(matches) > 1
    return [
        pair.named(match[0].strip(), index if several else None, match.start()) for index, match in enumerate(matches)
    ]


def _elements(pair: Pair) -> Iterator[Named]:
    """The elements of a search path, less those in the job's folder."""
    return (named for named in _everywhere(pair) if not _IN_FOLDER.fullmatch(named.value))


def _everywhere(pair: Pair) -> Iterator[Named]:
    """The elements of a search path."""
    return (pair.named(match[0], offset=match.start()) for match in _ELEMENT.finditer(pair.value))


def _java(pair: Pair) -> Iterator[Named]:
    for location, start, always in loaded(pair.value):
        if always:
            yield pair.named(location, offset=start)
        else:
            for match in _ELEMENT.finditer(location):
                if not _IN_FOLDER.fullmatch(match[0]):
                    yield pair.named(match[0], offset=start + match.start())


_LOADING: dict[Loads, Callable[[Pair], Iterable[Named]]] = {
    Loads.ITEMS: _items,
    Loads.ELEMENTS: _elements,
    Loads.EVERYWHERE: _everywhere,
    Loads.PACKAGES: _packages,
    Loads.METASTORE_JARS: _metastore_jars,
    Loads.JAVA: _java,
    Loads.VARIABLES: _variables,
}
