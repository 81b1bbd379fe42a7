"""The options of spark-submit, as Spark's SparkSubmitOptionParser and SparkSubmitArguments know them.

Those that Spark 3.5 and Spark 4 both know. An option of one of them alone is an unknown flag: a job's release decides
whether it starts.
"""

from __future__ import annotations

# Option → the configuration key that it sets; "" where it sets none. An option beats its key in --conf and in
# spark-defaults (SparkSubmitArguments.loadEnvironmentArguments).
VALUED = {
    "--archives": "spark.archives",
    "--class": "",
    "--conf": "",
    "-c": "",
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
    "--proxy-user": "",
    "--py-files": "spark.submit.pyFiles",
    "--queue": "spark.yarn.queue",
    "--remote": "spark.remote",
    "--repositories": "spark.jars.repositories",
    "--total-executor-cores": "spark.cores.max",
}
CONF = frozenset({"--conf", "-c"})
SWITCHES = frozenset({"--supervise", "--verbose", "-v"})
PROPERTIES_FILES = frozenset({"--properties-file", "--extra-properties-file"})
# With these spark-submit does something else than run the job.
NO_JOB = frozenset({"--help", "-h", "--usage-error", "--version"})
NO_JOB_VALUED = frozenset({"--kill", "--status"})
SPARK_4_VALUED = frozenset({"--driver-default-class-path"})
SPARK_4_SWITCHES = frozenset({"--load-spark-defaults"})
KNOWN = frozenset(VALUED) | SWITCHES | PROPERTIES_FILES | NO_JOB | NO_JOB_VALUED | SPARK_4_VALUED | SPARK_4_SWITCHES

# bin/spark-submit starts the launcher, which folds these and every --conf into one map, the last of either winning,
# before SparkSubmitArguments reads what it rebuilds (SparkSubmitCommandBuilder.OptionParser).
FOLDED = frozenset({"--driver-memory", "--driver-java-options", "--driver-library-path", "--driver-class-path"})

# With these classes the launcher takes options from the entry point's arguments too
# (SparkSubmitCommandBuilder.specialClasses).
_MIXING_CLASSES = frozenset(
    {
        "org.apache.spark.repl.Main",
        "org.apache.spark.sql.connect.service.SparkConnectServer",
        "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
        "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver",
    }
)
# Classes of the platform itself whose arguments name what they submit or run: SparkSubmit, PythonRunner, RRunner,
# DriverWrapper, the launcher's Main; Hadoop's and Hive's own; interpreters of Scala and Groovy.
_RUNNERS = (
    "org.apache.spark.deploy.",
    "org.apache.spark.launcher.",
    "org.apache.spark.executor.",
    "org.apache.hadoop.",
    "org.apache.hive.",
    "org.codehaus.groovy.",
    "scala.tools.",
    "groovy.",
)


def runs_arguments(main_class: str) -> bool:
    """Whether a class takes the entry point's arguments for options and for what it runs."""
    return main_class in _MIXING_CLASSES or main_class.startswith(_RUNNERS)


def submits_again(main_class: str) -> bool:
    """Whether the arguments make a job of their own, whose options beat all of this one's."""
    return main_class.startswith(_RUNNERS)


# Key → the older ones by which Spark reads it where it is unset (SparkConf.configsWithAlternatives), less two whose
# values Spark rewrites and no rule on sizes or code needs (kryoserializer.buffer.mb, applicationMaster.waitTries).
ALTERNATES = {
    "spark.driver.memoryOverhead": ("spark.yarn.driver.memoryOverhead",),
    "spark.executor.failuresValidityInterval": ("spark.yarn.executor.failuresValidityInterval",),
    "spark.executor.logs.rolling.maxSize": ("spark.executor.logs.rolling.size.maxBytes",),
    "spark.executor.maxNumFailures": ("spark.yarn.max.executor.failures",),
    "spark.executor.memoryOverhead": ("spark.yarn.executor.memoryOverhead",),
    "spark.executor.userClassPathFirst": ("spark.files.userClassPathFirst",),
    "spark.history.fs.cleaner.interval": ("spark.history.fs.cleaner.interval.seconds",),
    "spark.history.fs.cleaner.maxAge": ("spark.history.fs.cleaner.maxAge.seconds",),
    "spark.history.fs.update.interval": (
        "spark.history.fs.update.interval.seconds",
        "spark.history.fs.updateInterval",
        "spark.history.updateInterval",
    ),
    "spark.io.compression.lz4.blockSize": ("spark.io.compression.lz4.block.size",),
    "spark.io.compression.snappy.blockSize": ("spark.io.compression.snappy.block.size",),
    "spark.kafka.consumer.cache.capacity": ("spark.sql.kafkaConsumerCache.capacity",),
    "spark.kerberos.access.hadoopFileSystems": (
        "spark.yarn.access.namenodes",
        "spark.yarn.access.hadoopFileSystems",
    ),
    "spark.kerberos.keytab": ("spark.yarn.keytab",),
    "spark.kerberos.principal": ("spark.yarn.principal",),
    "spark.kerberos.relogin.period": ("spark.yarn.kerberos.relogin.period",),
    "spark.kryoserializer.buffer.max": ("spark.kryoserializer.buffer.max.mb",),
    "spark.memory.offHeap.enabled": ("spark.unsafe.offHeap",),
    "spark.network.maxRemoteBlockSizeFetchToMem": (
        "spark.reducer.maxReqSizeShuffleToMem",
        "spark.maxRemoteBlockSizeFetchToMem",
    ),
    "spark.reducer.maxSizeInFlight": ("spark.reducer.maxMbInFlight",),
    "spark.scheduler.listenerbus.eventqueue.capacity": ("spark.scheduler.listenerbus.eventqueue.size",),
    "spark.shuffle.file.buffer": ("spark.shuffle.file.buffer.kb",),
    "spark.streaming.fileStream.minRememberDuration": ("spark.streaming.minRememberDuration",),
    "spark.yarn.jars": ("spark.yarn.jar",),
    "spark.yarn.max.executor.failures": ("spark.yarn.max.worker.failures",),
}
