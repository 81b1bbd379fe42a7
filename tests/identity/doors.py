"""A gateway with both of its doors, and one call through either."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from emrgateway.v1 import policy_service_pb2 as pb
from emrgateway.v1 import policy_service_pb2_grpc as pb_grpc
from tests.server.gateways import PATIENCE_SECONDS, Gateway, configuration, serving

from .authority import Authority, Pair
from .tokens import AUDIENCE, ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOWHERE = "http://127.0.0.1:9"
TRUST_DOMAIN = "prod.example.com"
CLUSTER = "https://cluster.example.com"
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))


@dataclass
class Doors:
    """A running gateway; both ports speak the authority's TLS."""

    gateway: Gateway
    authority: Authority
    folder: Path
    token_target: str
    metrics: str

    def channel(self, *, mtls: bool = False, pair: Pair | None = None) -> grpc.Channel:
        """A new connection, with the caller's certificate if there is one."""
        key, chain = (pair.key, pair.certificate) if pair else (None, None)
        credentials = grpc.ssl_channel_credentials(self.authority.pem, key, chain)
        return grpc.secure_channel(self.gateway.target if mtls else self.token_target, credentials, OPTIONS)

    def caller(self, *, mtls: bool = False, pair: Pair | None = None, metadata: Sequence[tuple[str, str]] = ()) -> str:
        """Whom the gateway takes a call for."""
        with self.channel(mtls=mtls, pair=pair) as channel:
            return asked(channel, metadata)


def asked(channel: grpc.Channel, metadata: Sequence[tuple[str, str]] = (), *, token: str = "") -> str:
    """Whom the gateway takes a call over a channel for."""
    bearer = [("authorization", f"Bearer {token}")] if token else []
    stub = pb_grpc.PolicyServiceStub(channel)
    reply = stub.DescribePolicy(pb.DescribePolicyRequest(), timeout=PATIENCE_SECONDS, metadata=(*metadata, *bearer))
    return str(reply.caller.id)


def issuer(**changes: object) -> dict[str, object]:
    """One of `identity.jwt`."""
    said: dict[str, object] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "algorithms": ["RS256", "ES256"],
        "caller": "${claims.sub}",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


@contextlib.contextmanager
def open_doors(
    folder: Path, issuers: Sequence[dict[str, object]], *, endpoint: str = NOWHERE, **sections: object
) -> Iterator[Doors]:
    """A gateway with mTLS on one port and tokens on the other; `sections` replace those of its configuration."""
    authority = Authority()
    folder.mkdir(parents=True)
    files = authority.server().write(folder)
    (folder / "ca.crt").write_bytes(authority.pem)
    settings = configuration(
        endpoint,
        **{
            "listen_token": "127.0.0.1:0",
            "metrics": "127.0.0.1:0",
            "tls": {**files, "client_ca": str(folder / "ca.crt")},
            "identity": {"mtls": {"trust_domain": TRUST_DOMAIN}, "jwt": list(issuers)},
            **sections,
        },
    )
    with serving(folder / "gateway", settings) as gateway:
        token_target = gateway.token_target
        yield Doors(gateway, authority, folder, token_target, gateway.metrics)
