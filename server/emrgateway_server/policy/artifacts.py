"""Every code or data that a request names by its location.

Class names are none: a class comes from a jar, and that one is named. A local path is compared as it is written. An
interpreter or a search path in the job's own folder is left alone: --files and --archives, judged themselves, fill it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from emrgateway_server.policy.channels import Channels, Pair
from emrgateway_server.policy.environment import is_java
from emrgateway_server.policy.javaoptions import loaded
from emrgateway_server.policy.named import PARAMETERS, Named

MAVEN = "maven:"

# Comma lists, as Utils.stringToSeq and Hadoop's getStrings split them.
_LISTS = frozenset(
    {
        "spark.archives",
        "spark.files",
        "spark.jars",
        "spark.jars.ivySettings",
        "spark.jars.repositories",
        "spark.kerberos.keytab",
        "spark.kubernetes.driver.podTemplateFile",
        "spark.kubernetes.executor.podTemplateFile",
        "spark.metrics.conf",
        "spark.repl.class.uri",
        "spark.scheduler.allocation.file",
        "spark.sql.hive.metastore.jars.path",
        "spark.submit.pyFiles",
        "spark.yarn.archive",
        "spark.yarn.dist.archives",
        "spark.yarn.dist.files",
        "spark.yarn.dist.jars",
        "spark.yarn.dist.pyFiles",
        "spark.yarn.jar",
        "spark.yarn.jars",
        "spark.yarn.keytab",
    }
)
_SEARCH_PATHS = frozenset(
    {
        "spark.driver.defaultExtraClassPath",
        "spark.driver.extraClassPath",
        "spark.driver.extraLibraryPath",
        "spark.executor.defaultExtraClassPath",
        "spark.executor.extraClassPath",
        "spark.executor.extraLibraryPath",
        "spark.yarn.am.extraLibraryPath",
    }
)
_METASTORE_WORDS = ("builtin", "maven", "path")
_PROGRAMS = frozenset(
    {
        "spark.pyspark.driver.python",
        "spark.pyspark.python",
        "spark.r.command",
        "spark.r.driver.command",
        "spark.sparkr.r.command",
        "spark.sql.execution.pyspark.python",
    }
)

_HADOOP_LISTS = frozenset(
    {
        "hive.added.archives.path",
        "hive.added.files.path",
        "hive.added.jars.path",
        "hive.aux.jars.path",
        "hive.jar.directory",
        "hive.jar.path",
        "hive.reloadable.aux.jars.path",
        "hive.user.install.directory",
        "mapred.cache.archives",
        "mapred.cache.files",
        "mapred.jar",
        "mapreduce.application.framework.path",
        "mapreduce.job.cache.archives",
        "mapreduce.job.cache.files",
        "mapreduce.job.classpath.archives",
        "mapreduce.job.classpath.files",
        "mapreduce.job.jar",
        "net.topology.script.file.name",
        "tez.aux.uris",
        "tez.lib.uris",
        "tez.lib.uris.classpath",
        "tmparchives",
        "tmpfiles",
        "tmpjars",
    }
)

_ALWAYS = frozenset({"LD_AUDIT", "LD_PRELOAD"})
_VARIABLES = frozenset(
    {
        "BASH_ENV",
        "CLASSPATH",
        "HADOOP_CLASSPATH",
        "HADOOP_CONF_DIR",
        "HADOOP_HOME",
        "HIVE_AUX_JARS_PATH",
        "HIVE_CONF_DIR",
        "HIVE_HOME",
        "JAVA_HOME",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYSPARK_DRIVER_PYTHON",
        "PYSPARK_PYTHON",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "R_HOME",
        "R_LIBS",
        "SPARK_CLASSPATH",
        "SPARK_CONF_DIR",
        "SPARK_DIST_CLASSPATH",
        "SPARK_HOME",
    }
)

_ITEM = re.compile(r"[^,]+")
_ELEMENT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^:\s]*(?::[0-9]+(?![^/\s])[^:\s]*)?|[^:\s]+")  # of a search path
_IN_FOLDER = re.compile(r"(?:\./)?(?!/)(?:(?!\.\.)[A-Za-z0-9_./+@*-])*")
_LOCATION = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:/|/|\S+\.(?:sql|hql|q)\s*$)", re.IGNORECASE)
_NAMES_A_FILE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/|.*/|.*\.(?:sql|hql|q|jar|py)$", re.IGNORECASE)


def artifacts(driver: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """Everything named: by the driver, by loose words, by every key by which code or data is loaded."""
    yield from _of_spark(driver.get("sparkSubmit") or {}, channels)
    yield from _of_hive(driver.get("hive") or {}, channels)
    for pair in channels.pairs:
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
    how = _java if is_java(pair.key, pair.variable) else _BY_KEY.get(pair.key)
    if how is None and pair.variable:
        how = _BY_VARIABLE.get(pair.variable)
    if how is None and pair.hadoop:
        how = next((each for pattern, each in _BY_HADOOP_KEY if pattern.fullmatch(pair.hadoop)), None)
    if how is None and pair.key.endswith(".discoveryScript"):
        how = _items
    return how(pair) if how else ()


def _packages(pair: Pair) -> Iterator[Named]:
    for item in _items(pair):
        yield Named(MAVEN + item.value.replace("/", ":"), item.place, sensitive=True)


def _metastore_jars(pair: Pair) -> Iterable[Named]:
    return () if pair.value in _METASTORE_WORDS else _elements(pair)


def _variables(pair: Pair) -> Iterator[Named]:
    """Hadoop's `NAME=value,NAME=value`."""
    for match in _ITEM.finditer(pair.value):
        name, _, text = match[0].strip().partition("=")
        yield from _of_pair(pair._replace(key="", hadoop="", variable=name, value=text))


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


_How = Callable[[Pair], Iterable[Named]]

_BY_KEY: dict[str, _How] = {
    **dict.fromkeys(_LISTS, _items),
    **dict.fromkeys(_SEARCH_PATHS | _PROGRAMS, _elements),
    "spark.jars.packages": _packages,
    "spark.sql.hive.metastore.jars": _metastore_jars,
}
_BY_VARIABLE: dict[str, _How] = {
    **dict.fromkeys(_VARIABLES, _elements),
    **dict.fromkeys(_ALWAYS, _everywhere),
}
_BY_HADOOP_KEY: tuple[tuple[re.Pattern[str], _How], ...] = (
    (re.compile("|".join(map(re.escape, sorted(_HADOOP_LISTS)))), _items),
    (re.compile(r".*\.java\.opts|(?:tez|yarn)\..*\.(?:cmd|command)-opts"), _java),
    (re.compile(r"(?:mapred|mapreduce|tez|yarn)\..*\.env"), _variables),
)
