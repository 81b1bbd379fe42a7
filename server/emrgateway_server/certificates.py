"""The server's certificate, its key and the clients' bundle: read from files, and read again when those have changed.

A connection keeps what its handshake was made with, so that a change drops no call. Files that make no pair leave the
last good ones in use: gRPC would keep them too, without a word.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import grpc
from cryptography import x509

from emrgateway_server import outside, telemetry
from emrgateway_server.settings import Tls
from emrgateway_server.yamlfile import ConfigurationError, Problem

LOOK_SECONDS = 1.0
# Two files cannot change at once: longer than a tool takes from the one to the other.
SETTLING_SECONDS = 0.1
TRIES = 5

State: TypeAlias = tuple[object, ...]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    pair: tuple[bytes, bytes]
    client_ca: bytes | None
    not_after: float
    clients_not_after: float | None


class Certificates:
    """What connections are made with from now on."""

    def __init__(self, files: Tls) -> None:
        """Load the files, or `ConfigurationError`."""
        self._files = files
        self._stopping = threading.Event()
        self._told = ""
        self._failures = 0
        self._state: State = ()
        try:
            self._loaded = self._settled()
        except ValueError as error:
            raise ConfigurationError([Problem("tls", 0, 0, f"tls: {error}")]) from error

    def credentials(self, *, clients: bool) -> grpc.ServerCredentials:
        """A port's credentials; with `clients`, nobody connects without a certificate that the bundle vouches for.

        Without, none is asked for: one that is offered all the same is never seen.
        """
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(self._loaded, clients=clients),
            self._changes(clients=clients),  # type: ignore[arg-type] # the stubs forget that None says "no change"
            require_client_authentication=clients,
        )

    def start(self) -> None:
        """Look for changes, in a thread of its own."""
        threading.Thread(target=self._watch, name="certificates", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def look(self) -> None:
        """Load the files again where they have changed."""
        if self._state_of_files() == self._state and not self._told:
            return
        loaded = self._settled()
        if loaded != self._loaded or self._told:
            _log.info("certificate %s is in use from now on", self._files.certificate)
            self._loaded = loaded
        self._told = ""

    def observe(self) -> None:
        """Tell when what is in use expires, and whether it is what the files say."""
        telemetry.observe(
            "emr_gateway.certificate.not_after_seconds",
            "When what is in use expires, in seconds since 1970: the first of the server's chain, the last of the "
            "clients' bundle.",
            self._ends,
        )
        telemetry.observe(
            "emr_gateway.certificate.last_load_successful",
            "1 where the last load of the certificate files succeeded, 0 where older ones stay in use.",
            lambda: [(float(not self._told), {})],
        )
        telemetry.observe(
            "emr_gateway.certificate.reload_failures",
            "Loads of the certificate files that failed since the gateway started.",
            lambda: [(self._failures, {})],
            only_grows=True,
        )

    def _ends(self) -> Iterator[tuple[float, Mapping[str, str]]]:
        loaded = self._loaded
        yield loaded.not_after, {"kind": "certificate"}
        if loaded.clients_not_after is not None:
            yield loaded.clients_not_after, {"kind": "client_ca"}

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may find it mended
                self._refuse(str(error) if isinstance(error, ValueError) else type(error).__name__)

    def _refuse(self, why: str) -> None:
        self._failures += 1
        if why != self._told:
            _log.error("the certificates in use stay, and expire: %s", why)
        self._told = why

    def _changes(self, *, clients: bool) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
        """What gRPC asks at each handshake: the configuration where it is another one than before."""
        given = self._loaded

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            loaded = self._loaded
            if loaded is given:
                return None
            given = loaded
            return self._configuration(loaded, clients=clients)

        return fetch

    @staticmethod
    def _configuration(loaded: _Loaded, *, clients: bool) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([loaded.pair], loaded.client_ca if clients else None)

    def _settled(self) -> _Loaded:
        """What the files say, read while none of them changed; ValueError where they are not what they should be."""
        for _ in range(TRIES):
            self._state, wrong = self._state_of_files(), None
            try:
                loaded = self._load()
            except ValueError as error:
                wrong = error
            if wrong is None and self._state_of_files() == self._state:
                return loaded
            self._stopping.wait(SETTLING_SECONDS)
        raise wrong or ValueError(f"{self._files.certificate} changes faster than it can be read")

    def _load(self) -> _Loaded:
        """ValueError where the files are not what they should be."""
        files = self._files
        pair = outside.key_pair(files.certificate, files.key)
        bundle = None if files.client_ca is None else outside.bundle(files.client_ca)
        return _Loaded(
            pair,
            bundle,
            not_after=min(_ends(pair[1])),
            clients_not_after=None if bundle is None else max(_ends(bundle)),
        )

    def _state_of_files(self) -> State:
        named = (self._files.certificate, self._files.key, self._files.client_ca)
        return tuple(_entry(Path(name)) for name in named if name is not None)


def _ends(pem: bytes) -> list[float]:
    return [each.not_valid_after_utc.timestamp() for each in x509.load_pem_x509_certificates(pem)]


def _entry(file: Path) -> State:
    try:
        entry = file.stat()
    except OSError as error:
        return (error.errno,)
    return (entry.st_dev, entry.st_ino, entry.st_size, entry.st_mtime_ns, entry.st_ctime_ns)
