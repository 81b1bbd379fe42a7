"""An EMR Serverless endpoint on loopback, for laptops, tests and users' CI.

It is moto's server with job runs of our own laid over it: client tokens, states that progress, AWS's error codes,
tags, pages. All else (applications, STS, S3, DynamoDB, ...) is moto's, through the same address.
"""

from ._command import serve_forever
from ._faults import FAULTS, Fault
from ._job_runs import OnChangedBody
from ._lifecycle import Step
from ._sandbox import Sandbox
from ._views import JobRunRecord

__all__ = ["FAULTS", "Fault", "JobRunRecord", "OnChangedBody", "Sandbox", "Step", "serve_forever"]
