"""Following job runs: one poller an application, however many watch.

A stream waits on the event loop and holds no thread. What it waits for is found by looks at AWS, in a few threads of
their own for each target: `looks` asks, `pace` says when, `hub` brings what was found to all who wait for it.
"""

from emrgateway_server.watching.hub import LOOKER_NAME, Hub
from emrgateway_server.watching.seen import Seen
from emrgateway_server.watching.streams import Streams
from emrgateway_server.watching.tokens import read_token
from emrgateway_server.watching.watcher import Watcher

__all__ = ["LOOKER_NAME", "Hub", "Seen", "Streams", "Watcher", "read_token"]
