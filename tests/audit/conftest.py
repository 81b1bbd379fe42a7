"""The sandbox and the maker of gateways, as the server's own tests have them."""

from __future__ import annotations

from tests.server.conftest import sandbox, serve

__all__ = ["sandbox", "serve"]
