"""Where a request goes: to a job run operation, to the sandbox's own pages, or to moto."""

import dataclasses
import json
import logging
import threading
from collections import Counter
from collections.abc import Container
from typing import Final
from urllib.parse import parse_qs

from . import _model, _moto
from ._caller import identify, signing_service
from ._errors import AwsError
from ._faults import FAULTS, Fault, Faults
from ._http_messages import HttpReply, HttpRequest, json_reply
from ._input import read_input
from ._job_runs import JobRuns
from ._lifecycle import Step
from ._operations import Operations
from ._views import record

_LOG = logging.getLogger(__name__)
_OWN: Final = "/_sandbox/"  # no bucket's name may begin with an underscore, so this hides nothing of S3's

_PAGES: Final = (
    f"GET {_OWN}job-runs[?jobRunId=ID]",
    f"POST {_OWN}job-runs",
    f"GET {_OWN}calls",
    f"GET {_OWN}faults",
    f"POST {_OWN}faults",
    f"DELETE {_OWN}faults",
)


class Endpoint:
    """Answers any request; it never raises."""

    def __init__(self, operations: Operations, runs: JobRuns, faults: Faults) -> None:
        self._operations = operations
        self._faults = faults
        self._runs = runs
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    @property
    def calls(self) -> dict[str, int]:
        """How often each operation was called."""
        with self._lock:
            return dict(self._calls)

    def answer(self, request: HttpRequest) -> HttpReply:
        """Answer a request, with an error's reply where it is refused or fails."""
        try:
            return self._route(request)
        except AwsError as error:
            return _refusal(error)
        except Exception:  # noqa: BLE001 - a bug of ours or of moto is a 500, as AWS's would be
            _LOG.exception("%s %s failed", request.method, request.path)
            error_type = "InternalServerException"
            return json_reply(500, {"message": "The sandbox failed; its log says why"}, error_type=error_type)

    def _route(self, request: HttpRequest) -> HttpReply:
        if request.path.startswith(_OWN):
            return self._own_page(request)
        # Unsigned requests too: to moto they would be S3's, whose answer would puzzle whoever forgot to sign.
        if signing_service(request.headers) in {"emr-serverless", None}:
            known_path = False
            for route in _model.routes():
                uri = _model.uri_members(route, request.path)
                known_path = known_path or uri is not None
                if uri is not None and route.method == request.method:
                    return self._call(route, uri, request)
            if known_path:
                raise AwsError("UnknownOperationException", f"There is no {request.method} {request.path}")
        return _moto.answer(request)

    def _call(self, route: _model.Route, uri: dict[str, str], request: HttpRequest) -> HttpReply:
        with self._lock:
            self._calls[route.operation] += 1
        caller = identify(request.headers)
        values = read_input(route.input_shape, uri, request.query, request.body)
        fault = self._faults.take(route.operation, values)

        def carry_out() -> HttpReply:
            try:
                return json_reply(200, self._operations.call(route.operation, caller, values, request))
            except AwsError as error:  # here, so that a fault is played to a refusal as to any other reply
                return _refusal(error)

        return carry_out() if fault is None else fault.play(carry_out)

    def _own_page(self, request: HttpRequest) -> HttpReply:
        page = (request.method, request.path.removeprefix(_OWN))
        if page == ("GET", "job-runs"):
            wanted = parse_qs(request.query).get("jobRunId")
            return self._records(None if wanted is None else set(wanted))
        if page == ("POST", "job-runs"):
            return self._drive(request.body)
        if page == ("GET", "calls"):
            return json_reply(200, {"calls": self.calls})
        if page == ("POST", "faults"):
            return self._add_fault(request.body)
        if page == ("DELETE", "faults"):
            self._faults.clear()
        if page in {("GET", "faults"), ("DELETE", "faults")}:
            return json_reply(200, {"faults": list(FAULTS), "played": self._faults.played})
        return json_reply(404, {"message": f"The sandbox's pages are {', '.join(_PAGES)}"})

    def _records(self, wanted: Container[str] | None) -> HttpReply:
        records = [record(run) for run in self._runs.all() if wanted is None or run.job_run_id in wanted]
        return json_reply(200, {"job_runs": [dataclasses.asdict(entry) for entry in records]})

    def _drive(self, body: bytes) -> HttpReply:
        try:
            asked = json.loads(body)
            self._runs.drive(asked["jobRunId"], [Step(**step) for step in asked["states"]])
        except (KeyError, TypeError, ValueError) as error:  # TypeError: unknown members, or no object
            return json_reply(400, {"message": f"give jobRunId and states, each with state, seconds, ...: {error}"})
        return self._records({asked["jobRunId"]})

    def _add_fault(self, body: bytes) -> HttpReply:
        try:
            self._faults.add(Fault(**json.loads(body)))
        except (TypeError, ValueError) as error:  # TypeError: unknown members, or no object
            return json_reply(400, {"message": str(error)})
        return json_reply(200, {"faults": list(FAULTS), "played": self._faults.played})


def _refusal(error: AwsError) -> HttpReply:
    return json_reply(error.status, {"message": error.message}, error_type=error.code)
