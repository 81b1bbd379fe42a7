"""Numbers as the design's words go: Spark's sizes, what a job may come to, and what that costs.

What is unset counts as EMR Serverless' default: 4 cores, 14 GB and 20 GB of disk a worker, dynamic allocation, whose
executors have no bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

Prices = tuple[float, float, float]  # of a vCPU, a GB of memory, a GB of disk, an hour

_MIB = 1024**2
_UNITS = {"b": 1, "k": 1024, "m": _MIB, "g": 1024**3, "t": 1024**4, "p": 1024**5}
# Keys of sizes, and the unit of a number that has none.
_BARE = {
    "spark.driver.memory": _MIB,
    "spark.driver.memoryOverhead": _MIB,
    "spark.executor.memory": _MIB,
    "spark.executor.memoryOverhead": _MIB,
}
_DEFAULTS = {
    "spark.driver.cores": 4.0,
    "spark.driver.memory": 14.0 * 1024**3,
    "spark.executor.cores": 4.0,
    "spark.executor.memory": 14.0 * 1024**3,
    "spark.executor.instances": 3.0,
}


def size(text: str) -> float | None:
    """The bytes of a size as a rule writes it; None where it is none."""
    match = re.fullmatch(r"([0-9]+)([bkmgtp]?)b?", text.strip().lower())
    return float(match[1]) * _UNITS[match[2] or "b"] if match else None


def of_conf(key: str, text: str) -> float | None:
    """A setting's value as a number, sizes in bytes; None where it is none."""
    if re.fullmatch(r"[0-9]+", text.strip()):
        return float(text) * _BARE.get(key, 1)
    return size(text) if key in _BARE else None


def default_of(key: str, conf: Mapping[str, str]) -> float | None:
    """What an unset setting counts as; None where no default is known."""
    if key == "spark.dynamicAllocation.maxExecutors":
        return inf if _is_dynamic(conf) else None
    return _DEFAULTS.get(key)


def vcpus(conf: Mapping[str, str]) -> float | None:
    """Those of driver and executors; None where a setting is no number."""
    return _of_all(conf, lambda worker: _of(conf, f"spark.{worker}.cores"))


def memory_gb(conf: Mapping[str, str]) -> float | None:
    """Memory with its overhead, of driver and executors, in GB of 1024^3 bytes."""

    def _of_one(worker: str) -> float | None:
        memory = _of(conf, f"spark.{worker}.memory")
        key = f"spark.{worker}.memoryOverhead"
        overhead = of_conf(key, conf[key]) if key in conf else max(384 * _MIB, 0.1 * (memory or 0))
        return None if memory is None or overhead is None else (memory + overhead) / 1024**3

    return _of_all(conf, _of_one)


def disk_gb(conf: Mapping[str, str]) -> float | None:
    """Disk of driver and executors."""

    def _of_one(worker: str) -> float | None:
        found = size(conf.get(f"spark.emr-serverless.{worker}.disk", "20g"))
        return None if found is None else found / 1024**3

    return _of_all(conf, _of_one)


def cost(conf: Mapping[str, str], minutes: float, prices: Prices) -> float | None:
    """What the job may cost, the price of each hour of what it may take."""
    parts = [vcpus(conf), memory_gb(conf), disk_gb(conf)]
    if None in parts:
        return None
    return sum((part or 0) * price for part, price in zip(parts, prices, strict=True)) * minutes / 60


def _of_all(conf: Mapping[str, str], of_one: Callable[[str], float | None]) -> float | None:
    """The driver's and, by the most executors that there may be, theirs."""
    driver, executor, most = of_one("driver"), of_one("executor"), _executors(conf)
    if driver is None or executor is None or most is None:
        return None
    return driver + (most * executor if executor else 0)


def minutes(request: Mapping[str, Any]) -> float:
    """The longest that all attempts take together."""
    if request.get("mode") == "STREAMING":
        return inf
    timeout = request.get("executionTimeoutMinutes", 720) or inf
    return float(timeout) * float(request.get("retryPolicy", {}).get("maxAttempts", 1))


def _executors(conf: Mapping[str, str]) -> float | None:
    """The most that there may be: what is asked for at the start hides behind no maximum."""
    instances = _of(conf, "spark.executor.instances")
    if not _is_dynamic(conf):
        return instances
    most = _of(conf, "spark.dynamicAllocation.maxExecutors")
    given = instances if "spark.executor.instances" in conf else 0
    return None if most is None or given is None else max(most, given)


def _is_dynamic(conf: Mapping[str, str]) -> bool:
    return conf.get("spark.dynamicAllocation.enabled", "true").lower() == "true"


def _of(conf: Mapping[str, str], key: str) -> float | None:
    return of_conf(key, conf[key]) if key in conf else default_of(key, conf)
