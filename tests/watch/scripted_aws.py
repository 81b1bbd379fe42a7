"""An AWS whose job runs stand as a test says, as fast as a test can ask; it counts what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.server.gateways import CALLER
from tests.server.loopback import on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION = "00f1watched"
ENDS = ("SUCCESS", "FAILED", "CANCELLED")
FIGURES = {
    "totalResourceUtilization": {"vCPUHour": 1.5, "memoryGBHour": 6.0, "storageGBHour": 2.0},
    "billedResourceUtilization": {"vCPUHour": 1.75, "memoryGBHour": 7.0, "storageGBHour": 0.0},
    "queuedDurationMilliseconds": 4_000,
    "totalExecutionDurationSeconds": 61,
}
SECRET = "s3cr3t-of-the-job"  # noqa: S105 - what must not be told


@dataclass
class ScriptedAws:
    """`runs` by (application, id), each as GetJobRun tells it; `fault` answers everything while it is set.

    A fault is (status, error type). `lagging` runs are told by their state of before, `unlisted` ones are in no list.
    """

    runs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    fault: tuple[int, str] | None = None
    faulty: frozenset[str] = frozenset({"GetJobRun", "ListJobRuns", "StartJobRun"})
    unlisted: set[str] = field(default_factory=set)
    calls: list[tuple[float, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    url: str = ""

    def put(self, run: str, state: str = "RUNNING", application: str = APPLICATION, **members: Any) -> None:  # noqa: ANN401
        """Let a run stand so."""
        now = time.time()
        before = self.runs.get((application, run), {"createdAt": now})
        arn = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{application}/jobruns/{run}"
        self.runs[application, run] = {
            "applicationId": application,
            "jobRunId": run,
            "arn": arn,
            "createdBy": "arn:aws:sts::123456789012:assumed-role/gateway/x",
            "executionRole": "arn:aws:iam::123456789012:role/etl",
            "releaseLabel": "emr-7.9.0",
            "attempt": 1,
            "tags": {"emr-gateway:caller": CALLER},
            "jobDriver": {"sparkSubmit": {"entryPoint": SECRET, "sparkSubmitParameters": SECRET}},
            "configurationOverrides": {
                "applicationConfiguration": [{"classification": "c", "properties": {"password": SECRET}}]
            },
            **before,
            "state": state,
            "stateDetails": f"it is {state}",
            "updatedAt": now,
            **(FIGURES if state in ENDS else {}),
            **members,
        }

    def count(self, since: int = 0) -> Counter[str]:
        """How often each operation was asked for."""
        return Counter(operation for _, operation, _ in self.calls[since:])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lengths = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
                if lengths:
                    await reader.readexactly(int(lengths[0].partition(":")[2]))
                method, target, _ = head.split(" ", 2)
                if self.seconds:
                    await asyncio.sleep(self.seconds)
                writer.write(self._answer(method, target))
                await writer.drain()
        writer.close()

    def _answer(self, method: str, target: str) -> bytes:
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        run = parts[3] if len(parts) > 3 else ""
        operation = "StartJobRun" if method == "POST" else "GetJobRun" if run else "ListJobRuns"
        self.calls.append((time.monotonic(), operation, run))
        if self.fault is not None and operation in self.faulty:
            return _http(self.fault[0], {"message": "scripted"}, self.fault[1])
        if operation == "StartJobRun":
            started = f"{len(self.calls):016x}"
            self.put(started, "SUBMITTED", parts[1])
            return _http(
                200, {"applicationId": parts[1], "jobRunId": started, "arn": self.runs[parts[1], started]["arn"]}
            )
        if operation == "GetJobRun":
            found = self.runs.get((parts[1], run))
            return (
                _http(200, {"jobRun": found}) if found else _http(404, {"message": "no"}, "ResourceNotFoundException")
            )
        return _http(200, self._page(parts[1], parse_qs(url.query)))

    def _page(self, application: str, query: dict[str, list[str]]) -> dict[str, Any]:
        wanted = query.get("states", [])
        found = [
            run
            for (place, name), run in self.runs.items()
            if place == application and name not in self.unlisted and (not wanted or run["state"] in wanted)
        ]
        found.sort(key=lambda run: (run["state"], -run["createdAt"]))
        start, most = int(query.get("nextToken", ["0"])[0]), int(query.get("maxResults", ["50"])[0])
        page: dict[str, Any] = {"jobRuns": [_summary(run) for run in found[start : start + most]]}
        return page | ({"nextToken": str(start + most)} if start + most < len(found) else {})


def _summary(run: dict[str, Any]) -> dict[str, Any]:
    left_out = ("jobRunId", "tags", "jobDriver", "configurationOverrides", *FIGURES)
    return {**{key: value for key, value in run.items() if key not in left_out}, "id": run["jobRunId"], "type": "Spark"}


def _http(status: int, reply: dict[str, Any], kind: str = "") -> bytes:
    body = json.dumps(reply)
    error = f"x-amzn-ErrorType: {kind}\r\n" if kind else ""
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{error}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@contextlib.contextmanager
def scripted_aws() -> Iterator[ScriptedAws]:
    """One that listens on loopback, in a thread of its own."""
    aws = ScriptedAws()
    with on_loopback(aws.serve) as aws.url:
        yield aws
