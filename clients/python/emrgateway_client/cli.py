"""The `job` commands, for the `emr-gateway` command to compose.

Exit codes: 0 done; 1 refused or failed; 2 usage or an unreadable request, and nothing was sent; 3 unavailable,
throttled or unknown, so that the same request may be submitted again with the same client token; 130 interrupted. A
watched job run's end: 0 SUCCESS, 4 FAILED, 5 CANCELLED.
"""

# ruff: noqa: T201 - a command prints
from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format

from emrgateway.v1.decision_pb2 import Verdict
from emrgateway.v1.job_run_service_pb2 import CancelJobRunRequest, StartJobRunResponse
from emrgateway_client import _list, _render
from emrgateway_client._follow import follow
from emrgateway_client._submission import with_client_token
from emrgateway_client.client import Client
from emrgateway_client.documents import MAX_DOCUMENT_BYTES, DocumentError, load_request, read_request
from emrgateway_client.errors import DeadlineExceeded, GatewayError, Throttled, Unavailable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from emrgateway.v1.job_run_service_pb2 import StartJobRunRequest

__all__ = ["add_commands", "run"]

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
UNKNOWN: Final = 3
INTERRUPTED: Final = 130

_STDERR: Final = 2
_TIMEOUT_SECONDS: Final = 60.0


def add_commands(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add `job start`, `get`, `list`, `cancel` and `watch`; `run` is the function for the arguments they parse."""
    job = subparsers.add_parser("job", help="start, follow and stop job runs through a gateway")
    commands = job.add_subparsers(dest="job_command", metavar="COMMAND", required=True)

    start = commands.add_parser("start", help="start a job run")
    start.add_argument("-f", dest="file", metavar="FILE", required=True, help="the request, YAML or JSON; - is stdin")
    start.add_argument(
        "--client-token", metavar="TOKEN", help="submit again: with the token of a try whose end is not known"
    )
    start.add_argument("--validate-only", action="store_true", help="ask what policy makes of it; start nothing")
    start.add_argument("--watch", action="store_true", help="then follow it to its end, as job watch does")
    _add_connection(start)

    get = commands.add_parser("get", help="show a job run")
    get.add_argument("application_id", metavar="APPLICATION_ID")
    get.add_argument("job_run_id", metavar="JOB_RUN_ID")
    _add_connection(get)

    many = commands.add_parser("list", help="list the job runs that you may see, the newest first")
    _list.add_options(many)
    _add_connection(many)

    cancel = commands.add_parser("cancel", help="stop a job run")
    cancel.add_argument("application_id", metavar="APPLICATION_ID")
    cancel.add_argument("job_run_id", metavar="JOB_RUN_ID")
    cancel.add_argument("--grace", metavar="SECONDS", type=int, help="time to clean up: 0, or 15 to 1800")
    _add_connection(cancel)

    watch = commands.add_parser("watch", help="follow a job run to its end")
    watch.add_argument("application_id", metavar="APPLICATION_ID")
    watch.add_argument("job_run_id", metavar="JOB_RUN_ID")
    _add_connection(watch, timeout="give up after so long; the job goes on (default: never)")


def _add_connection(parser: argparse.ArgumentParser, *, timeout: str = "") -> None:
    add = parser.add_argument
    add("--target", metavar="HOST:PORT", required=True, help="the gateway")
    add("--ca", metavar="FILE", help="roots that sign the gateway's certificate (default: public roots)")
    add("--cert", metavar="FILE", help="your certificate, for mutual TLS")
    add("--key", metavar="FILE", help="its private key")
    add("--token-file", metavar="FILE", help="your bearer token")
    add("--plaintext", action="store_true", default=None, help="no TLS, beyond this machine too")
    default = None if timeout else _TIMEOUT_SECONDS
    timeout = timeout or f"deadline, retries included (default: {_TIMEOUT_SECONDS:g})"
    add("--timeout", metavar="SECONDS", type=_seconds, default=default, help=timeout)
    add("-o", dest="output", choices=("text", "json"), default="text", help="how to print (default: text)")


def _seconds(text: str) -> float:
    seconds = float(text)  # argparse says of a ValueError what it should
    if not 0 < seconds < 10**6:
        raise ValueError(text)
    return seconds


_seconds.__name__ = "number of seconds"  # what argparse calls it in an error


def run(args: argparse.Namespace) -> int:
    """Do what the parsed arguments ask; gives the exit code. Prints the reply on stdout, a failure on stderr."""
    try:
        return _done(args)
    except DocumentError as error:
        problems = [{"field": p.path, "description": p.message, "rule": ""} for p in error.problems]
        return _unsent(args, str(error), problems)
    except GatewayError as error:
        return _failed(args, error)
    except (OSError, ValueError) as error:
        return _unsent(args, str(error), [])
    except KeyboardInterrupt:
        return INTERRUPTED


def _done(args: argparse.Namespace) -> int:
    if args.job_command == "watch":
        return _watch(args, args.application_id, args.job_run_id, args.timeout)
    answer = _COMMANDS[args.job_command](args)
    watches = args.job_command == "start" and args.watch
    indent = None if watches else 2  # with what follows, a message a line
    _print(json_format.MessageToJson(answer.reply, indent=indent) if args.output == "json" else answer.text)
    if watches and isinstance(answer.reply, StartJobRunResponse) and answer.reply.job_run_id:
        return _watch(args, answer.reply.application_id, answer.reply.job_run_id, None)
    return answer.exit_code


@dataclass(frozen=True)
class _Answer:
    reply: Message
    text: str
    exit_code: int = DONE


def _start(args: argparse.Namespace) -> _Answer:
    request = _request(args.file)
    request.client_token = args.client_token or request.client_token
    request = with_client_token(request)
    request.validate_only = request.validate_only or args.validate_only
    try:
        with _quiet(), _client(args) as client:
            reply = client.start_job_run(request)
    except KeyboardInterrupt:
        if not request.validate_only:
            print(f"interrupted: it may have been started; {_again(request.client_token)}", file=sys.stderr)
        raise
    # Asked to validate only, the gateway answers with what it would refuse, rather than fail.
    denied = any(outcome.verdict == Verdict.VERDICT_DENIED for outcome in reply.decision.outcomes)
    return _Answer(reply, _render.start_reply(reply), REFUSED if denied else DONE)


def _get(args: argparse.Namespace) -> _Answer:
    with _quiet(), _client(args) as client:
        reply = client.get_job_run(args.application_id, args.job_run_id)
    return _Answer(reply, _render.job_run(reply.job_run))


def _list_runs(args: argparse.Namespace) -> _Answer:
    with _quiet(), _client(args) as client:
        reply = _list.listed(client, args)
    if reply.next_token and args.output == "text":
        print(f"there are more: --all, --limit, or --next-token {shlex.quote(reply.next_token)}", file=sys.stderr)
    return _Answer(reply, _render.job_runs(reply.job_runs))


def _cancel(args: argparse.Namespace) -> _Answer:
    request = CancelJobRunRequest(
        application_id=args.application_id, job_run_id=args.job_run_id, shutdown_grace_period_in_seconds=args.grace
    )
    with _quiet(), _client(args) as client:
        reply = client.cancel_job_run(request)
    return _Answer(reply, _render.cancelled(reply))


_COMMANDS: Final[dict[str, Callable[[argparse.Namespace], _Answer]]] = {
    "start": _start,
    "get": _get,
    "list": _list_runs,
    "cancel": _cancel,
}


def _watch(args: argparse.Namespace, application_id: str, job_run_id: str, timeout: float | None) -> int:
    live = sys.stdout.isatty()
    try:
        with _quiet(), _client(args) as client:
            return follow(
                client.watch_job_run(application_id, job_run_id, timeout=timeout), args.output, _print, live=live
            )
    except KeyboardInterrupt:
        again = f"emr-gateway job watch {shlex.quote(application_id)} {shlex.quote(job_run_id)}"
        print(_render.printable(f"interrupted: the job run goes on; to follow it again: {again}"), file=sys.stderr)
        raise


def _request(file: str) -> StartJobRunRequest:
    if file != "-":
        return load_request(file)
    return read_request(sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1), name="<stdin>")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep gRPC's own log out of standard error, which is to hold one failure and, with `-o json`, nothing else.

    gRPC reads `GRPC_VERBOSITY` when it is imported, which is over, and writes to the file descriptor, not to Python's
    stream. Whoever has set the variable wants the log, and gets it.
    """
    if "GRPC_VERBOSITY" in os.environ:
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


def _client(args: argparse.Namespace) -> Client:
    return Client(
        args.target,
        ca=args.ca,
        cert=args.cert,
        key=args.key,
        token_file=args.token_file,
        plaintext=args.plaintext,
        timeout_seconds=args.timeout or _TIMEOUT_SECONDS,
    )


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever read stopped reading, which undoes nothing. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failed(args: argparse.Namespace, error: GatewayError) -> int:
    if args.output == "json":
        shown: dict[str, object] = {
            "code": error.code.name,
            "reason": error.reason,
            "message": error.message,
            "violations": [{"field": v.field, "description": v.description, "rule": v.rule} for v in error.violations],
            "outcome": error.outcome,
            "metadata": error.metadata,
            "client_token": error.client_token,
            "retry_after_seconds": error.retry_after_seconds,
        }
        print(json.dumps(shown, indent=2), file=sys.stderr)
    else:
        print(_render.printable(str(error)), file=sys.stderr)
        if error.outcome == "unknown":
            print(f"it may have been started; {_again(error.client_token)}", file=sys.stderr)
    later = isinstance(error, Unavailable | DeadlineExceeded | Throttled) or error.outcome == "unknown"
    return UNKNOWN if later else REFUSED


def _again(token: str) -> str:
    return f"to submit it again without starting a second job: --client-token {_render.printable(shlex.quote(token))}"


def _unsent(args: argparse.Namespace, message: str, violations: list[dict[str, str]]) -> int:
    """A request, or an option, that cannot be read."""
    if args.output == "json":
        shown = {
            "code": "INVALID_ARGUMENT",
            "reason": "UNREADABLE",
            "message": message,
            "violations": violations,
            "outcome": "not_started",
            "metadata": {},
        }
        print(json.dumps(shown, indent=2), file=sys.stderr)
    else:
        print(_render.printable(message), file=sys.stderr)
    return USAGE
