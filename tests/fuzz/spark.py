"""Spark itself, asked how it reads a command line: one JVM with pyspark's own jars, by py4j.

Two ways lead to a job's configuration, and which of them EMR Serverless goes is undocumented: `SparkSubmitArguments`
alone, or the launcher of `bin/spark-submit` (`SparkSubmitCommandBuilder`), which reads the options first and hands
`SparkSubmitArguments` a list of its own making. Both are asked.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, JVMView, launch_gateway
from py4j.protocol import Py4JJavaError

# What `SparkSubmit.prepareSubmitEnvironment` makes of the fields that options set: the key that each becomes.
_FIELDS = {
    "archives": "spark.archives",
    "deployMode": "spark.submit.deployMode",
    "driverCores": "spark.driver.cores",
    "driverExtraClassPath": "spark.driver.extraClassPath",
    "driverExtraJavaOptions": "spark.driver.extraJavaOptions",
    "driverExtraLibraryPath": "spark.driver.extraLibraryPath",
    "driverMemory": "spark.driver.memory",
    "executorCores": "spark.executor.cores",
    "executorMemory": "spark.executor.memory",
    "files": "spark.files",
    "ivyRepoPath": "spark.jars.ivy",
    "ivySettingsPath": "spark.jars.ivySettings",
    "jars": "spark.jars",
    "keytab": "spark.kerberos.keytab",
    "maybeMaster": "spark.master",
    "maybeRemote": "spark.remote",
    "name": "spark.app.name",
    "numExecutors": "spark.executor.instances",
    "packages": "spark.jars.packages",
    "packagesExclusions": "spark.jars.excludes",
    "principal": "spark.kerberos.principal",
    "pyFiles": "spark.submit.pyFiles",
    "queue": "spark.yarn.queue",
    "repositories": "spark.jars.repositories",
    "totalExecutorCores": "spark.cores.max",
}

# Variables that name a folder of configuration; without Hadoop's, Spark refuses `--master yarn`.
_CONF_DIRS = ("HADOOP_CONF_DIR", "SPARK_CONF_DIR")


class Refused(Exception):
    """Spark runs nothing by these arguments, and says why."""


@dataclass(frozen=True)
class Run:
    """What Spark would run: its effective configuration, the entry point as a URI, the entry point's arguments.

    An application that is called nothing has `unnamed` for its name.
    """

    conf: Mapping[str, str]
    entry_point: str
    arguments: tuple[str, ...]
    unnamed: str


class Spark:
    """Spark's own parsers."""

    def __init__(self, gateway: JavaGateway, folder: Path) -> None:
        self.version = str(pyspark.__version__)
        self._gateway = gateway
        # Each name that py4j walks through costs a call: they are walked once.
        jvm = gateway.jvm
        self._class = jvm.java.lang.Class.forName
        self._list_class, self._map_class = map(self._class, ("java.util.ArrayList", "java.util.HashMap"))
        self._json = _mapper(jvm, self._class)
        self._utils, self._tokenizer = jvm.org.apache.spark.util.Utils, jvm.java.util.StringTokenizer
        self._object = jvm.java.lang.Object
        self._scala = jvm.org.apache.spark.api.python.PythonUtils
        self._submit = jvm.org.apache.spark.deploy.SparkSubmitArguments
        self._defaults = folder / "spark-defaults.conf"
        environment = self._json.readValue(json.dumps(dict.fromkeys(_CONF_DIRS, str(folder))), self._map_class)
        self._environment = self._scala.toScalaMap(environment)
        builder = self._class("org.apache.spark.launcher.SparkSubmitCommandBuilder")
        self._builder = _opened(each for each in builder.getDeclaredConstructors() if each.getParameterCount() == 1)
        self._rebuild = _opened(
            each
            for each in builder.getDeclaredMethods()
            if each.getName() == "buildSparkSubmitArgs" and not each.getParameterCount()
        )

    def submitted(self, arguments: Sequence[str], defaults: Mapping[str, str]) -> Run:
        """What `SparkSubmitArguments` makes of the arguments, beside a `spark-defaults.conf`."""
        self._defaults.write_text(_properties(defaults), encoding="ascii")
        with _refusals():
            submit = self._submit(self._scala.toSeq(self._list(arguments)), self._environment)
            fields = json.loads(self._json.writeValueAsString(submit))
        if fields["action"]["value"] != "SUBMIT":
            raise Refused(f"the action is {fields['action']['value']}")
        conf = {key: fields[field] for field, key in _FIELDS.items() if fields[field] is not None}
        return Run(
            # The fields over the properties: an option of its own beats `--conf`.
            {**fields["sparkProperties"], **conf},
            fields["primaryResource"],
            tuple(fields["childArgs"]),
            fields["mainClass"] or Path(fields["primaryResource"]).name,
        )

    def launched(self, arguments: Sequence[str]) -> list[str]:
        """What the launcher of `bin/spark-submit` hands to `SparkSubmitArguments`."""
        with _refusals():
            builder = self._builder.newInstance(self._array(self._list(arguments)))
            return [str(argument) for argument in self._rebuild.invoke(builder, self._array())]

    def uris(self, text: str) -> str:
        """A comma list of paths as the options of files resolve it."""
        return str(self._utils.resolveURIs(text))

    def uri(self, text: str) -> str:
        """A path as the entry point is resolved."""
        return str(self._utils.resolveURI(text).toString())

    def words(self, text: str) -> list[str]:
        """A text as java.util.StringTokenizer splits it."""
        tokens = self._tokenizer(text)
        return [str(tokens.nextToken()) for _ in range(tokens.countTokens())]

    def alternatives(self) -> dict[str, list[str]]:
        """By key, the deprecated keys that Spark reads where it is unset, the first that is set."""
        companion = self._class("org.apache.spark.SparkConf$")
        table = _opened(each for each in companion.getDeclaredFields() if "configsWithAlternatives" in each.getName())
        found = json.loads(self._json.writeValueAsString(table.get(companion.getField("MODULE$").get(None))))
        return {key: [each["key"] for each in alternatives] for key, alternatives in found.items()}

    def _list(self, items: Sequence[str]) -> Any:  # noqa: ANN401 - py4j has no types
        """A Java list of texts, by one call instead of one an item."""
        return self._json.readValue(json.dumps(items), self._list_class)

    def _array(self, *items: object) -> Any:  # noqa: ANN401 - as above
        made = self._gateway.new_array(self._object, len(items))
        for index, item in enumerate(items):
            made[index] = item
        return made


def _mapper(jvm: JVMView, for_name: Callable[[str], Any]) -> Any:  # noqa: ANN401 - as above
    """A writer of JSON that shows all fields of Scala's objects and calls none of their methods."""
    mapper = jvm.com.fasterxml.jackson.databind.ObjectMapper()
    mapper.registerModule(
        for_name("com.fasterxml.jackson.module.scala.DefaultScalaModule$").getField("MODULE$").get(None)
    )
    accessor = jvm.com.fasterxml.jackson.annotation.PropertyAccessor
    visibility = for_name("com.fasterxml.jackson.annotation.JsonAutoDetect$Visibility")
    for part, shown in ((accessor.FIELD, "ANY"), (accessor.GETTER, "NONE"), (accessor.IS_GETTER, "NONE")):
        mapper.setVisibility(part, visibility.getField(shown).get(None))
    return mapper


@contextlib.contextmanager
def running() -> Iterator[Spark]:
    """Start a JVM on loopback; it ends with the block, or with this process."""
    jars = Path(pyspark.__file__).parent / "jars" / "*"
    java = shutil.which("java")
    if java is None:
        raise RuntimeError("Spark's parsers need Java 17 or newer on the PATH")
    port, process = launch_gateway(
        classpath=str(jars), javaopts=["-Xmx512m"], die_on_exit=True, return_proc=True, java_path=java
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    try:
        with TemporaryDirectory() as folder:
            yield Spark(gateway, Path(folder))
    finally:
        gateway.shutdown()
        process.stdin.close()
        process.wait(10)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Py4JJavaError as error:
        cause = error.java_exception.getCause() or error.java_exception
        raise Refused(str(cause.toString())) from error


def _opened(found: Iterator[Any]) -> Any:  # noqa: ANN401 - as above
    """The one that was found, though it is private."""
    (only,) = found
    only.setAccessible(True)
    return only


def _properties(defaults: Mapping[str, str]) -> str:
    """The text of a properties file that java.util.Properties reads back as it was."""
    return "".join(f"{_escaped(key)}={_escaped(value)}\n" for key, value in defaults.items())


def _escaped(text: str) -> str:
    return re.sub("....", r"\\u\g<0>", text.encode("utf-16-be").hex())
