"""Who is calling: the transport's credentials → `Caller`.

Metadata that claims an identity is never read. Each way to prove one is a module of its own here; `insecure`, which
proves nothing, serves loopback alone.
"""

from emrgateway_server.identity.insecure import InsecureIdentity
from emrgateway_server.identity.labels import Labels
from emrgateway_server.identity.way import Identity

__all__ = ["Identity", "InsecureIdentity", "Labels"]
