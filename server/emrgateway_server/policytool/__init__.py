"""`emr-gateway policy`: what people do with a policy directory before, and after, a gateway serves by it.

Each command is a module of its own; they judge by the gateway's own code. This one, and `arguments`, need nothing
beyond the standard library, since the base installation has the client's dependencies alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from emrgateway_server.policytool.arguments import USAGE, add_commands

__all__ = ["add_commands", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Do what the parsed arguments ask; gives the exit code. What is wrong is told on standard error."""
    from emrgateway_server.policytool import (  # noqa: PLC0415 - the server extra
        checking,
        explaining,
        replaying,
        schema,
        testing,
    )
    from emrgateway_server.policytool.inputs import Unusable  # noqa: PLC0415 - as above
    from emrgateway_server.yamlfile import ConfigurationError  # noqa: PLC0415 - as above

    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "check": checking.run,
        "explain": explaining.run,
        "replay": replaying.run,
        "schema": schema.run,
        "test": testing.run,
    }
    try:
        return commands[arguments.policy_command](arguments)
    except (ConfigurationError, Unusable) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command prints
        return USAGE
