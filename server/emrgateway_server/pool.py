"""Blocking work in threads, and the clock beside it: how every method of the gateway's services is answered."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
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

    async def answer(
        self, work: Callable[[bytes, Call], _Reply], data: bytes, context: Context, advice: str = "retry"
    ) -> _Reply:
        """Do the work in a thread, and answer while the caller still listens.

        What gRPC's client hears after its deadline is its own DEADLINE_EXCEEDED, so ours leaves a margin before it.
        `advice` is what to do where it is not known what the work did.
        """
        call = Call(self._seconds(context), advice)
        self._places.take()
        try:
            working = self._executor.submit(contextvars.copy_context().run, work, data, call)
            loop = asyncio.get_running_loop()
            working.add_done_callback(lambda _: _on(loop, self._places.give_back))
            # Work that waits for a thread is taken back; what runs goes on, and `call` keeps it from sending.
            return await asyncio.wait_for(asyncio.wrap_future(working), max(0.0, call.remaining_seconds))
        except TimeoutError:
            raise call.abandon() from None
        except asyncio.CancelledError:  # the caller is gone
            call.abandon()
            raise
        except GatewayError:
            raise
        except Exception as error:
            outcome = Outcome.UNKNOWN if call.may_have_started else Outcome.NOT_STARTED
            raise Internal(
                "a bug in the gateway: its operators find it in the log", metadata={"outcome": outcome}
            ) from error
        finally:
            self._places.answered()

    def _seconds(self, context: Context) -> float:
        remaining = cast("float | None", context.time_remaining())  # None, whatever the stubs say
        most = self._limits.max_deadline_seconds
        return min(most if remaining is None else remaining, most) - self._limits.reply_margin_seconds


def _on(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    """Do something on a loop, from any thread; nothing where the loop has ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(action)
