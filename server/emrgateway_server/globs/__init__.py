"""Globs: what policies, targets and labels compare values with."""

from emrgateway_server.globs.glob import Glob
from emrgateway_server.globs.globset import GlobSet
from emrgateway_server.globs.values import Kind, is_strange, kind_of

__all__ = ["Glob", "GlobSet", "Kind", "is_strange", "kind_of"]
