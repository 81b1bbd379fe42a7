"""Single values of gateway.yaml: addresses, URLs, paths, times."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from emrgateway_server import claims
from emrgateway_server.globs import Glob
from emrgateway_server.shapes import OPERATIONS


def split_address(address: str) -> tuple[str, int]:
    """`HOST:PORT` or `[IPV6]:PORT` → host without brackets, and port."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004
        raise ValueError(f"{address!r} is not HOST:PORT, such as 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone, without asking a name server."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_address(address: str) -> str:
    split_address(address)
    return address


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or re.search(r"[^!-~]|[@?#]", url):
        raise ValueError(f"{url!r} is no URL of an endpoint, such as https://vpce.example.com")
    return url


def _checked_keys_url(url: str) -> str:
    """Whoever can change the keys on their way to us can be any caller."""
    try:
        parts = urlsplit(url)
        is_one = bool(parts.hostname) and parts.port != 0 and parts.username is None
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        is_one = is_safe = False
    if not is_one or not is_safe or re.search(r"[^!-~]|#", url):
        raise ValueError(f"{url!r} is no URL that keys may come from: https://…, or http://… on loopback")
    return url


def _checked_caller_id(text: str) -> str:
    claims.parse(text)
    return text


def _checked_operation(name: str) -> str:
    if name not in OPERATIONS:
        raise ValueError(f"AWS has no operation {name!r} that the gateway calls; allowed: {', '.join(OPERATIONS)}")
    return name


def _checked_glob(text: str) -> str:
    Glob(text)
    return text


def _resolved(path: str, info: ValidationInfo) -> str:
    base = (info.context or {}).get("directory", ".")
    return path if path == "-" else str(Path(base, path))


def _fraction(value: object) -> object:
    """Seconds may be written as whole numbers: strict pydantic takes no int for a float."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Address = Annotated[str, AfterValidator(_checked_address)]
FilePath = Annotated[str, Field(min_length=1), AfterValidator(_resolved)]
Seconds = Annotated[float, BeforeValidator(_fraction), Field(ge=0, le=86_400, allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_fraction), Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Duration = Annotated[float, BeforeValidator(_fraction), Field(gt=0, le=86_400)]
GlobText = Annotated[str, AfterValidator(_checked_glob)]
Operation = Annotated[str, AfterValidator(_checked_operation)]
Url = Annotated[str, AfterValidator(_checked_url)]
KeysUrl = Annotated[str, AfterValidator(_checked_keys_url)]
CallerIdText = Annotated[str, AfterValidator(_checked_caller_id)]
# Signatures by private keys alone: who verifies by a shared secret can sign with it, and "none" is no signature.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
