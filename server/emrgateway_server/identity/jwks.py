"""The keys of one issuer, fetched beside the calls: no call ever waits for a fetch, or makes one.

While the issuer is down the last keys are served, up to a bound; a key that the issuer does not publish any more is
gone with the next fetch. A token with a key that is not known asks for an early fetch, of which there is at most one in
`EARLY_SECONDS` whatever many ask; until it is there the token is refused.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from emrgateway_server.identity import keyset
from emrgateway_server.identity.fetching import FetchError, Source
from emrgateway_server.identity.keyset import Key, Keys
from emrgateway_server.identity.unproven import Reason, Unproven, shown

# The shortest time between two fetches, where the configured one is not shorter; a failed one is tried again after it.
EARLY_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fetched:
    data: bytes
    at: float
    keys: Keys = field(default_factory=dict)


class KeyStore:
    """Holds an issuer's keys; `key` neither blocks nor locks."""

    def __init__(
        self,
        issuer: str,
        source: Source,
        algorithms: Collection[str],
        *,
        refresh_seconds: float,
        max_stale_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.failures = 0
        self._source = source
        self._algorithms = frozenset(algorithms)
        self._refresh_seconds = refresh_seconds
        self._early_seconds = min(EARLY_SECONDS, refresh_seconds)
        self._max_stale_seconds = max_stale_seconds
        self._clock = clock
        self._fetched: _Fetched | None = None
        self._told = ""
        self._tried = threading.Event()
        self._asked = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Fetch now and again, in a thread of its own."""
        threading.Thread(target=self._run, name="jwks", daemon=True).start()

    def stop(self) -> None:
        """Fetch no more."""
        self._stopping.set()
        self._asked.set()

    def wait_tried(self, seconds: float) -> None:
        """Wait for the end of the first fetch, whatever it is."""
        self._tried.wait(max(0.0, seconds))

    @property
    def age_seconds(self) -> float | None:
        """How long ago the issuer last said which its keys are; None where it never has."""
        return None if self._fetched is None else self._clock() - self._fetched.at

    def key(self, kid: str, algorithm: str) -> Key:
        """A key that the issuer publishes; `Unproven` where it is not known, or nothing is known any more."""
        fetched = self._fetched
        if fetched is None:
            raise Unproven(Reason.KEYS_UNAVAILABLE, f"no keys yet of issuer {self.issuer}")
        age = self._clock() - fetched.at
        if age > self._max_stale_seconds:
            raise Unproven(Reason.KEYS_STALE, f"the keys of issuer {self.issuer} are {age:.0f} s old")
        found = fetched.keys.get((kid, algorithm))
        if found is None:
            self._asked.set()
            raise Unproven(Reason.UNKNOWN_KEY, f"issuer {self.issuer} has no key {shown(kid)} for {algorithm}")
        return found

    def holds(self, key: Key, kid: str, algorithm: str) -> bool:
        """Whether a key that was used is one still."""
        fetched = self._fetched
        return (
            fetched is not None
            and fetched.keys.get((kid, algorithm)) is key
            and self._clock() - fetched.at <= self._max_stale_seconds
        )

    def refresh(self) -> bool:
        """Fetch once; whether that went well."""
        try:
            data, at = self._source(), self._clock()
            known = self._fetched
            if known is not None and known.data == data:
                keys = known.keys
            else:
                keys = keyset.parse(data, self._algorithms, {} if known is None else known.keys)
                self._tell_keys(keys)
        except (FetchError, ValueError) as error:
            return self._refuse(str(error))
        except Exception as error:  # noqa: BLE001 - a bug, or no memory: no reason to keep these keys for ever
            return self._refuse(type(error).__name__)
        self._fetched, self._told = _Fetched(data, at, keys), ""
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._asked.clear()
            went_well = self.refresh()
            self._tried.set()
            if self._stopping.wait(self._early_seconds):
                return
            if went_well:
                self._asked.wait(self._refresh_seconds - self._early_seconds)

    def _tell_keys(self, keys: Keys) -> None:
        names = ", ".join(sorted({shown(kid) for kid, _ in keys})) or "none that can be used"
        _log.info("keys of issuer %s: %s", self.issuer, names[:1_000])

    def _refuse(self, why: str) -> bool:
        self.failures += 1
        if why != self._told:
            _log.error("the keys of issuer %s stay as they are, and go stale: %s", self.issuer, why)
        self._told = why
        return False
