"""Faults on demand: what AWS and the network do to a call, before the operation was carried out or after."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import _model
from ._http_messages import Delivery, HttpReply, json_reply

_HOLD_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """`carries_out`: the operation is done all the same. `answer`: what comes instead of its reply, if anything."""

    carries_out: bool
    answer: Callable[[], HttpReply] | None = None
    delivery: Delivery = "whole"


def _error(status: int, code: str, message: str) -> Callable[[], HttpReply]:
    return lambda: json_reply(status, {"message": message}, error_type=code)


def _page(status: int, text: str) -> Callable[[], HttpReply]:
    return lambda: HttpReply(status, [("Content-Type", "text/html")], text.encode())


_INTERNAL: Final = _error(500, "InternalServerException", "Internal server error")
_UNAVAILABLE: Final = _page(503, "<html>Service Unavailable</html>")
_KINDS: Final[Mapping[str, _Kind]] = {
    "access-denied": _Kind(False, _error(403, "AccessDeniedException", "User is not authorized")),
    "credentials-expired": _Kind(False, _error(403, "ExpiredTokenException", "The security token has expired")),
    "drip": _Kind(True, delivery="drip"),
    "error-after": _Kind(True, _INTERNAL),
    "error-before": _Kind(False, _INTERNAL),
    "garbage": _Kind(True, _page(200, "<html>log in to the network</html>")),
    "hang-after": _Kind(True, delivery="hang"),
    "hang-before": _Kind(False, _INTERNAL, delivery="hang"),
    "no-id": _Kind(True, lambda: json_reply(200, {})),
    "quota": _Kind(False, _error(402, "ServiceQuotaExceededException", "The account's quota is used up")),
    "reset-after": _Kind(True, delivery="reset"),
    "reset-before": _Kind(False, _INTERNAL, delivery="reset"),
    "slow": _Kind(True, delivery="slow"),
    "throttled": _Kind(False, _error(429, "ThrottlingException", "Rate exceeded")),
    "truncated": _Kind(True, delivery="truncated"),
    "unavailable-after": _Kind(True, _UNAVAILABLE),
    "unavailable-before": _Kind(False, _UNAVAILABLE),
}
FAULTS: Final = tuple(_KINDS)
"""The faults there are. `…-before`: nothing was done; `…-after`: it was, and the caller does not learn it."""


@dataclass(slots=True)
class Fault:
    """What is played to whom: `fault` is one of FAULTS, `application_id` None means every application.

    It is played to `share` of the calls, at most `times` (None: until it is cleared). What hangs, drips or is slow
    does so for `seconds`; then a slow reply comes whole, and the connection of the others ends.
    """

    fault: str
    operation: str = "StartJobRun"
    application_id: str | None = None
    share: float = 1.0
    times: int | None = 1
    seconds: float = _HOLD_SECONDS

    def check(self) -> None:
        """Raise ValueError, or TypeError, where something is not as it should be."""
        operations = sorted(route.operation for route in _model.routes())
        if self.fault not in FAULTS:
            raise ValueError(f"fault: {self.fault!r} is not one of {', '.join(FAULTS)}")
        if self.operation not in operations:
            raise ValueError(f"operation: {self.operation!r} is not one of {', '.join(operations)}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share: {self.share!r} is not between 0 and 1")
        if self.times is not None and not self.times > 0:
            raise ValueError(f"times: {self.times!r} is not a whole number above 0, nor null")
        if not self.seconds >= 0:
            raise ValueError(f"seconds: {self.seconds!r} is not 0 or more")

    def play(self, carry_out: Callable[[], HttpReply]) -> HttpReply:
        """Give what the caller gets; `carry_out` does the operation, where the fault lets it."""
        kind = _KINDS[self.fault]
        reply = carry_out() if kind.carries_out else None
        if kind.answer is not None:
            reply = kind.answer()
        if reply is None:
            raise AssertionError(self.fault)
        return HttpReply(reply.status, reply.headers, reply.body, kind.delivery, self.seconds)


class Faults:
    """The faults that are to be played. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._played: Counter[str] = Counter()

    def add(self, fault: Fault) -> None:
        """Play a fault from now on; raises ValueError where it is not as it should be."""
        fault.check()
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Play none any more."""
        with self._lock:
            self._waiting.clear()

    @property
    def played(self) -> dict[str, int]:
        """How often each fault was played."""
        with self._lock:
            return dict(self._played)

    def take(self, operation: str, values: Mapping[str, Any]) -> Fault | None:
        """Give the fault that a call meets: of those that fit, the first whose share says so."""
        with self._lock:
            for fault in self._waiting:
                fits = fault.operation == operation and fault.application_id in (None, values.get("applicationId"))
                if fits and random.random() < fault.share:  # noqa: S311 - a game of chance, no secret
                    self._played[fault.fault] += 1
                    if fault.times is not None:
                        fault.times -= 1
                        if not fault.times:
                            self._waiting.remove(fault)
                    return fault
        return None
