"""The gateway as the harness needs it: `python wayward_gateway.py serve --config FILE`.

SKEW_SECONDS puts wrong the clock that it shares with others, by what it writes into the ledger; gRPC's own clock, which
a process cannot change, must go with the rest of Python's. It believes the metadata `x-caller`, where the real one
knows one caller, configured: callers that share a gateway are what must never be crossed.
"""

from __future__ import annotations

import os
import sys
import time


def skewed() -> float:
    """The time, as this gateway has it."""
    return time.time() + float(os.environ["SKEW_SECONDS"])


if __name__ == "__main__":
    import contextvars
    from typing import Any

    from emrgateway_server.caller import Caller
    from emrgateway_server.cli import main
    from emrgateway_server.emr import LedgerTable
    from emrgateway_server.identity import InsecureIdentity
    from emrgateway_server.ledger import Submissions
    from emrgateway_server.service import JobRunService

    _caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller")
    _start = JobRunService.StartJobRun

    async def _start_as(self: JobRunService, request: Any, context: Any) -> Any:  # noqa: ANN401 - as the base
        _caller.set(dict(context.invocation_metadata())["x-caller"])
        return await _start(self, request, context)

    setattr(JobRunService, "StartJobRun", _start_as)  # noqa: B010 - mypy lets no method be assigned
    setattr(InsecureIdentity, "identify", lambda *_: Caller(_caller.get()))  # noqa: B010 - as above
    for keeper in (LedgerTable, Submissions):
        vars(keeper)["__init__"].__kwdefaults__["clock"] = skewed
    sys.exit(main())
