"""Logs: one line each on standard error, and nothing in them that a request holds."""

from __future__ import annotations

import logging
import traceback

# botocore logs whole requests and replies at DEBUG, and with them every secret argument.
_TALKATIVE = ("boto3", "botocore", "urllib3", "s3transfer")

_log = logging.getLogger(__name__)


def configure_logging(level: str) -> None:
    """Logs go to standard error, one line each; libraries that log requests are kept above DEBUG."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


def log_bug(error: BaseException) -> None:
    """Where it broke, without its text, which may hold a secret."""
    _log.error("bug: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
