"""How to reach one gateway: transport security, channel options and the caller's token; the same for both clients."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc

from emrgateway_client import _target, _token
from emrgateway_client._service_config import SERVICE_CONFIG

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

_OPTIONS: Final = (
    ("grpc.service_config", SERVICE_CONFIG),
    # A watch may be quiet for hours: so it learns that the other end is gone, and no proxy takes it for idle. Gateways
    # allow pings every 10 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_reconnect_backoff_ms", 10_000),  # gRPC's own is two minutes
)
# gRPC sends even loopback through the proxy of `http_proxy`, where plaintext would leave the machine.
_LOOPBACK_OPTIONS: Final = (*_OPTIONS, ("grpc.enable_http_proxy", 0))


_State: TypeAlias = "tuple[tuple[int, ...], ...]"


@dataclass(frozen=True)
class Files:
    """Where TLS is read from: the gateway's roots, and the caller's own certificate and key."""

    ca: str | os.PathLike[str] | None = None
    cert: str | os.PathLike[str] | None = None
    key: str | os.PathLike[str] | None = None

    def state(self) -> _State:
        """What is another whenever one of them is, without reading them. Raises `OSError` where one is not there."""
        entries = [Path(file).stat() for file in (self.ca, self.cert, self.key) if file is not None]
        return tuple((each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in entries)


@dataclass(frozen=True)
class Identity:
    """What one call carries to say who calls: metadata in plaintext, call credentials over TLS, or neither."""

    metadata: tuple[tuple[str, str], ...] = ()
    credentials: grpc.CallCredentials | None = None


@dataclass(frozen=True)
class Connection:
    """A target with everything a channel to it needs; `channel_credentials` is None for plaintext."""

    target: str
    channel_credentials: grpc.ChannelCredentials | None
    options: tuple[tuple[str, str | int], ...]
    token: Callable[[], str] | None
    files: Files = Files()
    state: _State = ()

    def renewed(self) -> Connection | None:
        """The same one with its files as they are now; None where they have not changed, or do not fit together.

        A short-lived certificate is replaced while the process runs (SPIRE, cert-manager), one file after the other.
        """
        try:
            state = self.files.state()
            if self.channel_credentials is None or state == self.state:
                return None
            return replace(self, channel_credentials=_tls(self.files), state=state)
        except (OSError, ValueError):
            return None

    def identity(self) -> Identity:
        """Who calls, as of now. Raises `OSError` where the token's file cannot be read, `ValueError` for no token."""
        if self.token is None:
            return Identity()
        token = self.token()
        if self.channel_credentials is None:
            return Identity(metadata=(("authorization", f"Bearer {token}"),))
        return Identity(credentials=grpc.access_token_call_credentials(token))


def connection(
    target: str,
    *,
    ca: str | os.PathLike[str] | None,
    cert: str | os.PathLike[str] | None,
    key: str | os.PathLike[str] | None,
    token: _token.Token | None,
    token_file: str | os.PathLike[str] | None,
    plaintext: bool | None,
) -> Connection:
    """Decide how to reach a target; nothing is sent.

    Plaintext where asked for, or, where nothing is said of it and no file of TLS is given, to this machine. Raises
    `ValueError` for what does not go together, `OSError` for a file that cannot be read.
    """
    if not target:
        raise ValueError("the target is empty: give HOST:PORT")
    files = {"ca": ca, "cert": cert, "key": key}
    given = [name for name, file in files.items() if file is not None]
    if plaintext and given:
        raise ValueError(f"plaintext with {', '.join(given)}: give one or the other")
    if (cert is None) != (key is None):
        raise ValueError("cert and key belong together: give both, or neither")
    local = _target.is_loopback(target)
    insecure = plaintext or (plaintext is None and local and not given)
    tls = Files(ca, cert, key)
    return Connection(
        target=target,
        channel_credentials=None if insecure else _tls(tls),
        options=_LOOPBACK_OPTIONS if local else _OPTIONS,
        token=_token.source(token, token_file),
        files=tls,
        state=tls.state(),
    )


def _tls(files: Files) -> grpc.ChannelCredentials:
    """Credentials of files that are what they say; gRPC would take anything, and fail calls without saying why."""
    ca, cert, key = files.ca, files.cert, files.key
    roots = None if ca is None else Path(ca).read_bytes()
    if roots is not None:
        _check(f"{ca}: holds no certificate in PEM", lambda context: context.load_verify_locations(ca))
    if cert is None or key is None:
        return grpc.ssl_channel_credentials(roots)
    chain, private = Path(cert).read_bytes(), Path(key).read_bytes()
    what = f"{cert}, {key}: no certificate chain and its private key, unencrypted, in PEM"
    # Without a password function, an encrypted key would ask for one on the terminal.
    _check(what, lambda context: context.load_cert_chain(cert, key, password=lambda: ""))
    return grpc.ssl_channel_credentials(roots, private, chain)


def _check(what: str, load: Callable[[ssl.SSLContext], None]) -> None:
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ssl.SSLError as error:
        raise ValueError(f"{what} ({error.reason or error})") from None
