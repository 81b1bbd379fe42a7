"""The arguments of the `policy` commands, and the help that teaches them."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from typing import Any

DONE = 0
DIFFERENT = 1
USAGE = 2

_CHECK = """\
Read every *.yaml and *.yml of DIR as the gateway would, and say everything that is wrong with it, each on a line of
standard error: FILE:LINE:COLUMN: error: ...

Warnings (FILE:LINE:COLUMN: warning: ...) are what a careful reviewer would say with certainty: a rule, grant or
exception that can never match, a grant that a rule always refuses, a rule that others make idle, an exception that is
over or ends within 14 days, a test of a rule that is not there.

exit codes: 0 good, warnings included; 1 warnings, with --strict; 2 errors"""

_TEST = """\
Run the cases of every `kind: PolicyTest` document of DIR against its policies:

  apiVersion: emrgateway/v1
  kind: PolicyTest
  metadata: {name: data-eng}
  cases:
    - name: timeout is capped
      caller: {id: "spiffe://prod.example.com/ns/data-eng/sa/etl", labels: {team: data-eng}}
      request: {applicationId: 00f1qr8s3v6pd409, executionTimeoutMinutes: 5000, ...}   # as for `job start -f`
      now: 2026-11-01T00:00:00Z                       # for exceptions; default: now
      want: {verdict: ALLOWED, changed: {execution_timeout_minutes: 720}, denied_by: [], warned_by: []}

`changed` names some of the fields that policy changed, as policies write them; `denied_by`, `warned_by` and
`audited_by` are the exact sets of full rule ids, where they are given. A case with `action: get` (list, cancel, watch)
asks the grants whether its caller may touch a run: `request` then says applicationId, and `owner: {id: ..., labels:
...}` whose run it is (default: the caller's own; `owner: nobody`: one that no gateway started); DENIED is the
gateway's NOT_FOUND.

exit codes: 0 all pass; 1 a case failed; 2 the policies or the cases cannot be loaded, or there is no case"""

_EXPLAIN = """\
Say what the gateway would make of the request in FILE, by the policies of DIR: the verdict, what policy refuses,
changes and warns of, rule by rule, and the fields before and after. Everything stands here, rules in audit mode and
what would not fit into a gRPC reply included. Values that AWS marks sensitive are in no text; the effective request
of `-o json` is whole.

A request that AWS's model refuses is refused before any policy: its violations are told and nothing is judged. A
request without clientToken gets a fixed one, so that two explanations of it are the same.

exit codes: 0 allowed; 1 denied; 2 an unreadable or invalid request, unloadable policies, usage"""

_REPLAY = """\
Judge requests of the past, or of a folder, by the policies of --policy, and say what would differ: the answer to "what
breaks if we switch this on?"

A FILE is an audit (a JSON line a decision), a request as for `job start -f`, or a directory of requests (*.json,
*.yaml, *.yml). A request of an audit is compared with the verdict that stands there; a plain one, with being allowed
as it is; with --against, each with what that other directory makes of it.

An audit holds nothing sensitive. Where the gateway wrote the originals beside it (audit.requests: full; the file
AUDIT.requests), they are read. Without them, the rules that speak of what is missing are "not judgeable": a request
that they could refuse is never counted as allowed.

exit codes: 0 no difference; 1 differences, or requests that could not be judged wholly; 2 policies or files that cannot
be read"""

_SCHEMA = """\
Print the JSON Schema (draft 2020-12) of both kinds of document, Policy and PolicyTest, for editors:

  emr-gateway policy schema > policy.schema.json
  # yaml-language-server: $schema=policy.schema.json      (the first line of a policy file)

It tells the form; `policy check` tells what only the meaning shows to be wrong."""


def add_commands(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `policy check|test|explain|replay|schema`."""
    policy = subparsers.add_parser("policy", help="check, test and explain policies; replay requests by them")
    commands = policy.add_subparsers(dest="policy_command", metavar="COMMAND", required=True)
    check = _command(commands, "check", "find the mistakes of a policy directory", _CHECK)
    check.add_argument("--strict", action="store_true", help="exit 1 where there are warnings")
    _add_now(check)
    _add_config(check, "and for its callers and targets, to check against")
    test = _command(commands, "test", "run the test cases of a policy directory", _TEST)
    test.add_argument("--junit", metavar="FILE", help="write the results as JUnit XML too")
    test.add_argument("--coverage", action="store_true", help="list the rules that no case put in force or to use")
    _add_config(test)
    _add_explain(commands)
    _add_replay(commands)
    schema = commands.add_parser(
        "schema",
        help="print the JSON Schema of policy documents",
        description=_SCHEMA,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    schema.set_defaults(output="json")


def _command(
    commands: argparse._SubParsersAction[Any], name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", metavar="DIR", help="the policy directory")
    return parser


def _add_explain(commands: argparse._SubParsersAction[Any]) -> None:
    explain = _command(commands, "explain", "say what policy makes of a request, and why", _EXPLAIN)
    explain.add_argument("-f", dest="file", metavar="FILE", required=True, help="the request, YAML or JSON; - is stdin")
    _add_caller(explain, required=True)
    _add_now(explain)
    _add_config(explain, "and for the caller's labels")
    _add_output(explain)


def _add_replay(commands: argparse._SubParsersAction[Any]) -> None:
    replay = commands.add_parser(
        "replay",
        help="judge past requests, and say what would differ",
        description=_REPLAY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("files", nargs="+", metavar="FILE", help="an audit, a request, or a directory of requests")
    replay.add_argument("--policy", metavar="DIR", required=True, help="the policy directory to judge by")
    replay.add_argument("--against", metavar="DIR", help="the one to compare with, such as the one that is in force")
    _add_caller(replay, required=False)
    _add_now(replay)
    _add_config(replay, "and for the labels of --caller")
    _add_output(replay)


def _add_caller(parser: argparse.ArgumentParser, *, required: bool) -> None:
    whose = "who asks" if required else "who asks, for plain request files"
    parser.add_argument("--caller", metavar="ID", required=required, help=whose)
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        type=_label,
        metavar="KEY=VALUE",
        help="a label of the caller's (repeatable; over what --config says)",
    )


def _add_now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--now",
        dest="today",
        type=day,
        metavar="TIME",
        help="judge as of then, by which exceptions hold: 2026-11-01 or 2026-11-01T12:00:00Z (default: now)",
    )


def _add_config(parser: argparse.ArgumentParser, more: str = "") -> None:
    parser.add_argument(
        "--config", metavar="FILE", help=f"the gateway's configuration, for its prices{more and f' {more}'}"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", dest="output", choices=("text", "json"), default="text", help="how to print (default: text)"
    )


def day(text: str) -> date:
    """The day in UTC of a date or a time; ValueError where it is neither, or a time of no known zone."""
    moment = datetime.fromisoformat(text)
    if len(text) == len("2026-11-01"):
        return moment.date()
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC).date()


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise ValueError(text)
    return key, value


# What argparse calls them in an error.
day.__name__ = "date or time"
_label.__name__ = "KEY=VALUE"
