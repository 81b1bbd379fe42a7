"""The ports of a configuration: where each listens, how its callers prove who they are, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grpc import aio

from emrgateway_server.caller import Door
from emrgateway_server.certificates import Certificates
from emrgateway_server.settings import Settings, split_address
from emrgateway_server.yamlfile import ConfigurationError, Problem


@dataclass(frozen=True, slots=True)
class Port:
    """One port; `key` is the setting that names its address, `words` are what is printed before it."""

    key: str
    listen: str
    door: Door
    words: str

    def bind(self, server: aio.Server, certificates: Certificates | None) -> str:
        """Bind it; the address as HOST:PORT with the port that was picked. `ConfigurationError` where it cannot be."""
        try:
            if certificates is None:
                port = server.add_insecure_port(self.listen)
            else:
                is_mtls = self.door is Door.MTLS
                port = server.add_secure_port(self.listen, certificates.credentials(clients=is_mtls))
        except RuntimeError as error:
            message = f"cannot listen on {self.listen}: the address is in use, or not this machine's"
            raise ConfigurationError([Problem(self.key, 0, 0, message)]) from error
        host = split_address(self.listen)[0]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ports(settings: Settings) -> Iterator[Port]:
    """The ports that there are. Which sections go together, the settings saw to."""
    identity = settings.identity
    if identity.mtls is not None:
        yield Port("listen", settings.listen, Door.MTLS, "listening on")
        if settings.listen_token is not None:
            yield Port("listen_token", settings.listen_token, Door.TOKEN, "listening (token) on")
    else:
        door = Door.TOKEN if identity.jwt else Door.INSECURE
        yield Port("listen", settings.listen, door, "listening on")
