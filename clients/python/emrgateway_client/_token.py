"""Where the caller's bearer token comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

Token: TypeAlias = str | Callable[[], str]

# What may stand after "Bearer" (RFC 6750 §2.1), and therefore no line end that would make a second header.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def source(token: Token | None, token_file: str | os.PathLike[str] | None) -> Callable[[], str] | None:
    """A function that gives the token of the moment, None where there is none.

    A file is read for each call, because Kubernetes replaces a projected token while the process runs.
    """
    if token is not None and token_file is not None:
        raise ValueError("token and token_file are both given: give one")
    if token_file is not None:
        path = Path(token_file)
        return lambda: _checked(path.read_text("utf-8").strip(), f"the token in {path}")
    if token is None:
        return None
    if callable(token):
        ask = token
        return lambda: _checked(ask(), "the token that the function gave")
    fixed = _checked(token, "the token")
    return lambda: fixed


def _checked(token: str, what: str) -> str:
    if not _TOKEN.fullmatch(token):
        # gRPC's own error would print it.
        raise ValueError(f"{what} is empty or holds characters that no bearer token has (RFC 6750)")
    return token
