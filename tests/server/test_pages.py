"""Page tokens: what is read is what was written, by whom and for what, within AWS's alphabet and length."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.pages import MOST_CHARACTERS, PAGE, Cursor, mark, read, written

_ALPHABET = re.compile(r"[A-Za-z0-9_=-]+")
_IDS = st.text("0123456789abcdefghijklmnopqrstuv", min_size=1, max_size=16)
_CURSORS = st.builds(
    lambda aws, index, run: Cursor(aws).after(index, run),
    st.from_regex(r"[A-Za-z0-9_=-]{0,1010}", fullmatch=True),
    st.integers(0, 2 * PAGE),
    _IDS,
)


@given(_CURSORS, _IDS, st.dictionaries(_IDS, _IDS))
def test_there_and_back(cursor: Cursor, caller: str, filters: dict[str, str]) -> None:
    """A token gives the place back to the same caller with the same filters, whatever size the page was."""
    token = written(cursor, caller, filters)
    assert _ALPHABET.fullmatch(token)
    assert len(token) <= MOST_CHARACTERS
    assert read(token, caller, {**filters, "maxResults": 7, "nextToken": "before"}) == cursor
    assert read(token, caller + "x", filters) is None
    assert read(token, caller, {**filters, "more": 1}) is None


@given(_CURSORS, st.text(max_size=40), st.data())
def test_a_token_that_was_changed_is_none(cursor: Cursor, other: str, data: st.DataObject) -> None:
    """Another text in any place of it, or nothing of it."""
    token = written(cursor, "caller", {})
    start = data.draw(st.integers(0, len(token)))
    stop = data.draw(st.integers(start, len(token)))
    changed = token[:start] + other + token[stop:]
    assert (read(changed, "caller", {}) == cursor) is (changed == token)
    assert read(other, "caller", {}) is None


def test_a_token_of_aws_that_leaves_no_room() -> None:
    """An error, not a token that would be refused."""
    with pytest.raises(ValueError, match="1020 characters"):
        written(Cursor("x" * 1_020), "caller", {})


@pytest.mark.parametrize("index", [PAGE + 1, 400, 4_095])
def test_a_place_that_no_page_has(index: int) -> None:
    """A token that was made up does not ask AWS for more runs than it gives."""
    assert read(written(Cursor("", PAGE, mark("run")), "caller", {}), "caller", {}) is not None
    assert read(written(Cursor("", index, mark("run")), "caller", {}), "caller", {}) is None


@given(st.lists(_IDS, min_size=1, unique=True), st.data())
def test_the_place_is_found_again(runs: list[str], data: st.DataObject) -> None:
    """After the last run that was seen, wherever it stands now; from the beginning where it has left."""
    index = data.draw(st.integers(0, len(runs) - 1))
    cursor = Cursor().after(index, runs[index])
    assert cursor.start(runs) == index + 1
    assert Cursor().start(runs) == 0
    newer = data.draw(st.lists(_IDS.filter(lambda run: mark(run) != mark(runs[index])), max_size=5))
    earlier = [run for run in newer + runs[:index] if mark(run) != mark(runs[index])]
    assert cursor.start([*earlier, *runs[index:]]) == len(earlier) + 1
    assert cursor.start([run for run in runs if mark(run) != mark(runs[index])]) == 0
