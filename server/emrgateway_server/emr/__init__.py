"""The only boto3: accounts, calls, and what AWS's failures mean."""

from emrgateway_server.emr.faults import not_found
from emrgateway_server.emr.ledger_table import LedgerTable
from emrgateway_server.emr.roles import AssumedRole
from emrgateway_server.emr.submission import CALLER_TAG, TAG_PREFIX, intent, reserved_tags, upstream_token
from emrgateway_server.emr.targets import Target, Targets
from emrgateway_server.emr.traffic import Rate, Traffic

__all__ = [
    "CALLER_TAG",
    "TAG_PREFIX",
    "AssumedRole",
    "LedgerTable",
    "Rate",
    "Target",
    "Targets",
    "Traffic",
    "intent",
    "not_found",
    "reserved_tags",
    "upstream_token",
]
