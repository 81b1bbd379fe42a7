"""The gateway as the harness needs it: `python wayward_gateway.py serve --config FILE`.

SKEW_SECONDS puts its clock wrong. It believes the metadata `x-caller`, where the real one of this version knows one
caller, configured: callers that share a gateway are what must never be crossed.
"""

from __future__ import annotations

import os
import sys
import time

_SKEW = float(os.environ.get("SKEW_SECONDS", "0"))
_REAL = time.time
time.time = lambda: _REAL() + _SKEW  # before anything keeps a reference to it

if __name__ == "__main__":
    import contextvars
    from typing import Any

    from emrgateway_server.caller import Caller
    from emrgateway_server.cli import main
    from emrgateway_server.identity import InsecureIdentity
    from emrgateway_server.service import JobRunService

    _caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller")
    _start = JobRunService.StartJobRun

    async def _start_as(self: JobRunService, request: Any, context: Any) -> Any:  # noqa: ANN401 - as the base
        _caller.set(dict(context.invocation_metadata())["x-caller"])
        return await _start(self, request, context)

    setattr(JobRunService, "StartJobRun", _start_as)  # noqa: B010 - mypy lets no method be assigned
    setattr(InsecureIdentity, "identify", lambda _: Caller(_caller.get()))  # noqa: B010 - as above
    sys.exit(main())
