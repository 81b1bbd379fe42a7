"""What a key means, to Spark, to Hadoop and Hive, and as a variable: which of a request's values a look is due to.

The same keys come with every request, so what one means is worked out once.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cached_property, lru_cache

from emrgateway_server.policy import catalogue
from emrgateway_server.policy.environment import STANDS_FOR, is_java, variable

_KEPT = 8_192
_LONGEST_KEPT = 256
_LONGEST = 1_024  # AWS's most for a property's key; a longer one is no one's, nor worth a close look
_TRIMMED = "".join(chr(code) for code in range(0x21)) + "".join(
    character for character in map(chr, range(0x7F, 0x3001)) if character.isspace()
)
_HADOOP = ("spark.hadoop.", "spark.hive.")  # SparkHadoopUtil.appendS3AndSparkHadoopHiveConfigurations


class Loads(Enum):
    """How the value of a key that loads code or data names it."""

    ITEMS = "the items of a comma list"
    ELEMENTS = "the elements of a search path, less those in the job's folder"
    EVERYWHERE = "the elements of a search path"
    PACKAGES = "Maven coordinates"
    METASTORE_JARS = "a search path, or one of the words of Spark's own"
    JAVA = "options of a JVM"
    VARIABLES = "variables with their values"


class Meaning:
    """What one key means. `hadoop` is the key as Hadoop and Hive see it, `variable` the environment's it sets."""

    def __init__(self, key: str, hadoop: str = "", variable: str = "", classification: str = "") -> None:
        self.key = key
        self.hadoop = hadoop
        self.variable = variable
        self.classification = classification

    @cached_property
    def is_java(self) -> bool:
        """Whether the value holds options of a JVM."""
        return is_java(self.key, self.variable)

    @cached_property
    def matters(self) -> bool:
        """Whether it means anything beyond the setting itself."""
        return bool(self.loads or self.sends or self.is_cluster or self.is_kms_key or self.is_role)

    @cached_property
    def surrounds(self) -> bool:
        """Whether the value may set other keys, by a variable or by a JVM's options."""
        return self.is_java or self.variable in STANDS_FOR

    @cached_property
    def loads(self) -> Loads | None:
        """How code or data is loaded by it; None where none is."""
        if self.is_java:
            return Loads.JAVA
        how = _BY_KEY.get(self.key) or _BY_VARIABLE.get(self.variable)
        if how is None and self.hadoop:
            how = next((each for pattern, each in _BY_HADOOP_KEY if pattern.fullmatch(self.hadoop)), None)
        return Loads.ITEMS if how is None and self.key.endswith(".discoveryScript") else how

    @cached_property
    def sends(self) -> bool:
        """Whether logs, events or metrics are sent where the value says."""
        key = self.key
        if key in catalogue.DESTINATIONS or self.hadoop in catalogue.HADOOP_DESTINATIONS or len(key) > _LONGEST:
            return True
        names_an_endpoint = key.lower().endswith(_ENDPOINTS)
        if key.startswith("spark.openlineage."):
            return names_an_endpoint
        if key.startswith("spark.metrics.conf.") or "metrics" in self.classification:
            return _SINK in key.lower() and names_an_endpoint
        return "log4j" in self.classification and names_an_endpoint and bool(_APPENDER.match(key))

    @cached_property
    def is_cluster(self) -> bool:
        """Whether the value, where it is a URL, is the cluster that the job runs on."""
        return self.key in ("spark.master", "spark.remote")

    @cached_property
    def is_kms_key(self) -> bool:
        """Whether the value is an encryption key."""
        key = self.hadoop or self.key
        if len(key) > _LONGEST:
            return True
        return bool(_KEY_TAIL.search(key[-8:]) and _KEY_HEAD.search(key) and _FILE_SYSTEMS.search(key))

    @cached_property
    def is_role(self) -> bool:
        """Whether the value is a role, whatever it looks like."""
        return any(name and _ROLE_KEY.fullmatch(name) for name in (self.hadoop or self.key, self.variable))


def of_spark(key: str) -> Meaning:
    """What a key of Spark's configuration means."""
    return _of_spark(key) if len(key) <= _LONGEST_KEPT else _of_spark.__wrapped__(key)


def of_block(key: str, classification: str) -> Meaning:
    """What a key of a classification other than spark-defaults means."""
    is_kept = len(key) + len(classification) <= _LONGEST_KEPT
    return (_of_block if is_kept else _of_block.__wrapped__)(key, classification)


def of_hive(key: str) -> Meaning:
    """What a key of a Hive job's parameters means."""
    return Meaning(key, bare(bare(key).removeprefix("hiveconf:")).lower())


def bare(key: str) -> str:
    """A key as its readers see it: Hadoop's Configuration trims names, and Java trims all that is at most a space."""
    return key.strip(_TRIMMED)


@lru_cache(maxsize=_KEPT)
def _of_spark(key: str) -> Meaning:
    if key.startswith(_HADOOP):
        hadoop = key.removeprefix("spark.hadoop.") if key.startswith("spark.hadoop.") else key.removeprefix("spark.")
        return Meaning(key, bare(hadoop).lower())
    return Meaning(key, variable=variable(key))


@lru_cache(maxsize=_KEPT)
def _of_block(key: str, classification: str) -> Meaning:
    name = bare(key)
    return Meaning(name, name.lower(), name, bare(classification).lower())


_BY_KEY = {
    **dict.fromkeys(catalogue.LISTS, Loads.ITEMS),
    **dict.fromkeys(catalogue.SEARCH_PATHS | catalogue.PROGRAMS, Loads.ELEMENTS),
    "spark.jars.packages": Loads.PACKAGES,
    "spark.sql.hive.metastore.jars": Loads.METASTORE_JARS,
}
_BY_VARIABLE = {
    **dict.fromkeys(catalogue.VARIABLES, Loads.ELEMENTS),
    **dict.fromkeys(catalogue.ALWAYS, Loads.EVERYWHERE),
}
_BY_HADOOP_KEY = (
    (re.compile("|".join(map(re.escape, sorted(catalogue.HADOOP_LISTS)))), Loads.ITEMS),
    (re.compile(r".*\.java\.opts|(?:tez|yarn)\..*\.(?:cmd|command)-opts"), Loads.JAVA),
    (re.compile(r"(?:mapred|mapreduce|tez|yarn)\..*\.env"), Loads.VARIABLES),
)
_ENDPOINTS = ("url", "uri", "host", "hostname", "address", "endpoint", "server", "servers", "broker", "brokers")
_SINK = ".sink."
_APPENDER = re.compile(r"(?:log4j\d?\.)?(?:appender|logger)\.", re.IGNORECASE)
# EMRFS (fs.s3.serverSideEncryption.kms.keyId, fs.s3.cse.kms.keyId), s3a (fs.s3a.encryption.key and its older
# fs.s3a.server-side-encryption.key), each a bucket too, and Iceberg's and Glue's (…s3.sse.key, …kms.key-arn).
_KEY_HEAD = re.compile(
    r"(?:^|\.)(?:kms|cse|sse|(?:server-?side-?)?encryption)(?:[.-]|(?=key[.-]?(?:id|arn)?$))", re.IGNORECASE
)
_KEY_TAIL = re.compile(r"key[.-]?(?:id|arn)?$", re.IGNORECASE)
_FILE_SYSTEMS = re.compile(r"(?:^|\.)(?:fs\.s3[an]?|s3|glue|catalog|hive|kms)\.", re.IGNORECASE)
_ROLE_KEY = re.compile(r"(?:.*[._-])?(?:assumed?[._-]?)?role(?:[._-]?arn)?", re.IGNORECASE)
