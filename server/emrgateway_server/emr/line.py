"""Fair queueing: a queue a caller, served round robin, so that no caller stands behind another's queue."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """What has become of a ticket."""

    WAITING = auto()
    GRANTED = auto()
    DROPPED = auto()


@dataclass(eq=False, slots=True)
class Ticket:
    """One call's wait. `until` is when a turn comes too late; `ring` is called when the state has changed."""

    caller: str
    until: float
    ring: Callable[[], object]
    state: State = State.WAITING


class Line:
    """Bounded. Where it is full, whoever waits most makes room: a quiet caller is let in, a noisy one's last goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queues: OrderedDict[str, deque[Ticket]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def ahead(self, caller: str, *, in_front: bool = False) -> int:
        """How many turns go to others before the next ticket of a caller has its own."""
        own = 0 if in_front else len(self._queues.get(caller, ()))
        others = sum(min(len(queue), own + 1) for name, queue in self._queues.items() if name != caller)
        return own + others

    def join(self, ticket: Ticket, *, in_front: bool = False) -> Ticket | None:
        """Put a ticket at the end of its caller's queue, or in front of it; the ticket dropped for it, if any."""
        dropped = None
        if self._length >= self._most:
            own = len(self._queues.get(ticket.caller, ()))
            longest = max(self._queues.values(), key=len)
            if own + 1 >= len(longest):
                ticket.state = State.DROPPED
                return ticket
            dropped = longest[-1]
            self.leave(dropped)
            dropped.state = State.DROPPED
        queue = self._queues.setdefault(ticket.caller, deque())
        if in_front:
            queue.appendleft(ticket)
        else:
            queue.append(ticket)
        self._length += 1
        return dropped

    def next(self) -> Ticket | None:
        """Take out whose turn it is."""
        if not self._queues:
            return None
        caller, queue = self._queues.popitem(last=False)
        ticket = queue.popleft()
        if queue:
            self._queues[caller] = queue
        self._length -= 1
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Take a ticket out that waits no longer."""
        queue = self._queues[ticket.caller]
        queue.remove(ticket)
        if not queue:
            del self._queues[ticket.caller]
        self._length -= 1
