"""Blocking work in threads, and the clock beside it: how every method of the gateway's services is answered."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeAlias, TypeVar, cast

from grpc import aio

from emrgateway_server import telemetry
from emrgateway_server.call import Call
from emrgateway_server.caller import Door, Peer
from emrgateway_server.errors import GatewayError, Internal, Outcome, Throttled
from emrgateway_server.places import BUSY_RETRY_SECONDS, Place, Places
from emrgateway_server.settings import Limits

_log = logging.getLogger(__name__)

_Reply = TypeVar("_Reply")
Context: TypeAlias = "aio.ServicerContext[Any, Any]"  # generic in the stubs alone


class Pool:
    """The threads and places that all services share; the event loop keeps the deadline of each call.

    Each port has a pool of its own over the same threads and places: `door` says how its callers prove who they are.
    """

    def __init__(self, executor: Executor, places: Places, limits: Limits, door: Door | None = None) -> None:
        self._door = door
        self._executor = executor
        self._places = places
        self._limits = limits
        self._ended = False
        self._waiting: set[asyncio.Future[Any]] = set()

    async def answer(
        self, work: Callable[[bytes, Call], _Reply], data: bytes, context: Context, *, starts: bool = False
    ) -> _Reply:
        """Do the work in a thread, and answer while the caller still listens.

        What gRPC's client hears after its deadline is its own DEADLINE_EXCEEDED, so ours leaves a margin before it.
        `starts` says whether the work can start a job.
        """
        place = self._places.take(reads=not starts)
        advice = "retry with the same client_token" if starts else "retry"
        call = Call(self._seconds(context), advice, place, _peer(context, self._door))
        try:
            return await self._answer_of(self._begun(work, data, call, place), call)
        except GatewayError:
            raise
        except Exception as error:  # a bug: here alone is known whether a job may have started
            outcome = Outcome.UNKNOWN if call.may_have_started else Outcome.NOT_STARTED
            raise Internal(
                "a bug in the gateway: its operators find it in the log", metadata={"outcome": outcome}
            ) from error
        finally:
            self._places.answered()

    def end(self) -> None:
        """Answer every call that is still there: the server ends."""
        self._ended = True
        for waiting in self._waiting:
            waiting.cancel()

    def _begun(self, work: Callable[[bytes, Call], _Reply], data: bytes, call: Call, place: Place) -> Future[_Reply]:
        """The work, on its way to a thread.

        Where no thread can be started, an executor raises though it has queued the work, and the next thread that is
        free would do it: for nobody, and it must send nothing.
        """
        try:
            working = self._executor.submit(contextvars.copy_context().run, _unless_over, work, data, call)
        except RuntimeError as error:
            call.abandon()
            place.give_back()
            _log.error("no thread for a call: %s", type(error).__name__)
            raise Throttled(
                "the gateway cannot start another thread, and nothing was started: retry later",
                retry_after=BUSY_RETRY_SECONDS,
            ) from error
        working.add_done_callback(lambda _: place.give_back())
        return working

    async def _answer_of(self, working: Future[_Reply], call: Call) -> _Reply:
        """What the work gives. What waits for a thread is taken back; what runs goes on and sends no more."""
        waiting = asyncio.wrap_future(working)
        self._waiting.add(waiting)
        try:
            return await asyncio.wait_for(waiting, max(0.0, call.remaining_seconds))
        except TimeoutError:
            working.add_done_callback(_log_unheard)
            raise call.abandon() from None
        except asyncio.CancelledError:  # the caller is gone, or this server is about to be
            working.add_done_callback(_log_unheard)
            if self._ended:
                raise call.cut_short() from None
            call.abandon()
            raise
        finally:
            self._waiting.discard(waiting)

    def _seconds(self, context: Context) -> float:
        remaining = cast("float | None", context.time_remaining())  # None, whatever the stubs say
        most = self._limits.max_deadline_seconds
        return min(most if remaining is None else remaining, most) - self._limits.reply_margin_seconds


def _peer(context: Context, door: Door | None) -> Peer:
    metadata = context.invocation_metadata() or ()
    said = tuple(str(value) for key, value in metadata if key == "authorization")
    return Peer(context.auth_context(), said, door, context.peer())


def _unless_over(work: Callable[[bytes, Call], _Reply], data: bytes, call: Call) -> _Reply:
    """The work, unless nobody waits for it any more when its thread is there."""
    call.check()
    return work(data, call)


def _log_unheard(working: Future[Any]) -> None:
    """A bug in work whose caller was answered before: the log alone hears of it."""
    error = None if working.cancelled() else working.exception()
    if error is not None and not isinstance(error, GatewayError):
        telemetry.log_bug(error)
