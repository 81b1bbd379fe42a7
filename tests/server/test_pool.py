"""The pool without the gateway around it: threads that cannot be started, and bugs in work that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

import pytest

from emrgateway_server.errors import DeadlineNears, Draining, GatewayError, Throttled
from emrgateway_server.places import Places
from emrgateway_server.pool import Context, Pool
from emrgateway_server.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from emrgateway_server.call import Call

_PATIENCE_SECONDS = 30.0


class _Caller:
    """As much of a gRPC call as the pool asks for: its time, and a peer. A channel cannot be made to end so exactly."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def time_remaining(self) -> float:
        """What is left."""
        return self._ends - time.monotonic()

    def invocation_metadata(self) -> None:
        """Nothing is said."""

    def auth_context(self) -> dict[str, list[bytes]]:
        """Nobody has proved anything."""
        return {}

    def peer(self) -> str:
        """An address."""
        return "ipv4:127.0.0.1:1"


def _caller(seconds: float) -> Context:
    return cast("Context", _Caller(seconds))


def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller may retry, its place is free again, and what the executor queued all the same sends nothing."""
    places = Places(2)
    started: list[int] = []
    with ThreadPoolExecutor(2) as threads:
        pool = Pool(threads, places, Limits())
        held, begun = threading.Event(), threading.Event()

        def hold(_: bytes, __: Call) -> str:
            begun.set()
            assert held.wait(_PATIENCE_SECONDS)
            return "held"

        async def calls() -> None:
            first = asyncio.create_task(pool.answer(hold, b"", _caller(_PATIENCE_SECONDS)))
            assert await asyncio.to_thread(begun.wait, _PATIENCE_SECONDS)
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", _no_thread)
                with pytest.raises(Throttled) as caught:
                    await pool.answer(lambda _, __: started.append(1), b"", _caller(_PATIENCE_SECONDS), starts=True)
            assert caught.value.outcome == "not_started"
            assert caught.value.retry_after
            held.set()
            assert await first == "held"

        asyncio.run(calls())
    assert not started
    for _ in range(2):
        places.take()


@pytest.mark.parametrize("bug", [ValueError("tr0ub4dor"), Draining("no bug")])
@pytest.mark.parametrize("end", ["deadline", "caller", "server"])
def test_a_bug_that_nobody_hears_of(bug: Exception, end: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its caller was answered, is gone, or the server ends: the log has its place, not its text; none of ours."""
    begun, held = threading.Event(), threading.Event()

    def break_late(_: bytes, __: Call) -> None:
        begun.set()
        assert held.wait(_PATIENCE_SECONDS)
        raise bug

    with caplog.at_level(logging.ERROR), ThreadPoolExecutor(1) as threads:
        pool = Pool(threads, Places(1), Limits(reply_margin_seconds=0))
        asyncio.run(_left(pool, break_late, begun, end))
        held.set()
    assert ("bug: ValueError" in caplog.text) is isinstance(bug, ValueError)
    assert ("break_late" in caplog.text) is isinstance(bug, ValueError)
    assert "tr0ub4dor" not in caplog.text


async def _left(pool: Pool, work: Callable[[bytes, Call], None], begun: threading.Event, end: str) -> None:
    """Leave a call whose work has begun."""
    answering = asyncio.create_task(pool.answer(work, b"", _caller(0.2 if end == "deadline" else _PATIENCE_SECONDS)))
    assert await asyncio.to_thread(begun.wait, _PATIENCE_SECONDS)
    if end == "caller":
        answering.cancel()
    elif end == "server":
        pool.end()
    with pytest.raises((DeadlineNears, Draining, asyncio.CancelledError)) as caught:
        await answering
    assert isinstance(caught.value, GatewayError) is (end != "caller")


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
