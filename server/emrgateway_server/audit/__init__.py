"""The record of what was asked, by whom, what policy said and what came of it: one line before AWS, one after."""

from emrgateway_server.audit.trail import Audit

__all__ = ["Audit"]
