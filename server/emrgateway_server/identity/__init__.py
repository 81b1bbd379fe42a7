"""Who is calling: the transport's credentials → `Caller`.

Metadata that claims an identity is never read. Each way to prove one is a module of its own here, and a port knows one
way alone (`doors`); `insecure`, which proves nothing, serves loopback alone.
"""

from emrgateway_server.identity.doors import Doors
from emrgateway_server.identity.fetching import key_file, key_url
from emrgateway_server.identity.insecure import InsecureIdentity
from emrgateway_server.identity.issuer import Issuer
from emrgateway_server.identity.jwks import KeyStore
from emrgateway_server.identity.jwt import TokenIdentity
from emrgateway_server.identity.labels import Labels
from emrgateway_server.identity.mtls import MtlsIdentity
from emrgateway_server.identity.way import Identity

__all__ = [
    "Doors",
    "Identity",
    "InsecureIdentity",
    "Issuer",
    "KeyStore",
    "Labels",
    "MtlsIdentity",
    "TokenIdentity",
    "key_file",
    "key_url",
]
