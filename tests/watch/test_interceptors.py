"""What goes around every call goes around a stream as well."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc import aio

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from emrgateway_server.audit import Audit
from emrgateway_server.errors import Draining, GatewayError, Throttled
from emrgateway_server.interceptors import LastResort, RawBytes, Traced
from emrgateway_server.settings import Audit as AuditSettings
from tests.server.statuses import Refused, read

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET = "s3cr3t"  # noqa: S105 - what must not be told


class _Stream:
    """Sends one message and then ends as it was told to."""

    def __init__(self, end: Callable[[], BaseException | None]) -> None:
        self._end = end
        self.requests: list[object] = []

    async def watch(self, request: Any, context: Any) -> None:  # noqa: ANN401 - bytes, and aio's context
        self.requests.append(request)
        await context.write(pb.WatchJobRunResponse(resume_token="1"))  # noqa: S106 - no password
        if (error := self._end()) is not None:
            raise error


async def _watched(stream: _Stream) -> tuple[list[str], Refused | None]:
    """The tokens that a stream brought, and how it failed, if it did."""
    audit = Audit(AuditSettings(path=os.devnull))
    server = aio.server(interceptors=[Traced(audit), LastResort(audit), RawBytes()])
    method = grpc.unary_stream_rpc_method_handler(
        stream.watch,
        request_deserializer=pb.WatchJobRunRequest.FromString,
        response_serializer=pb.WatchJobRunResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler("emrgateway.v1.JobRunService", {"WatchJobRun": method})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    told: list[str] = []
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}", (("grpc.enable_retries", 0),)) as channel:
            stub: Any = pb_grpc.JobRunServiceStub(channel)  # type: ignore[no-untyped-call, unused-ignore] # for both kinds
            async for message in stub.WatchJobRun(pb.WatchJobRunRequest(application_id="a"), timeout=10):
                told.append(message.resume_token)  # noqa: PERF401 - what came before an error is kept
    except grpc.RpcError as error:
        return told, read(error)  # type: ignore[arg-type] # aio's has the same
    finally:
        await server.stop(None)
        audit.close()
    return told, None


def test_a_stream_that_ends_well() -> None:
    """Its messages arrive, it ends with OK, and the method gets bytes, which gRPC has not parsed."""
    stream = _Stream(lambda: None)
    assert asyncio.run(_watched(stream)) == (["1"], None)
    assert stream.requests == [pb.WatchJobRunRequest(application_id="a").SerializeToString()]


@pytest.mark.parametrize(
    ("error", "code"),
    [(Draining("going"), "UNAVAILABLE"), (Throttled("later", retry_after=1.0), "RESOURCE_EXHAUSTED")],
)
def test_an_error_in_the_middle(error: GatewayError, code: str) -> None:
    """After a message, an error of the contract arrives with its code, its reason and its time to come back."""
    tokens, told = asyncio.run(_watched(_Stream(lambda: error)))
    assert (tokens, told and told.code, told and told.reason) == (["1"], code, error.reason)
    assert told is not None
    assert told.pushback == (None if error.retry_after is None else 1_000)


def test_a_bug_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    """It is INTERNAL, and its text reaches neither the caller nor the log."""
    with caplog.at_level(logging.DEBUG):
        tokens, told = asyncio.run(_watched(_Stream(lambda: ValueError(_SECRET))))
    assert told is not None
    assert (tokens, told.code, told.reason) == (["1"], "INTERNAL", "INTERNAL")
    assert _SECRET.encode() not in told.raw
    assert "bug: ValueError" in caplog.text
    assert _SECRET not in caplog.text.replace(f"ValueError({_SECRET!r})", "")
