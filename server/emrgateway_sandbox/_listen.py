"""Where the sandbox may listen: loopback alone."""

import ipaddress
import socket
from typing import Final

_MAX_PORT: Final = 65535


def parse_listen(listen: str) -> tuple[socket.AddressFamily, str, int]:
    """Read `HOST:PORT` (`127.0.0.1:0`, `localhost:4566`, `[::1]:0`; port 0 picks one) as family, address and port.

    Raises ValueError where it is malformed, or where HOST is not on loopback: the sandbox believes whoever calls it.
    """
    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        raise ValueError(f"listen: {listen!r} is not HOST:PORT; give for example 127.0.0.1:0 (port 0 picks one)")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"listen: {host!r} is no address of this machine ({error}); give 127.0.0.1 or [::1]") from None
    for *_, address in found:
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ValueError(
                f"listen: {host!r} is not a loopback address; the sandbox checks no signature and lets anyone in, so "
                "it listens on 127.0.0.1, [::1] or localhost alone"
            )
    family, *_, address = found[0]
    return family, str(address[0]), int(port)
