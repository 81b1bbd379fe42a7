"""The turns of every operation toward every account and region: targets that share one, share its turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from emrgateway_server.emr.lane import Lane
from emrgateway_server.emr.operations import OPERATIONS
from emrgateway_server.emr.turns import Turns


@dataclass(frozen=True, slots=True)
class Rate:
    """What AWS allows the whole deployment."""

    per_second: float
    burst: float


# AWS publishes none for this service. One user reports 1 StartJobRun a second; where that is so, the pace finds it
# within seconds, at the price of a few tries that AWS throttles.
DEFAULT_RATE = Rate(10, 20)


class Traffic:
    """This replica's share of all rates."""

    def __init__(self, *, replicas: int, most_waiting: int, most_at_once: int) -> None:
        """`most_waiting` and `most_at_once` bound the calls of one operation of one account and region."""
        self._replicas = replicas
        self._most_waiting = most_waiting
        self._most_at_once = most_at_once
        self._turns: dict[tuple[str, str, str], Turns] = {}

    def turns(self, account: str, region: str, rates: Mapping[str, Rate]) -> dict[str, Turns]:
        """The turns of each operation; `rates` are by operation, and the first to ask says them."""
        for name in OPERATIONS:
            key = (account, region, name)
            if key not in self._turns:
                self._turns[key] = self._made(f"{name} in {region}", rates.get(name, DEFAULT_RATE))
        return {name: self._turns[account, region, name] for name in OPERATIONS}

    def close(self) -> None:
        """Hand out no more turns."""
        for turns in self._turns.values():
            turns.close()

    def _made(self, what: str, rate: Rate) -> Turns:
        lane = partial(
            Lane,
            per_second=rate.per_second / self._replicas,
            burst=rate.burst / self._replicas,
            most_waiting=self._most_waiting,
            most_at_once=self._most_at_once,
        )
        return Turns(lambda now: lane(now=now), what)
