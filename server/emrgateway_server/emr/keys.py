"""The refreshable credentials that a target signs with: renewed by a thread of their own, never by a call.

botocore fetches them while it signs, in whichever call comes first when they grow old, for as long as STS or the
metadata service likes. Its own objects still do the fetching here, and know when; a call takes what is there.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import ClientError, NoCredentialsError

from emrgateway_server.call import Call
from emrgateway_server.errors import UpstreamUnreachable

# botocore renews from 15 minutes before the end, when it is asked: so often, no call ever meets old ones.
CHECK_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 30.0
RENEWAL_SECONDS = 1.0  # expired ones are renewed no more often than this, whatever AWS says of the new
MOST_WAITING = 64  # for a target's first credentials; more would be threads that other targets lack


class Keys(Credentials):  # type: ignore[misc] # botocore has no types
    """The credentials of one target, as botocore's signer takes them."""

    def __init__(self, make: Callable[[], Any], target: str) -> None:
        """`make` gives botocore's credentials afresh; it may take its time, and raise what botocore raises."""
        super().__init__("", "", method="emr-gateway")
        self._make = make
        self._target = target
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._frozen: ReadOnlyCredentials | None = None
        self._failure = ""
        self._outcomes = 0
        self._stale = False
        self._renewed_at = -RENEWAL_SECONDS
        self._waiting: set[Call] = set()

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """What there is; the signer asks."""
        if self._frozen is None:
            raise NoCredentialsError
        return self._frozen

    def ready(self, call: Call) -> ReadOnlyCredentials:
        """The credentials, the first ones waited for; `UpstreamUnreachable` where the last try to fetch them failed."""
        with self._changed:
            self._start()
            if self._frozen is None and not self._failure and len(self._waiting) < MOST_WAITING:
                self._await_outcome(call)
            if self._frozen is None:
                why = self._failure or "they are still being fetched"
                raise UpstreamUnreachable(f"no credentials for target {self._target} ({why}): nothing was sent: retry")
            return self._frozen

    def renew(self, used: ReadOnlyCredentials | None, call: Call) -> bool:
        """Fetch others where AWS calls these expired; whether there are others now."""
        with self._changed:
            now = time.monotonic()
            if self._frozen == used and now - self._renewed_at >= RENEWAL_SECONDS:
                self._renewed_at = now
                self._stale = True
                self._changed.notify_all()
                self._await_outcome(call)
            return self._frozen != used

    def close(self) -> None:
        """Fetch no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"keys of {self._target}", daemon=True)
            self._thread.start()

    def _await_outcome(self, call: Call) -> None:
        """Let go of the lock until the thread has tried; `DeadlineNears` where nobody waits any more."""
        outcomes = self._outcomes
        self._waiting.add(call)
        self._changed.release()
        try:
            with call.parked():
                while self._outcomes == outcomes:
                    call.pause(call.remaining_seconds)
        finally:
            self._changed.acquire()
            self._waiting.discard(call)

    def _run(self) -> None:
        source: Any = None
        failures = 0
        while not self._closed:
            try:
                source = self._make() if source is None or self._stale else source
                frozen, failure, failures = source.get_frozen_credentials(), "", 0
            except Exception as error:  # noqa: BLE001 - whatever it is, calls are told and it is tried again
                frozen, failure, failures = None, _named(error), failures + 1
            longest = CHECK_SECONDS if not failures else min(LONGEST_PAUSE_SECONDS, 2.0**failures)
            self._note(frozen, failure)
            with self._changed:
                if not self._stale and not self._closed:
                    self._changed.wait(longest * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret

    def _note(self, frozen: ReadOnlyCredentials | None, failure: str) -> None:
        with self._changed:
            self._frozen = frozen or self._frozen  # old ones serve while there are no others
            self._failure = failure
            self._stale = False
            self._outcomes += 1
            for call in self._waiting:
                call.ring()


def _named(error: Exception) -> str:
    """What failed, in a word of AWS's or botocore's: their texts hold ARNs and paths."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")) or "ClientError"
    return type(error).__name__
