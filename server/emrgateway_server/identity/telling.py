"""What operators hear of callers whose identity does not hold: a metric of all, a log of the first few."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from emrgateway_server import telemetry
from emrgateway_server.allowance import Allowance
from emrgateway_server.caller import Peer
from emrgateway_server.identity.unproven import Reason, Unproven

# A reason's lines: so many at once, then one in so many seconds. A flood writes some 30 MB a day at most.
BURST = 20
SECONDS_PER_LINE = 10.0

_log = logging.getLogger(__name__)


class Telling:
    """Counts every refusal and logs what the allowance of its reason lets through."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowances = {reason: Allowance(BURST, 1 / SECONDS_PER_LINE, clock) for reason in Reason}
        for reason in Reason:
            telemetry.count_unauthenticated(reason.value, 0)  # a series from the start: an alert sees the first one

    def tell(self, peer: Peer, unproven: Unproven) -> None:
        """Tell of one call."""
        telemetry.count_unauthenticated(unproven.reason.value)
        allowance = self._allowances[unproven.reason]
        if not allowance.take():
            return
        kept_back = allowance.tell()
        more = f"; {kept_back} more since the last such line" if kept_back else ""
        note = f": {unproven.note}" if unproven.note else ""
        _log.warning("unauthenticated (%s) from %s%s%s", unproven.reason.value, peer.address or "?", note, more)
