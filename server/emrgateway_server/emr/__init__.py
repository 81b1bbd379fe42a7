"""The only boto3: accounts, calls, and what AWS's failures mean."""

from emrgateway_server.emr.faults import not_found
from emrgateway_server.emr.submission import CALLER_TAG, TAG_PREFIX, reserved_tags, upstream_token
from emrgateway_server.emr.targets import Target, Targets

__all__ = ["CALLER_TAG", "TAG_PREFIX", "Target", "Targets", "not_found", "reserved_tags", "upstream_token"]
