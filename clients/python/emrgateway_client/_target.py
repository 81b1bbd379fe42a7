"""gRPC targets: which of them cannot leave this machine."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

# Schemes that gRPC resolves to an address written out in the target, or to a name.
# Source: github.com/grpc/grpc/blob/master/doc/naming.md.
_SCHEME: Final = re.compile(r"(dns|ipv4|ipv6):(?://(?P<authority>[^/]*)/)?(?P<rest>.*)")
_HOST_AND_PORT: Final = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^\[\]:/%]+)):(?P<port>[0-9]{1,5})")


def is_loopback(target: str) -> bool:
    """Whether a target is certainly on this machine: `unix:`, `localhost`, 127.0.0.0/8, ::1.

    False in doubt: for a form not known here, a lookup at a named DNS server, one foreign address in a list.
    """
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    match = _SCHEME.fullmatch(target)
    if match is None:
        return _is_loopback_address(target)
    if match["authority"]:
        return False
    return all(_is_loopback_address(address) for address in match["rest"].split(","))


def _is_loopback_address(address: str) -> bool:
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None:
        return False
    host = match["ipv6"] or match["host"]
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
