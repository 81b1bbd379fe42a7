"""EMR Gateway's client: submit Spark and Hive jobs to Amazon EMR Serverless, and learn what policy says.

from emrgateway_client import Client, PolicyViolation, load_request

with Client("emr-gateway.example.com:50051", ca="ca.pem", cert="tls.crt", key="tls.key") as client:
    try:
        reply = client.start_job_run(load_request("job.yaml"))
    except PolicyViolation as refused:
        print(refused)
"""

from emrgateway_client.aio import AsyncClient
from emrgateway_client.client import Client
from emrgateway_client.documents import DocumentError, Problem, load_request, parse_message, read_request
from emrgateway_client.errors import (
    AuditUnavailable,
    ClientTokenReused,
    Conflict,
    DeadlineExceeded,
    Draining,
    Failure,
    GatewayError,
    Internal,
    InvalidRequest,
    LedgerUnavailable,
    NoTarget,
    NotFound,
    PolicyViolation,
    Resource,
    Throttled,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    UpstreamAccessDenied,
    UpstreamQuota,
    UpstreamUnknown,
    UpstreamUnreachable,
    UpstreamValidation,
    Violation,
)

__all__ = [
    "AsyncClient",
    "AuditUnavailable",
    "Client",
    "ClientTokenReused",
    "Conflict",
    "DeadlineExceeded",
    "DocumentError",
    "Draining",
    "Failure",
    "GatewayError",
    "Internal",
    "InvalidRequest",
    "LedgerUnavailable",
    "NoTarget",
    "NotFound",
    "PolicyViolation",
    "Problem",
    "Resource",
    "Throttled",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "UpstreamAccessDenied",
    "UpstreamQuota",
    "UpstreamUnknown",
    "UpstreamUnreachable",
    "UpstreamValidation",
    "Violation",
    "load_request",
    "parse_message",
    "read_request",
]
