"""The service config: how gRPC itself retries, balances and leaves a draining server."""

from __future__ import annotations

import json
from typing import Final

from emrgateway.v1 import job_run_service_pb2, policy_service_pb2

# With their package: gRPC silently ignores a method config whose service lacks it.
SERVICES: Final = (
    job_run_service_pb2.DESCRIPTOR.services_by_name["JobRunService"].full_name,
    policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"].full_name,
)

SERVICE_CONFIG: Final = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # The server's overall health, which every gateway registers. round_robin is what makes gRPC watch it.
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            {
                "name": [{"service": service} for service in SERVICES],
                "retryPolicy": {
                    "maxAttempts": 5,  # gRPC reads no more
                    # 0.2 + 0.6 + 1.8 + 5 s, each ±20 % by gRPC: longer than a pod's replacement takes to be found.
                    "initialBackoff": "0.2s",
                    "maxBackoff": "5s",
                    "backoffMultiplier": 3,
                    # Both mean "later, perhaps", and pushback is ignored for a code that is not named here.
                    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
                },
            },
        ],
        # A failure costs one token, a success gives back a half; at ten or fewer nothing is retried, so that an outage
        # is not answered with five times the load.
        "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.5},
    },
)
