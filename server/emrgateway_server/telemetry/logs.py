"""Logs: one line each on standard error, and nothing in them that a request holds."""

from __future__ import annotations

import logging
import traceback

from emrgateway_server.telemetry.spans import current_ids

# botocore logs whole requests and replies at DEBUG, and with them every secret argument.
_TALKATIVE = ("boto3", "botocore", "urllib3", "s3transfer")

_log = logging.getLogger(__name__)


def configure_logging(level: str) -> None:
    """Logs go to standard error, one line each; libraries that log requests are kept above DEBUG."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Traced("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


def log_bug(error: BaseException) -> None:
    """Where it broke, without its text, which may hold a secret."""
    _log.error("bug: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))


class _Traced(logging.Formatter):
    """Puts the trace that a line belongs to at the end of it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base's name
        """The line, before any traceback."""
        line = super().formatMessage(record)
        trace_id, span_id = current_ids()
        if not trace_id:
            return line
        first, separator, rest = line.partition("\n")
        return f"{first} trace_id={trace_id} span_id={span_id}{separator}{rest}"
