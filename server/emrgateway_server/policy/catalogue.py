"""The keys and variables that are known by name: those that name code, data or places, and others that policies name.

AWS marks the keys of properties sensitive as it does their values: a key is shown where it is one of these alone.
"""

from __future__ import annotations

from emrgateway_server.policy.environment import JAVA_KEYS, STANDS_FOR, variable
from emrgateway_server.policy.spark import options, quantities

# Comma lists, as Utils.stringToSeq and Hadoop's getStrings split them.
LISTS = frozenset(
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

SEARCH_PATHS = frozenset(
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

PROGRAMS = frozenset(
    {
        "spark.pyspark.driver.python",
        "spark.pyspark.python",
        "spark.r.command",
        "spark.r.driver.command",
        "spark.r.shell.command",
        "spark.sparkr.r.command",
        "spark.sql.execution.pyspark.python",
    }
)

HADOOP_LISTS = frozenset(
    {
        "hadoop.security.credential.provider.path",
        "hive.added.archives.path",
        "hive.added.files.path",
        "hive.added.jars.path",
        "hive.aux.jars.path",
        "hive.exec.script.wrapper",
        "hive.jar.directory",
        "hive.jar.path",
        "hive.reloadable.aux.jars.path",
        "hive.user.install.directory",
        "mapred.cache.archives",
        "mapred.cache.files",
        "mapred.jar",
        "mapred.job.classpath.archives",
        "mapred.job.classpath.files",
        "mapreduce.application.framework.path",
        "mapreduce.job.cache.archives",
        "mapreduce.job.cache.files",
        "mapreduce.job.classpath.archives",
        "mapreduce.job.classpath.files",
        "mapreduce.job.jar",
        "net.topology.script.file.name",
        "tez.aux.uris",
        "tez.cluster.additional.classpath.prefix",
        "tez.lib.uris",
        "tez.lib.uris.classpath",
        "tmparchives",
        "tmpfiles",
        "tmpjars",
        "topology.script.file.name",
    }
)

ALWAYS = frozenset({"LD_AUDIT", "LD_PRELOAD"})

VARIABLES = frozenset(
    {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "BASH_ENV",
        "CLASSPATH",
        "ENV",
        "GCONV_PATH",
        "HADOOP_CLASSPATH",
        "HADOOP_CONF_DIR",
        "HADOOP_HOME",
        "HIVE_AUX_JARS_PATH",
        "HIVE_CONF_DIR",
        "HIVE_HOME",
        "JAVA_HOME",
        "LD_LIBRARY_PATH",
        "PATH",
        "PERL5LIB",
        "PYSPARK_DRIVER_PYTHON",
        "PYSPARK_PYTHON",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONUSERBASE",
        "R_ENVIRON",
        "R_ENVIRON_USER",
        "R_HOME",
        "R_LIBS",
        "R_LIBS_SITE",
        "R_LIBS_USER",
        "R_PROFILE",
        "R_PROFILE_USER",
        "SPARK_CLASSPATH",
        "SPARK_CONF_DIR",
        "SPARK_DIST_CLASSPATH",
        "SPARK_EXTRA_CLASSPATH",
        "SPARK_HOME",
    }
)

DESTINATIONS = frozenset(
    {
        "spark.driver.log.dfsDir",
        "spark.driver.log.localDir",
        "spark.eventLog.dir",
        "spark.history.fs.logDirectory",
        "spark.openlineage.host",
        "spark.openlineage.transport.url",
        "spark.openlineage.url",
        "spark.shuffle.storage.path",
        "spark.storage.decommission.fallbackStorage.path",
    }
)

HADOOP_DESTINATIONS = frozenset(
    {
        "hive.hook.proto.base-directory",
        "hive.log.dir",
        "hive.querylog.location",
        "hive.server2.logging.operation.log.location",
        "tez.simple.history.logging.dir",
        "yarn.log.server.url",
        "yarn.nodemanager.remote-app-log-dir",
        "yarn.timeline-service.webapp.address",
    }
)

# Others that policies name; what loads a class, gives a role or a key, or says how large a job is.
_OTHERS = frozenset(
    {
        "hive.exec.failure.hooks",
        "hive.exec.post.hooks",
        "hive.exec.pre.hooks",
        "hive.metastore.client.factory.class",
        "hive.metastore.glue.catalogid",
        "hive.metastore.glue.role.arn",
        "hive.metastore.uris",
        "fs.s3.customawscredentialsprovider",
        "fs.s3a.access.key",
        "fs.s3a.assumed.role.arn",
        "fs.s3a.aws.credentials.provider",
        "fs.s3a.encryption.key",
        "fs.s3a.secret.key",
        "spark.cores.max",
        "spark.driver.userClassPathFirst",
        "spark.dynamicAllocation.enabled",
        "spark.dynamicAllocation.maxExecutors",
        "spark.executor.userClassPathFirst",
        "spark.extraListeners",
        "spark.jars.packages",
        "spark.kryo.registrator",
        "spark.plugins",
        "spark.redaction.regex",
        "spark.serializer",
        "spark.sql.catalogImplementation",
        "spark.sql.extensions",
        "spark.sql.hive.metastore.jars",
        "spark.sql.queryExecutionListeners",
        "spark.sql.streaming.streamingQueryListeners",
        "spark.sql.warehouse.dir",
        "spark.streaming.extraListeners",
    }
)
_KEYS = (
    LISTS
    | SEARCH_PATHS
    | PROGRAMS
    | HADOOP_LISTS
    | DESTINATIONS
    | HADOOP_DESTINATIONS
    | JAVA_KEYS
    | _OTHERS
    | quantities.KEYS
    | frozenset(options.VALUED.values())
    | frozenset(options.ALTERNATES)
    | frozenset(older for each in options.ALTERNATES.values() for older in each)
)
_NAMES = VARIABLES | ALWAYS | STANDS_FOR.keys()


def is_known(key: str) -> bool:
    """Whether a key, less what it may begin with, is known by name, so that showing it tells nothing."""
    bare = key.removeprefix("spark.hadoop.")
    return bool(key) and (bare in _KEYS or bare.lower() in _KEYS or variable(key) in _NAMES)
