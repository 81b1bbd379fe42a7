"""Under pressure: what is refused is told when to come back, what is started is told, and health answers throughout.

How fast and how fair it is in seconds, `make bench` measures; here nothing depends on the machine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .faulty_aws import faulty_aws
from .gateways import ACCOUNT, REGION
from .limited_aws import limited_aws
from .load import loaded, offered, threads

if TYPE_CHECKING:
    from .conftest import Serve

_FAULTS: dict[str, dict[str, Any]] = {
    "sound": {},
    "error": {"status": 500},
    "reset": {"how": "reset"},
    "truncated": {"how": "truncated"},
    "empty": {"status": 200, "body": "{}"},
    "denied": {"status": 403, "type": "AccessDeniedException"},
    "hang": {"how": "hang"},
    "drip": {"how": "drip"},
}


def _sections(url: str, per_second: float, **limits: float) -> dict[str, Any]:
    rates = {"StartJobRun": {"per_second": per_second, "burst": 10}}
    target = {"name": "a", "account": ACCOUNT, "region": REGION, "endpoint_url": url, "rates": rates}
    return {"targets": [target], "limits": {"drain_pause_seconds": 0, **limits}}


def test_four_times_what_aws_takes(serve: Serve) -> None:
    """No call is lost or told by the transport; each refusal has its pushback; AWS is seldom asked too much."""
    with limited_aws(50, 10) as aws:
        gateway = serve(aws.url, sections=_sections(aws.url, 100, queue_per_target=40, max_in_flight=40))
        answers, health = asyncio.run(loaded(gateway.target, per_second=200, count=500, deadline=5))
        assert threads(gateway.pid) < 40 * 5 + 60  # places, parked calls, and those of libraries
    started = [answer.job_run_id for answer in answers if answer.refused is None]
    assert len(started) == len(set(started)) == len(aws.started) > 0
    refused = [answer.refused for answer in answers if answer.refused is not None]
    assert refused
    for told in refused:
        assert (told.code, told.reason, told.outcome) == ("RESOURCE_EXHAUSTED", "THROTTLED", "not_started")
        assert told.pushback is not None
        assert told.pushback > 0
        assert told.details["RetryInfo"].retry_delay.ToMilliseconds() == told.pushback
    assert len(aws.throttled) < len(aws.started)
    assert health


def test_deadlines_under_faults(serve: Serve) -> None:
    """Whatever AWS does, the caller hears the gateway's own words before its deadline, with an outcome that is true."""
    with faulty_aws() as aws:
        aws.faults.update(_FAULTS)
        gateway = serve(aws.url, sections=_sections(aws.url, 1_000, reply_margin_seconds=0.5))
        answers = asyncio.run(
            offered(gateway.target, per_second=60, count=160, deadline=1.5, applications=list(_FAULTS))
        )
        aws.released.set()
    for application, answer in zip(list(_FAULTS) * 20, answers, strict=True):
        assert answer.is_ours, answer
        if answer.refused is None:
            assert application == "sound"
        elif answer.refused.outcome == "not_started":
            assert application == "denied" or answer.refused.reason in ("THROTTLED", "DEADLINE")
        else:
            assert application in ("error", "reset", "truncated", "empty", "hang", "drip")
