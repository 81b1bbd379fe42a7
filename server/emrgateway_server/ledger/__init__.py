"""What is remembered of submissions, so that one is one job run: rows, where they are kept, and what they mean."""

from emrgateway_server.ledger.flights import Flights
from emrgateway_server.ledger.memory import MemoryLedger
from emrgateway_server.ledger.rows import Ledger, LedgerDown, Row, State, Submission
from emrgateway_server.ledger.submissions import WRITER_NAME, Claim, Standing, Submissions, token_reused

__all__ = [
    "WRITER_NAME",
    "Claim",
    "Flights",
    "Ledger",
    "LedgerDown",
    "MemoryLedger",
    "Row",
    "Standing",
    "State",
    "Submission",
    "Submissions",
    "token_reused",
]
