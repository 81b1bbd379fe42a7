"""The command `emr-gateway`: arguments and exit codes.

What a command needs is imported when it runs, since the base installation has the client's dependencies alone.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command prints
import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import metadata

from emrgateway_client import cli as job_commands
from emrgateway_server import policytool

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    parsed = _parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "serve": _serve,
        "dev": _dev,
        "sandbox": _sandbox,
        "job": job_commands.run,
        "policy": policytool.run,
    }
    try:
        return commands[parsed.command](parsed)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("emrgateway"):
            raise
        extra = "sandbox" if parsed.command == "sandbox" else "server,sandbox" if parsed.command == "dev" else "server"
        print(f"emr-gateway {parsed.command} needs more: pip install 'emr-gateway[{extra}]'", file=sys.stderr)
        return USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emr-gateway", description="The one door through which services start jobs on Amazon EMR Serverless."
    )
    parser.add_argument("--version", action="version", version=metadata.version("emr-gateway"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    serve = commands.add_parser("serve", help="run the gateway")
    serve.add_argument("--config", required=True, metavar="FILE", help="gateway.yaml")
    serve.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    dev = commands.add_parser("dev", help="run the sandbox and a gateway before it, both on loopback")
    dev.add_argument("--listen", default="127.0.0.1:50051", metavar="HOST:PORT", help="default: %(default)s")
    dev.add_argument("--policy", metavar="DIR", help="the policy to judge by (default: one that allows everything)")
    dev.add_argument("--caller", default="spiffe://local/dev", metavar="ID", help="who calls (default: %(default)s)")
    dev.add_argument("--label", action="append", default=[], metavar="K=V", help="a label of the caller's (repeatable)")
    sandbox = commands.add_parser(
        "sandbox",
        help="run an EMR Serverless endpoint on loopback",
        epilog="Faults on demand: GET URL/_sandbox/faults lists them; POST one there, as JSON: "
        '{"fault": "reset-after", "operation": "StartJobRun", "application_id": null, "share": 1, "times": 1, '
        '"seconds": 60}, of which all but the first may be left out; DELETE ends them. '
        "States on demand: POST to URL/_sandbox/job-runs "
        '{"jobRunId": "00f2", "states": [{"state": "QUEUED", "seconds": 5}, {"state": "RUNNING", "seconds": 60}, '
        '{"state": "FAILED", "details": "why"}]}; URL/_sandbox/calls counts the calls.',
    )
    sandbox.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT", help="default: %(default)s")
    sandbox.add_argument(
        "--application", action="append", default=[], metavar="ID", help="the only applications there are (repeatable)"
    )
    job_commands.add_commands(commands)
    policytool.add_commands(commands)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    from emrgateway_server import app, configuration, settings, telemetry  # noqa: PLC0415 - the server extra
    from emrgateway_server.yamlfile import ConfigurationError  # noqa: PLC0415 - as above

    telemetry.configure_logging(arguments.log_level)
    try:
        with configuration.loaded(arguments.config, settings.environment()) as loaded:
            return app.serve(loaded, settings.environment())
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return USAGE


def _dev(arguments: argparse.Namespace) -> int:
    from emrgateway_server import dev, telemetry  # noqa: PLC0415 - the server and sandbox extras
    from emrgateway_server.yamlfile import ConfigurationError  # noqa: PLC0415 - as above

    telemetry.configure_logging("INFO")
    try:
        return dev.run(arguments.listen, arguments.policy, arguments.caller, arguments.label)
    except (ConfigurationError, ValueError) as error:
        print(error, file=sys.stderr)
        return USAGE


def _sandbox(arguments: argparse.Namespace) -> int:
    from emrgateway_sandbox import serve_forever  # noqa: PLC0415 - the sandbox extra

    return serve_forever(arguments.listen, arguments.application)
