"""The organisation's policy: YAML documents, and the engine that judges and amends one request by them.

A pure function of (caller, request, policy): it knows neither gRPC nor boto3.
"""

from emrgateway_server.policy.decision import Decision, Mode, Outcome, Verdict
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.describing import (
    DescribedException,
    DescribedGrant,
    DescribedRule,
    Description,
    describe,
)
from emrgateway_server.policy.engine import Engine
from emrgateway_server.policy.loading import load_directory
from emrgateway_server.policy.stamping import STAMPED_CONF

__all__ = [
    "STAMPED_CONF",
    "Decision",
    "DescribedException",
    "DescribedGrant",
    "DescribedRule",
    "Description",
    "Engine",
    "Mode",
    "Outcome",
    "Prices",
    "Verdict",
    "describe",
    "load_directory",
]
