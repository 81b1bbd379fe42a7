"""`job list`: its options as a request, and its pages as one reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1.job_configuration_pb2 import JobRunMode
from emrgateway.v1.job_run_pb2 import JobRunState
from emrgateway_client._fields import enum_words

if TYPE_CHECKING:
    import argparse

    from emrgateway_client.client import Client

_PAGE: Final = 50  # the most that a page holds
_STATES: Final = enum_words(JobRunState.DESCRIPTOR)
_MODES: Final = enum_words(JobRunMode.DESCRIPTOR)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the filters, and how many to list."""
    add = parser.add_argument
    add("application_id", metavar="APPLICATION_ID")
    add("--state", metavar="STATE", action="append", type=str.upper, choices=_STATES, default=[],
        help=f"only runs in this state, or another one given so: {', '.join(_STATES)}")  # fmt: skip
    add("--mode", type=str.upper, choices=_MODES, help="only runs of this mode")
    add("--name", metavar="NAME", help="only runs of this name; with * at its end, of names that begin so")
    add("--created-after", metavar="TIME", type=_time, help="such as 2026-11-01T00:00:00Z")
    add("--created-before", metavar="TIME", type=_time, help="as above")
    add("--next-token", metavar="TOKEN", help="go on where a list with the same filters ended")
    many = parser.add_mutually_exclusive_group()
    many.add_argument("--limit", metavar="COUNT", type=_count, default=_PAGE, help="at most so many (default: 50)")
    many.add_argument("--all", action="store_true", help="as many as there are")


def _time(text: str) -> Timestamp:
    time = Timestamp()
    time.FromJsonString(text)
    return time


def _count(text: str) -> int:
    count = int(text)
    if not 0 < count < 10**6:
        raise ValueError(text)
    return count


# What argparse calls them in an error.
_time.__name__ = "time in RFC 3339"
_count.__name__ = "count"


def listed(client: Client, args: argparse.Namespace) -> pb.ListJobRunsResponse:
    """The job runs that the arguments ask for, page after page; `next_token` is set where there are more."""
    filters: dict[str, Any] = {
        "application_id": args.application_id,
        "next_token": args.next_token,
        "name": args.name,
        "created_at_after": args.created_after,
        "created_at_before": args.created_before,
        "states": [_STATES[state] for state in args.state],
        "mode": _MODES[args.mode] if args.mode else None,
    }
    request = pb.ListJobRunsRequest(**filters)
    whole = pb.ListJobRunsResponse()
    while True:
        # No more than there is room for, so that the last page's token goes on right behind it.
        request.max_results = _PAGE if args.all else min(_PAGE, args.limit - len(whole.job_runs))
        page = client.list_job_runs(request)
        whole.job_runs.extend(page.job_runs)
        if not page.next_token:
            return whole
        if not args.all and len(whole.job_runs) >= args.limit:
            whole.next_token = page.next_token
            return whole
        request.next_token = page.next_token
