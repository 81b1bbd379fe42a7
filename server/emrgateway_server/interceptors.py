"""What happens to every call before and after the servicers: the trace, the last resort, raw bytes.

Each interceptor touches the gateway's own services alone: health and reflection need no identity and take no place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError
from grpc import aio

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import record, status, telemetry
from emrgateway_server.audit import Audit
from emrgateway_server.errors import GatewayError, Internal, Outcome

OWN_SERVICES = "/emrgateway."
START_JOB_RUN = "/emrgateway.v1.JobRunService/StartJobRun"
# gRPC's own retries carry it (gRFC A6); whoever made the call hears the last attempt alone.
PREVIOUS_ATTEMPTS = "grpc-previous-rpc-attempts"
MOST_READ_AGAIN = 64 * 1024

# gRPC's classes are generic in their stubs alone.
_Context: TypeAlias = "aio.ServicerContext[Any, Any]"
_Behavior: TypeAlias = "Callable[[Any, _Context], Awaitable[Any]]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]"


class _OwnInterceptor(aio.ServerInterceptor):
    """Wraps the gateway's own methods.

    A method that streams its replies writes them to its context, and so is a coroutine like the others: what goes
    around one goes around both.
    """

    async def intercept_service(
        self, continuation: _Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> _Handler | None:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(OWN_SERVICES) or handler.request_streaming:
            return handler
        made = (
            grpc.unary_stream_rpc_method_handler if handler.response_streaming else grpc.unary_unary_rpc_method_handler
        )
        behavior = handler.unary_stream if handler.response_streaming else handler.unary_unary
        return made(
            self.wrapped(cast("_Behavior", behavior), method),
            request_deserializer=self.deserializer(handler),
            response_serializer=handler.response_serializer,
        )

    def wrapped(self, behavior: _Behavior, method: str) -> _Behavior:  # noqa: ARG002 - for those that tell methods apart
        """The behavior, with something before or after it."""
        return behavior

    def deserializer(self, handler: _Handler) -> Callable[[bytes], Any] | None:
        """How the request is read."""
        return handler.request_deserializer


class RawBytes(_OwnInterceptor):
    """Hands servicers the bytes themselves: what gRPC cannot parse would never reach us, nor the audit."""

    def deserializer(self, handler: _Handler) -> Callable[[bytes], Any] | None:  # noqa: ARG002 - the base's
        """Bytes as they are."""
        return bytes


class LastResort(_OwnInterceptor):
    """Turns errors into statuses, and a bug of ours into INTERNAL without its text, which may hold anything."""

    def __init__(self, audit: Audit) -> None:
        """`audit` says whether calls are served now."""
        self._audit = audit

    def wrapped(self, behavior: _Behavior, method: str) -> _Behavior:
        """The behavior, whose every failure is a status of the contract."""

        async def last_resort(request: bytes, context: _Context) -> object:
            try:
                self._audit.check()
                return await behavior(request, context)
            except aio.AbortError:
                raise
            except GatewayError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - the last resort
                failure = Internal("a bug in the gateway: its operators find it in the log")
                failure.__cause__ = error
            telemetry.note_error(failure)
            if isinstance(failure, Internal):
                telemetry.log_bug(failure.__cause__ or failure)
            starts = method == START_JOB_RUN
            if starts and _was_tried_before(context) and not _only_validates(request):
                failure.metadata["outcome"] = Outcome.UNKNOWN
            reply = status.reply_of(failure, with_outcome=starts)
            await context.abort(reply.code, reply.message, tuple(reply.trailers))
            raise AssertionError("abort returned")

        return last_resort


def _was_tried_before(context: _Context) -> bool:
    """Whether an attempt of the same call went before this one: it may have started a job, whatever this one says."""
    counts = (value for key, value in context.invocation_metadata() or () if key == PREVIOUS_ATTEMPTS)
    return any(str(count).isdecimal() and int(count) for count in counts)


def _only_validates(request: bytes) -> bool:
    """Whether a request could never have started a job; False where it is too large to be read a second time."""
    try:
        return len(request) <= MOST_READ_AGAIN and pb.StartJobRunRequest.FromString(request).validate_only
    except (DecodeError, RecursionError):
        return False


class Traced(_OwnInterceptor):
    """The SERVER span around everything else, and, once the answer is known, the audit's line about it."""

    def __init__(self, audit: Audit) -> None:
        """`audit` is told how every call ended."""
        self._audit = audit

    def wrapped(self, behavior: _Behavior, method: str) -> _Behavior:
        """The behavior inside a span that continues the caller's trace."""

        async def traced(request: bytes, context: _Context) -> object:
            metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
            kept = record.begin(method.removeprefix("/"))
            with telemetry.server_span(method, telemetry.caller_context(metadata)) as span:
                code = grpc.StatusCode.OK
                try:
                    reply = await behavior(request, context)
                except asyncio.CancelledError:
                    code = grpc.StatusCode.CANCELLED
                    raise
                except aio.AbortError:
                    code = grpc_code(context.code())
                    raise
                else:
                    record.note_ids(reply)
                    return reply
                finally:
                    telemetry.end_server_span(span, code.name)
                    telemetry.count_call(kept, code.name, starts=method == START_JOB_RUN)
                    self._audit.ended(kept, code.name, context.peer(), starts=method == START_JOB_RUN)

        return traced


def grpc_code(code: grpc.StatusCode | int) -> grpc.StatusCode:
    """A status code as the enum: aio hands out its number."""
    return next(known for known in grpc.StatusCode if code in (known, known.value[0]))
