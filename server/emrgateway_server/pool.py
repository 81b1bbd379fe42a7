"""Blocking work in threads, and the clock beside it: how every method of the gateway's services is answered."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeAlias, TypeVar, cast

from grpc import aio

from emrgateway_server.call import Call
from emrgateway_server.errors import GatewayError, Internal, Outcome
from emrgateway_server.places import Places
from emrgateway_server.settings import Limits

_Reply = TypeVar("_Reply")
Context: TypeAlias = "aio.ServicerContext[Any, Any]"  # generic in the stubs alone


class Pool:
    """The threads and places that all services share; the event loop keeps the deadline of each call."""

    def __init__(self, executor: Executor, places: Places, limits: Limits) -> None:
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
        call = Call(self._seconds(context), "retry with the same client_token" if starts else "retry", place)
        try:
            working = self._executor.submit(contextvars.copy_context().run, work, data, call)
            working.add_done_callback(lambda _: place.give_back())
            return await self._answer_of(asyncio.wrap_future(working), call)
        except GatewayError:
            raise
        except Exception as error:
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

    async def _answer_of(self, working: asyncio.Future[_Reply], call: Call) -> _Reply:
        """What the work gives. What waits for a thread is taken back; what runs goes on and sends no more."""
        self._waiting.add(working)
        try:
            return await asyncio.wait_for(working, max(0.0, call.remaining_seconds))
        except TimeoutError:
            raise call.abandon() from None
        except asyncio.CancelledError:  # the caller is gone, or this server is about to be
            if self._ended:
                raise call.cut_short() from None
            call.abandon()
            raise
        finally:
            self._waiting.discard(working)

    def _seconds(self, context: Context) -> float:
        remaining = cast("float | None", context.time_remaining())  # None, whatever the stubs say
        most = self._limits.max_deadline_seconds
        return min(most if remaining is None else remaining, most) - self._limits.reply_margin_seconds
