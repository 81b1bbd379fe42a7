"""The resume token: what a stream's caller has seen, so that any replica can go on from there.

It holds no secret and proves nothing. Who alters one changes what is news to themselves; what they may see is
authorised anew with every stream.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from emrgateway_server.watching.seen import Seen

LONGEST = 1_024
_LONGEST_STATE = 64
_FORM = re.compile(rf"1\n([0-9a-f]{{16}})\n(.{{1,{_LONGEST_STATE}}})\n([0-9]{{1,10}})\n([0-9]{{1,15}})")


def write_token(application_id: str, job_run_id: str, seen: Seen) -> str:
    """The token of one who has seen a run so."""
    parts = ("1", _digest(application_id, job_run_id), seen.state[:_LONGEST_STATE], seen.attempt, seen.updated_ms)
    return base64.urlsafe_b64encode("\n".join(map(str, parts)).encode()).decode()


def read_token(text: str, application_id: str, job_run_id: str) -> Seen:
    """What a token says; `ValueError` where it is none of ours for this run."""
    if len(text) > LONGEST:
        raise ValueError("too long")
    try:
        found = _FORM.fullmatch(base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True).decode())
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("no token") from error
    if found is None or found[1] != _digest(application_id, job_run_id):
        raise ValueError("no token of this run")
    return Seen(found[2], int(found[3]), int(found[4]))


def _digest(application_id: str, job_run_id: str) -> str:
    return hashlib.sha256(f"{application_id}/{job_run_id}".encode()).hexdigest()[:16]
