"""Numbers in Spark's configuration, by Spark's own units, and what EMR Serverless takes for what is unset.

Units are those of Spark's own ConfigEntry registry (3.5 and 4.0, asked through the JVM); defaults are those of AWS's
EMR Serverless user guide, "Using Spark configurations when you run EMR Serverless jobs".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import inf

DYNAMIC = "spark.dynamicAllocation.enabled"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
DEFAULT_CORES = 4
DEFAULT_MEMORY = 14 * GIB
DEFAULT_DISK = 20 * GIB
DEFAULT_INSTANCES = 3
DEFAULT_OVERHEAD_FACTOR = 0.1
LEAST_OVERHEAD = 384 * MIB

_LONGEST_KEPT = 32

_NUMBER = re.compile(r"[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?")
_SIZE = re.compile(r"(-?[0-9]{1,30})([a-z]+)?")
# JavaUtils.byteSuffixes
_UNITS = {
    "b": 1,
    **dict.fromkeys(("k", "kb"), KIB),
    **dict.fromkeys(("m", "mb"), MIB),
    **dict.fromkeys(("g", "gb"), GIB),
    **dict.fromkeys(("t", "tb"), 1 << 40),
    **dict.fromkeys(("p", "pb"), 1 << 50),
}
# Disks are no sizes of Spark's: what EMR takes a bare number for is undocumented, so one must name its unit.
_DISKS = frozenset({"spark.emr-serverless.driver.disk", "spark.emr-serverless.executor.disk"})
_IN_MIB = frozenset(
    {
        "spark.driver.memory",
        "spark.driver.memoryOverhead",
        "spark.driver.minMemoryOverhead",
        "spark.emr-serverless.driver.memory",
        "spark.emr-serverless.executor.memory",
        "spark.executor.memory",
        "spark.executor.memoryOverhead",
        "spark.executor.minMemoryOverhead",
        "spark.executor.pyspark.memory",
        "spark.kryoserializer.buffer.max",
        "spark.reducer.maxSizeInFlight",
        "spark.sql.planner.pythonExecution.memory",
        "spark.yarn.driver.memoryOverhead",
        "spark.yarn.executor.memoryOverhead",
    }
)
_IN_KIB = frozenset(
    {
        "spark.broadcast.blockSize",
        "spark.eventLog.buffer.kb",
        "spark.kryoserializer.buffer",
        "spark.shuffle.file.buffer",
        "spark.shuffle.file.merge.buffer",
        "spark.shuffle.localDisk.file.output.buffer",
        "spark.shuffle.unsafe.file.output.buffer",
    }
)
_IN_BYTES = frozenset(
    {
        "spark.broadcast.UDFCompressionThreshold",
        "spark.buffer.pageSize",
        "spark.buffer.write.chunkSize",
        "spark.driver.maxResultSize",
        "spark.eventLog.rolling.maxFileSize",
        "spark.files.maxPartitionBytes",
        "spark.files.openCostInBytes",
        "spark.io.compression.lz4.blockSize",
        "spark.io.compression.snappy.blockSize",
        "spark.io.compression.zstd.bufferSize",
        "spark.memory.offHeap.size",
        "spark.network.maxRemoteBlockSizeFetchToMem",
        "spark.shuffle.accurateBlockThreshold",
        "spark.shuffle.mapOutput.minSizeForBroadcast",
        "spark.shuffle.push.maxBlockBatchSize",
        "spark.shuffle.push.maxBlockSizeToPush",
        "spark.shuffle.push.minShuffleSizeToWait",
        "spark.shuffle.sort.initialBufferSize",
        "spark.shuffle.spill.diskWriteBufferSize",
        "spark.shuffle.spill.initialMemoryThreshold",
        "spark.sql.adaptive.advisoryPartitionSizeInBytes",
        "spark.sql.adaptive.autoBroadcastJoinThreshold",
        "spark.sql.adaptive.coalescePartitions.minPartitionSize",
        "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold",
        "spark.sql.adaptive.shuffle.targetPostShuffleInputSize",
        "spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes",
        "spark.sql.autoBroadcastJoinThreshold",
        "spark.sql.defaultSizeInBytes",
        "spark.sql.execution.arrow.localRelationThreshold",
        "spark.sql.execution.arrow.maxBytesPerBatch",
        "spark.sql.files.maxPartitionBytes",
        "spark.sql.files.openCostInBytes",
        "spark.sql.inMemoryColumnarStorage.hugeVectorThreshold",
        "spark.sql.maxPlanStringLength",
        "spark.sql.maxSinglePartitionBytes",
        "spark.sql.optimizer.runtime.bloomFilter.applicationSideScanSizeThreshold",
        "spark.sql.optimizer.runtime.bloomFilter.creationSideThreshold",
        "spark.storage.decommission.shuffleBlocks.maxDiskSize",
        "spark.storage.memoryMapThreshold",
        "spark.task.maxDirectResultSize",
    }
)
_BARE = {**dict.fromkeys(_IN_MIB, MIB), **dict.fromkeys(_IN_KIB, KIB), **dict.fromkeys(_IN_BYTES, 1)}
DEFAULTS: dict[str, float] = {
    "spark.driver.cores": DEFAULT_CORES,
    "spark.driver.memory": DEFAULT_MEMORY,
    "spark.dynamicAllocation.initialExecutors": 3,
    "spark.dynamicAllocation.minExecutors": 0,
    "spark.emr-serverless.allocation.batch.size": 20,
    "spark.emr-serverless.driver.disk": DEFAULT_DISK,
    "spark.emr-serverless.executor.disk": DEFAULT_DISK,
    "spark.emr-serverless.memoryOverheadFactor": DEFAULT_OVERHEAD_FACTOR,
    "spark.executor.cores": DEFAULT_CORES,
    "spark.executor.instances": DEFAULT_INSTANCES,
    "spark.executor.memory": DEFAULT_MEMORY,
}
_ENDLESS_AT_ZERO = frozenset({"spark.driver.maxResultSize"})  # TaskSetManager.canFetchMoreResults
KEYS = frozenset(_BARE) | _DISKS | frozenset(DEFAULTS)


def conf_number(key: str, text: str) -> float:
    """A value as number, sizes in bytes; ValueError where it is none.

    A bare number of a size counts in Spark's unit for that key: MiB for spark.executor.memory. A suffix is a size's;
    `m` alone is one where the key is known as a size, since elsewhere it may be minutes. Infinity where 0 is no limit.
    """
    return _conf_number(key, text) if len(text) <= _LONGEST_KEPT else _conf_number.__wrapped__(key, text)


@lru_cache(maxsize=4_096)
def _conf_number(key: str, text: str) -> float:
    lower = text.strip().lower()
    if key in _BARE or key in _DISKS:
        match = _SIZE.fullmatch(lower)
        unit = _BARE.get(key) if match and match[2] is None else _UNITS.get(match[2]) if match else None
        if match is None or unit is None:
            raise ValueError(f"{key} is no size that Spark reads: write a whole number and a unit, such as 14g")
        size = float(int(match[1]) * unit)
        return inf if size <= 0 and key in _ENDLESS_AT_ZERO else size
    if _NUMBER.fullmatch(lower):
        return float(lower)
    match = _SIZE.fullmatch(lower)
    if match is None or match[2] == "m" or match[2] not in _UNITS:
        raise ValueError(f"{key} is no number")
    return float(int(match[1]) * _UNITS[match[2]])


def number(key: str, texts: Mapping[str, str]) -> float | None:
    """The number that a key is set to, None where it is unset; ValueError where it is no number."""
    text = texts.get(key)
    return None if text is None else conf_number(key, text)


def is_on(key: str, texts: Mapping[str, str], *, otherwise: bool) -> bool:
    """Whether a switch is on, as Scala's toBoolean reads it; ValueError where it is neither on nor off."""
    text = texts.get(key)
    if text is None:
        return otherwise
    text = text.strip().lower()
    if text not in ("true", "false"):
        raise ValueError(f"{key} is neither true nor false")
    return text == "true"
