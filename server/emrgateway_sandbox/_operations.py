"""The six job run operations: their input, checked against the model, to their output."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from . import _views
from ._applications import Applications
from ._caller import Caller
from ._errors import not_found
from ._http_messages import HttpRequest
from ._job_runs import JobRun, JobRuns
from ._listing import page, page_of_attempts
from ._rules import check_grace, check_start

# Never the signature or the session token.
_RECORDED_HEADERS: Final = (
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-amzn-trace-id",
)

Output = dict[str, Any]


class Operations:
    """What each operation does. All raise AwsError; all answer with the members of botocore's output shape."""

    def __init__(self, applications: Applications, runs: JobRuns) -> None:
        self._applications = applications
        self._runs = runs
        self._by_name: Mapping[str, Callable[[Caller, Mapping[str, Any], HttpRequest], Output]] = {
            "CancelJobRun": self._cancel,
            "GetDashboardForJobRun": self._dashboard,
            "GetJobRun": self._get,
            "ListJobRunAttempts": self._attempts,
            "ListJobRuns": self._list,
            "StartJobRun": self._start,
        }

    def call(self, name: str, caller: Caller, values: Mapping[str, Any], request: HttpRequest) -> Output:
        """Carry out the operation `name` with the input `values`, which `request` brought."""
        return self._by_name[name](caller, values, request)

    def _start(self, caller: Caller, values: Mapping[str, Any], request: HttpRequest) -> Output:
        application = self._applications.find_to_start(caller, values["applicationId"])
        check_start(values, application.release_label)
        headers = {name: request.headers[name] for name in _RECORDED_HEADERS if name in request.headers}
        run = self._runs.start(caller, application, values, request.body, headers)
        return {"applicationId": application.application_id, "jobRunId": run.job_run_id, "arn": run.arn}

    def _get(self, caller: Caller, values: Mapping[str, Any], _: HttpRequest) -> Output:
        run = self._find(caller, values)
        view = _views.job_run(run, values.get("attempt"))
        if view is None:
            raise not_found("Attempt", f"{values['attempt']} of job run {run.job_run_id}")
        return {"jobRun": view}

    def _cancel(self, caller: Caller, values: Mapping[str, Any], _: HttpRequest) -> Output:
        run = self._find(caller, values)
        check_grace(values.get("shutdownGracePeriodInSeconds"))
        self._runs.cancel(run)
        return {"applicationId": run.application.application_id, "jobRunId": run.job_run_id}

    def _list(self, caller: Caller, values: Mapping[str, Any], _: HttpRequest) -> Output:
        # ListJobRuns' model names no ResourceNotFoundException; clients take it all the same, by its code.
        application = self._applications.find(caller, values["applicationId"])
        runs, token = page(self._runs.newest_first(caller, application.application_id), values)
        output: Output = {"jobRuns": [_views.summary(run) for run in runs]}
        return output if token is None else output | {"nextToken": token}

    def _attempts(self, caller: Caller, values: Mapping[str, Any], _: HttpRequest) -> Output:
        shown, token = page_of_attempts(_views.attempts(self._find(caller, values)), values)
        output: Output = {"jobRunAttempts": shown}
        return output if token is None else output | {"nextToken": token}

    def _dashboard(self, caller: Caller, values: Mapping[str, Any], request: HttpRequest) -> Output:
        run = self._find(caller, values)
        if _views.job_run(run, values.get("attempt")) is None:
            raise not_found("Attempt", f"{values['attempt']} of job run {run.job_run_id}")
        return {"url": f"http://{request.headers.get('Host', '')}/_sandbox/job-runs?jobRunId={run.job_run_id}"}

    def _find(self, caller: Caller, values: Mapping[str, Any]) -> JobRun:
        self._applications.find(caller, values["applicationId"])
        return self._runs.get(caller, values["applicationId"], values["jobRunId"])
