"""The page tokens of lists: where to go on in AWS's list, for one caller and one set of filters.

A token is AWS's own and a place in the page that it asks for, under a digest that also covers who asks for what. The
digest has no key: it tells a mistake, not an attack. Whoever makes a token up may begin at any page of AWS's, and after
any run that they may see, of the application that they name, and sees of it what they may see. A token names no run but
one that was shown, and one that names a run that may not be shown begins where one for no run does (`listing`): else it
would tell whether another's run is there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_CHARACTERS = 1_024  # AWS's for a token
PAGE = 50  # the most runs that AWS gives at once, and that a caller may ask for
_TOKEN = re.compile(r"(?P<digest>.{8})(?P<index>.{2})(?P<last>.{4})(?P<aws>.*)", re.DOTALL)
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NONE = "AAAA"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on: in the page that AWS's token asks for (none: the first), behind the last run shown of it.

    `last` is that run's mark, and `index` how many runs there were up to it; 0: none was shown.
    """

    aws: str = ""
    index: int = 0
    last: str = _NONE

    def after(self, index: int, job_run_id: str) -> Cursor:
        """The place in the same page after the run that stands there."""
        return Cursor(self.aws, min(index + 1, PAGE), mark(job_run_id))

    def start(self, job_run_ids: Sequence[str]) -> int:
        """Where to go on in the page as it is now: from its beginning, where that run is not in it any more."""
        if not self.index:
            return 0
        places = [index for index, each in enumerate(job_run_ids, 1) if mark(each) == self.last]
        return self.index if self.index in places else next(iter(places), 0)


def mark(job_run_id: str) -> str:
    """A few characters that tell a run from the others of its page."""
    return _digest(4, job_run_id)


def written(cursor: Cursor, caller_id: str, request: Mapping[str, object]) -> str:
    """The token of a place, for a caller who asked with these filters; ValueError where AWS's own leaves no room."""
    index = _ALPHABET[cursor.index >> 6] + _ALPHABET[cursor.index & 63]
    token = f"{_asked(cursor, caller_id, request)}{index}{cursor.last}{cursor.aws}"
    if len(token) > MOST_CHARACTERS:
        raise ValueError(f"AWS's page token has {len(cursor.aws)} characters")
    return token


def read(token: str, caller_id: str, request: Mapping[str, object]) -> Cursor | None:
    """The place that a token names; None where it was not given to this caller for these filters."""
    match = _TOKEN.fullmatch(token)
    if match is None or not set(match["index"]) <= set(_ALPHABET):
        return None
    high, low = map(_ALPHABET.index, match["index"])
    cursor = Cursor(match["aws"], high << 6 | low, match["last"])
    is_given = cursor.index <= PAGE and _asked(cursor, caller_id, request) == match["digest"]
    return cursor if is_given else None


def _asked(cursor: Cursor, caller_id: str, request: Mapping[str, object]) -> str:
    """The digest of a place, of who asks, and for what; a page's size may change from one to the next."""
    filters = {key: value for key, value in request.items() if key not in ("nextToken", "maxResults")}
    return _digest(
        8, cursor.aws, str(cursor.index), cursor.last, caller_id, json.dumps(filters, sort_keys=True, default=str)
    )


def _digest(characters: int, *parts: str) -> str:
    whole = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.urlsafe_b64encode(whole).decode()[:characters]
