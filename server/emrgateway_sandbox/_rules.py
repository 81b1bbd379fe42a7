"""What EMR Serverless demands of a StartJobRun and its model does not say (the user guide, and what was observed)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ._errors import validation

MAX_TAGS: Final = 50  # a resource; the model says 200
_MIN_TIMEOUT_MINUTES: Final = 5
_MAX_BATCH_TIMEOUT_MINUTES: Final = 10_080  # seven days, from release 7.11 on; 0 (never) was refused with it
_BOUNDED_SINCE: Final = (7, 11)
_MAX_BATCH_ATTEMPTS: Final = 10
_GRACE_SECONDS: Final = range(15, 1801)


def check_start(job: Mapping[str, Any], release_label: str) -> None:
    """Raise AwsError (ValidationException) at the first rule that `job`, a StartJobRun's input, breaks."""
    if not job.get("jobDriver"):
        raise validation("jobDriver must be set")
    _check_tags(job.get("tags", {}))
    if job.get("mode", "BATCH") == "BATCH":
        _check_batch(job, release_label)


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise validation(f"{len(tags)} tags; a resource can have {MAX_TAGS} at most")
    for key in tags:
        if key.lower().startswith("aws:"):
            raise validation(f"Tag key {key} is reserved: keys that begin with aws: are for AWS alone")


def _check_batch(job: Mapping[str, Any], release_label: str) -> None:
    minutes = job.get("executionTimeoutMinutes")
    bounded = _release(release_label) >= _BOUNDED_SINCE
    if minutes is not None and minutes < _MIN_TIMEOUT_MINUTES and (minutes > 0 or bounded):
        raise validation(f"RunTimeout must be at least {_MIN_TIMEOUT_MINUTES} minutes")
    if minutes is not None and minutes > _MAX_BATCH_TIMEOUT_MINUTES and bounded:
        raise validation(f"RunTimeout must be at most {_MAX_BATCH_TIMEOUT_MINUTES} minutes")
    if job.get("retryPolicy", {}).get("maxAttempts", 1) > _MAX_BATCH_ATTEMPTS:
        raise validation(f"maxAttempts must be at most {_MAX_BATCH_ATTEMPTS}")


def _release(label: str) -> tuple[int, int]:
    match = re.match(r"emr-(\d+)\.(\d+)", label)
    return (int(match[1]), int(match[2])) if match else _BOUNDED_SINCE


def check_grace(seconds: int | None) -> None:
    """Raise AwsError (ValidationException) unless CancelJobRun's grace is unset, 0 or 15 to 1,800 seconds."""
    if seconds and seconds not in _GRACE_SECONDS:
        raise validation("shutdownGracePeriodInSeconds must be 0, or 15 to 1800")
