"""What `emr-gateway sandbox` does."""

import os
import signal
import sys
from collections.abc import Sequence

from ._sandbox import Sandbox


def serve_forever(listen: str = "127.0.0.1:0", applications: Sequence[str] = ()) -> int:
    """Run a sandbox until SIGTERM or SIGINT; give the exit code: 0, or 2 where it cannot listen as told.

    Prints `listening on http://HOST:PORT` on standard output, flushed, once it answers. For the main thread alone,
    which is the one that signals reach.
    """
    read_end, write_end = os.pipe()

    # A handler that only writes to a pipe may run at any moment, unlike one that sets an Event or raises.
    def stop(number: int, frame: object) -> None:
        del number, frame
        os.write(write_end, b"\0")

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Sandbox(listen, applications) as sandbox:
            sys.stdout.write(f"listening on {sandbox.url}\n")
            sys.stdout.flush()
            os.read(read_end, 1)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: cannot start the sandbox on {listen}: {error}\n")
        return 2
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)
    return 0
