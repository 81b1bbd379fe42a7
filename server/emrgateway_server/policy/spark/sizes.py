"""How large a job may grow: the driver and the most executors that it may reach.

A worker's memory is its heap, its overhead and, for an executor, PySpark's and off-heap memory, as Spark adds them up
(ResourceProfile, and YARN's and Kubernetes' allocators). The overhead is spark.{driver,executor}.memoryOverhead where
set, else the factor times the heap, at least 384 MiB (AWS's user guide, "Understanding application behavior"). Where
AWS's and Spark's key for one thing both stand, the larger counts. GB are 1024³ bytes, as AWS bills them (a heap of 27g
with its overhead, 29.7, is billed as a worker of 30 GB). AWS then rounds each worker up to a size that it sells: that
is not counted here, nor is what job code asks for by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import inf

from emrgateway_server.policy.named import Named
from emrgateway_server.policy.spark.quantities import (
    DEFAULT_CORES,
    DEFAULT_DISK,
    DEFAULT_INSTANCES,
    DEFAULT_MEMORY,
    DEFAULT_OVERHEAD_FACTOR,
    DEFAULTS,
    DYNAMIC,
    GIB,
    LEAST_OVERHEAD,
    is_on,
    number,
)

_DIGITS = 6  # what is left of a sum of binary fractions when a policy's decimal is compared with it

_Texts = Mapping[str, str]  # key → value


def size(field: str, texts: _Texts) -> float:
    """`spark.max_vcpus`, `spark.max_memory_gb` or `spark.max_disk_gb`; infinity where unlimited.

    ValueError, without any value in its text, where one that it needs is not what Spark reads there.
    """
    worker = _WORKERS[field]
    driver, executor = worker("driver", texts), worker("executor", texts)
    most = executors(texts)
    return round(driver + most * executor, _DIGITS) if most else round(driver, _DIGITS)


def executors(texts: _Texts) -> float:
    """The most executors that the job may reach.

    Under dynamic allocation, EMR Serverless' default, Spark begins with the largest of initialExecutors, minExecutors
    and spark.executor.instances even where that is above maxExecutors (Utils.getDynamicAllocationInitialExecutors).
    """
    most = 0.0
    if is_on(DYNAMIC, texts, otherwise=True):
        limit = _count("spark.dynamicAllocation.maxExecutors", texts, inf)
        begin = (
            "spark.dynamicAllocation.minExecutors",
            "spark.dynamicAllocation.initialExecutors",
            "spark.executor.instances",
        )
        most = max(limit, *(_count(key, texts, 0) for key in begin))
    else:
        most = _count("spark.executor.instances", texts, DEFAULT_INSTANCES)
    if is_on("spark.streaming.dynamicAllocation.enabled", texts, otherwise=False):
        most = max(most, _count("spark.streaming.dynamicAllocation.maxExecutors", texts, inf))
    return most


def overhead(worker: str, heap: float, texts: _Texts) -> float:
    """The memory that a worker has beside its heap, in bytes."""
    chosen = number(f"spark.{worker}.memoryOverhead", texts)
    if chosen is not None:
        return _at_least_zero(f"spark.{worker}.memoryOverhead", chosen)
    own = number("spark.emr-serverless.memoryOverheadFactor", texts)
    factors = [DEFAULT_OVERHEAD_FACTOR if own is None else own]
    factors += [number(key, texts) or 0 for key in (f"spark.{worker}.memoryOverheadFactor", _KUBERNETES_FACTOR)]
    least = number(f"spark.{worker}.minMemoryOverhead", texts) or 0
    return max(max(factors) * heap, LEAST_OVERHEAD, least)


def conf_default(key: str, conf: Mapping[str, Named]) -> float | None:
    """What an unset key counts as on EMR Serverless, in `conf_number`'s unit.

    Infinity where it is unlimited, as maxExecutors is under dynamic allocation from release 6.10 on, or where what it
    depends on cannot be read. None where no default is known, or where the job does not use the key.
    """
    if key not in _DERIVED:
        return DEFAULTS.get(key)
    try:
        return _DERIVED[key]({each: conf[each].value for each in conf})
    except ValueError:
        return inf


def _most_executors(texts: _Texts) -> float | None:
    return inf if is_on(DYNAMIC, texts, otherwise=True) else None


def _overhead_of(worker: str, texts: _Texts) -> float:
    return overhead(worker, _heap(worker, texts), texts)


def _heap(worker: str, texts: _Texts) -> float:
    return _largest((f"spark.{worker}.memory", f"spark.emr-serverless.{worker}.memory"), texts, DEFAULT_MEMORY)


def _cores(worker: str, texts: _Texts) -> float:
    return _largest((f"spark.{worker}.cores", f"spark.emr-serverless.{worker}.cores"), texts, DEFAULT_CORES)


def _memory(worker: str, texts: _Texts) -> float:
    heap = _heap(worker, texts)
    total = heap + overhead(worker, heap, texts)
    if worker == "executor":
        total += max(0, number("spark.executor.pyspark.memory", texts) or 0)
        if is_on("spark.memory.offHeap.enabled", texts, otherwise=False):
            total += max(0, number("spark.memory.offHeap.size", texts) or 0)
    return total / GIB


def _disk(worker: str, texts: _Texts) -> float:
    return _largest((f"spark.emr-serverless.{worker}.disk",), texts, DEFAULT_DISK) / GIB


def _largest(keys: tuple[str, ...], texts: _Texts, default: float) -> float:
    """The largest of what Spark's key, or its default, and AWS's say."""
    first = number(keys[0], texts)
    found = [default if first is None else first]
    found += [value for value in (number(key, texts) for key in keys[1:]) if value is not None]
    if min(found) <= 0:
        raise ValueError(f"{keys[0]} is not above zero")
    return max(found)


def _count(key: str, texts: _Texts, default: float) -> float:
    value = number(key, texts)
    return default if value is None else _at_least_zero(key, value)


def _at_least_zero(key: str, value: float) -> float:
    if value < 0:
        raise ValueError(f"{key} is below zero")
    return value


_KUBERNETES_FACTOR = "spark.kubernetes.memoryOverheadFactor"
_WORKERS: dict[str, Callable[[str, _Texts], float]] = {
    "spark.max_vcpus": _cores,
    "spark.max_memory_gb": _memory,
    "spark.max_disk_gb": _disk,
}
_DERIVED: dict[str, Callable[[_Texts], float | None]] = {
    "spark.driver.memoryOverhead": partial(_overhead_of, "driver"),
    "spark.dynamicAllocation.maxExecutors": _most_executors,
    "spark.executor.memoryOverhead": partial(_overhead_of, "executor"),
}
