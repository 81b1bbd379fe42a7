"""Starts the demo, which is story.py, in surroundings of its own: OpenTelemetry reads the environment on import."""

import os
import sys
from pathlib import Path

from emrgateway_server.surroundings import on_loopback

STORY = Path(__file__).with_name("story.py")

if __name__ == "__main__":
    os.execve(sys.executable, [sys.executable, str(STORY)], on_loopback(os.environ, traced=False))  # noqa: S606 - our own script
