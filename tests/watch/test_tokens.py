"""The resume token: what it keeps, and that it is believed of its own run alone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.watching import Seen, read_token
from emrgateway_server.watching.tokens import LONGEST, write_token

_SEEN = st.builds(Seen, st.from_regex(r"[A-Z_]{1,64}", fullmatch=True), st.integers(0, 10**9), st.integers(0, 10**14))


@given(_SEEN)
def test_kept(seen: Seen) -> None:
    """What was seen comes back, states to come included, within the length that the contract says."""
    token = write_token("app", "run", seen)
    assert read_token(token, "app", "run") == seen
    assert len(token) <= LONGEST


@pytest.mark.parametrize("place", [("app", "other"), ("other", "run"), ("apprun", "")])
def test_of_another_run(place: tuple[str, str]) -> None:
    """A token of another run is none."""
    with pytest.raises(ValueError, match="no token"):
        read_token(write_token("app", "run", Seen("RUNNING")), *place)


@given(
    st.one_of(
        st.text(max_size=2_000), st.binary(max_size=600).map(lambda data: base64.urlsafe_b64encode(data).decode())
    )
)
def test_garbage(text: str) -> None:
    """Whatever is none is refused, and by nothing but ValueError."""
    with pytest.raises(ValueError, match=r"too long|no token"):
        read_token(text, "app", "run")
