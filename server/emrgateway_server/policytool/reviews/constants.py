"""Expressions that read nothing, and so are true or false of every request."""

from __future__ import annotations

from emrgateway_server.policy import cel
from emrgateway_server.policy.cel import Expression


def constant(expression: Expression) -> bool | None:
    """What an expression is of every request; None where that depends on the request, or cannot be told."""
    # Both names may stand in a text; then it is taken for one that reads.
    if expression.names or expression.reads_request or "caller" in expression.source:
        return None
    return expression.holds(cel.activation({}))
