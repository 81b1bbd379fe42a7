"""What conformance says of a request, and the requests that tests break."""

from __future__ import annotations

from typing import Any

from emrgateway_server import conformance, shapes
from emrgateway_server.errors import Violation
from emrgateway_server.findings import Findings
from emrgateway_server.shapes import Shape

from .places import Place, places
from .valid import FULL

REQUIRED_BY_US = {"StartJobRun": frozenset({"jobDriver"})}


def faults(request: dict[str, Any], shape: Shape) -> list[Violation]:
    """All that is wrong with a request of AWS's form."""
    found = Findings()
    conformance.check(request, shape, found)
    assert found.total == len(found.kept)
    return found.kept


def base(operation: str, place: str) -> dict[str, Any]:
    """The full request of an operation that has the place."""
    return FULL["StartJobRun, Hive" if ".hive" in place else operation]


def known_places(operation: str) -> dict[str, Place]:
    """The places of an operation's request by name."""
    shape = shapes.request_shape(operation)
    return {place.name: place for place in places(shape, REQUIRED_BY_US.get(operation, frozenset()))}
