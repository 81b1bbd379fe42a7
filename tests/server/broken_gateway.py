"""The gateway with a bug: `python broken_gateway.py serve --config FILE`; BUG_AT names where it breaks, or `some`.

No real part can be asked to crash, and what a crash says is what must be seen. The exception holds all that the broken
part was given, and so does the one that it came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from emrgateway_server import translate
from emrgateway_server.cli import main
from emrgateway_server.emr.attempts import Attempts
from emrgateway_server.policy import Engine
from emrgateway_server.service import JobRunService

_PLACES = {
    "translation": (translate, "to_aws"),
    "judgement": (Engine, "judge"),
    "call": (Attempts, "_exchanged"),
    "event loop": (JobRunService, "StartJobRun"),
}


def _broken(*arguments: Any, **_: Any) -> NoReturn:  # noqa: ANN401 - whatever the part takes
    try:
        raise ValueError(f"cause {arguments}")  # noqa: TRY301 - the cause is what the test is about
    except ValueError as error:
        raise RuntimeError(f"bug {arguments}") from error


def _broken_for_some(whole: Callable[..., Any]) -> Callable[..., Any]:
    """A judgement that breaks on application `bug` alone."""

    def judged(engine: Engine, caller: object, request: dict[str, Any], *rest: Any, **named: Any) -> object:  # noqa: ANN401 - as above
        if request["applicationId"] == "bug":
            _broken(request)
        return whole(engine, caller, request, *rest, **named)

    return judged


if __name__ == "__main__":
    if os.environ["BUG_AT"] == "some":
        Engine.judge = _broken_for_some(Engine.judge)  # type: ignore[method-assign] # on purpose
    else:
        owner, name = _PLACES[os.environ["BUG_AT"]]
        setattr(owner, name, _broken)
    sys.exit(main())
