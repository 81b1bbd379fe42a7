"""The sandbox, put together."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self, get_args

from . import _model
from ._applications import Applications
from ._endpoint import Endpoint
from ._faults import Fault, Faults
from ._http_server import HttpServer
from ._job_runs import JobRuns, OnChangedBody
from ._lifecycle import Step
from ._listen import parse_listen
from ._operations import Operations
from ._views import JobRunRecord, record


class Sandbox:
    """An EMR Serverless endpoint on loopback, with moto's other services beside it; a context manager.

    `listen` is HOST:PORT on loopback (port 0 picks one). `applications` are the ids that exist; none named: all exist.
    A job run is SUBMITTED, PENDING, SCHEDULED and RUNNING for `seconds_per_state` each, then SUCCESS; a cancelled one
    is CANCELLING for as long. `on_changed_body` is what a client token gets that comes again with another request.

    Raises ValueError where an argument is not as it should be; `start` raises OSError where the port is taken.
    """

    def __init__(
        self,
        listen: str = "127.0.0.1:0",
        applications: Sequence[str] = (),
        seconds_per_state: float = 0.2,
        on_changed_body: OnChangedBody = "conflict",
    ) -> None:
        if isinstance(applications, str):
            raise ValueError("applications: give a list of ids, not one string")  # noqa: TRY004 - one kind of error
        for application in applications:
            if not _model.pattern(_model.shape("ApplicationId")["pattern"]).fullmatch(application):
                raise ValueError(f"applications: {application!r} is no application id; give characters of [0-9a-z]")
        if not seconds_per_state >= 0:
            raise ValueError(f"seconds_per_state: {seconds_per_state} is not 0 or more")
        if on_changed_body not in get_args(OnChangedBody):
            raise ValueError(f"on_changed_body: {on_changed_body!r} is not one of {', '.join(get_args(OnChangedBody))}")
        self._family, self._host, self._port = parse_listen(listen)
        self._runs = JobRuns(seconds_per_state, on_changed_body)
        self._faults = Faults()
        self._endpoint = Endpoint(Operations(Applications(applications), self._runs), self._runs, self._faults)
        self._server: HttpServer | None = None

    def start(self) -> None:
        """Listen and answer, until `stop`."""
        if self._server is not None:
            raise RuntimeError("the sandbox is running already; stop it first")
        _model.routes()  # read the model now, not in the first request
        self._server = HttpServer((self._host, self._port), self._family, self._endpoint.answer)
        self._server.start()

    def stop(self) -> None:
        """End what is being answered and close every connection; the job runs stay known. Nothing if not running."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def url(self) -> str:
        """Its address, as boto3's endpoint_url: `http://127.0.0.1:PORT`."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running; start it first")
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def job_runs(self) -> list[JobRunRecord]:
        """Give a record of every job run, in the order of their start."""
        return [record(run) for run in self._runs.all()]

    def drive(self, job_run_id: str, *states: Step | str) -> None:
        """Let a job run come into these states from now on, each for its `seconds`; the last one stays.

        Raises ValueError where there is no such run, or a step is not as it should be.
        """
        self._runs.drive(job_run_id, [Step(state) if isinstance(state, str) else state for state in states])

    @property
    def calls(self) -> dict[str, int]:
        """How often each operation was called so far, faults included."""
        return self._endpoint.calls

    def play(self, fault: Fault) -> None:
        """Play a fault to calls from now on; raises ValueError where it is not as it should be."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Play no fault any more."""
        self._faults.clear()

    @property
    def faults_played(self) -> dict[str, int]:
        """How often each fault was played."""
        return self._faults.played

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
