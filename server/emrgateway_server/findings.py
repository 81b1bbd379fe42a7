"""What is wrong with a request, bounded: half a megabyte can hold a quarter of a million mistakes."""

from __future__ import annotations

from emrgateway_server.errors import InvalidRequest, Violation

MAX_KEPT = 1_000


class Findings:
    """Violations in the order found: the first `MAX_KEPT` are kept, all are counted."""

    def __init__(self) -> None:
        self.kept: list[Violation] = []
        self.total = 0

    def add(self, path: str, description: str) -> None:
        """Note a violation at a path in snake_case."""
        self.total += 1
        if self.total <= MAX_KEPT:
            self.kept.append(Violation(path or "request", description))

    def raise_if_any(self) -> None:
        """Raise `InvalidRequest` with all that was found."""
        if self.total:
            first = self.kept[0]
            more = f" (and {self.total - 1} more)" if self.total > 1 else ""
            raise InvalidRequest(
                f"the request is not valid: {first.field}: {first.description}{more}",
                violations=self.kept,
                metadata={"violations": str(self.total)},
            )
