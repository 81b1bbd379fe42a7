"""The maker of gateways, as the server's own tests have it."""

from __future__ import annotations

from tests.server.conftest import serve

__all__ = ["serve"]
